from __future__ import annotations

import sys

import pytest

from benchmarks import gpu
from benchmarks.deadline import TAIL, Deadline
from benchmarks.gpu_report import markdown
from benchmarks.kernel_gains import gains_of
from ganzoo.backends.cupy_kernels.gains import Gains, read_gains, write_gains
from ganzoo.cli.bench import add_arguments
from ganzoo.cli.bench_options import refuse_mismatch
from ganzoo.cli.parser import CommandParser, add_global_options


def comparison(
    op, dtype, torch, cupy, *, variant="", size=(8, 128, 256, 256), layout="channels_last"
):
    """Seconds (forward, both) of torch and of the kernel, as ``ganzoo bench ops --json`` has it."""

    def speed(seconds):
        return {
            "forward_seconds": seconds[0],
            "forward_bytes_per_second": 1e12,
            "forward_share_of_copy": 0.5 / seconds[0],
            "forward_and_backward_seconds": seconds[1],
            "forward_and_backward_bytes_per_second": 1e12,
            "forward_and_backward_share_of_copy": 0.5 / seconds[1],
        }

    ways = {"torch": speed(torch), **({"cupy": speed(cupy)} if cupy else {})}
    return {
        "op": op,
        "operation": f"{op}/{variant}" if variant else op,
        "size": size,
        "dtype": dtype,
        "layout": layout,
        "implementations": ways,
        "not_measured": {} if cupy else {"cupy": "there is no CuPy"},
    }


def test_a_gain_is_the_least_of_all_measurements():
    found = gains_of(
        [
            comparison("upfirdn2d", "float32", (2.0, 4.0), (1.0, 2.0), variant="up2"),
            comparison("upfirdn2d", "float32", (3.0, 4.0), (2.0, 2.0), variant="blur"),
        ]
    )
    assert found == {"upfirdn2d": {"float32": 1.5}}


def test_one_measurement_without_a_gain_is_enough_to_refuse_it():
    found = gains_of(
        [
            comparison("modulate", "bfloat16", (2.0, 2.0), (1.0, 1.0)),
            comparison("modulate", "bfloat16", (2.0, 1.04), (1.0, 1.0), size=(1, 1, 1, 1)),
            comparison("adain", "float32", (1.0, 1.06), (0.9, 1.0)),
        ]
    )
    assert found == {"adain": {"float32": 1.06}}


def test_a_loss_in_either_layout_or_at_a_small_size_refuses_a_gain():
    gain, loss = ((2.0, 2.0), (1.0, 1.0)), ((0.9, 0.9), (1.0, 1.0))
    for other in ({"layout": "contiguous"}, {"size": (8, 512, 16, 16)}):
        found = [comparison("modulate", "float32", *gain)]
        assert gains_of(found)
        assert gains_of([*found, comparison("modulate", "float32", *loss, **other)]) == {}


def test_without_a_kernel_there_is_no_gain():
    assert gains_of([comparison("adain", "float32", (1.0, 1.0), None)]) == {}


def test_adopted_gains_are_what_auto_reads(tmp_path):
    gains = gains_of([comparison("pixel_norm", "bfloat16", (2.0, 2.0), (1.0, 1.0))])
    write_gains(tmp_path / "gains.json", Gains(measured_on="a device", gains=gains))
    read = read_gains(tmp_path / "gains.json")
    assert read.shows("pixel_norm", "bfloat16")
    assert not read.shows("pixel_norm", "float32")


class Hands:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_what_no_longer_fits_is_skipped_and_says_so(tmp_path):
    clock = Hands()
    deadline = Deadline(seconds=100, folder=tmp_path, clock=clock)
    clock.now = 80
    words = [sys.executable, "-c", "open('ran', 'w')"]
    outcome = deadline.run(words, needs=30)
    assert outcome.state == "skipped"
    assert outcome.text == "20 s were left, and it takes 30 s"
    assert not (tmp_path / "ran").exists()
    assert deadline.run(words, needs=10).state == "done"
    assert (tmp_path / "ran").exists()


def test_a_command_that_fails_tells_its_last_words(tmp_path):
    deadline = Deadline(seconds=100, folder=tmp_path)
    outcome = deadline.run([sys.executable, "-c", "raise SystemExit('not here')"], needs=0)
    assert (outcome.state, outcome.code) == ("failed", 1)
    assert "not here" in outcome.text
    assert outcome.json() is None


def test_places_of_this_machine_are_not_written_down(tmp_path):
    shown = {sys.executable: "python", str(tmp_path): "HERE"}
    deadline = Deadline(seconds=100, folder=tmp_path, shown=shown)
    script = f"raise SystemExit('no {tmp_path}')"
    outcome = deadline.run([sys.executable, "-c", script], needs=0)
    assert outcome.command == "python -c raise SystemExit('no HERE')"
    assert outcome.text.strip() == "no HERE"


def test_a_command_that_never_ends_is_ended(tmp_path):
    deadline = Deadline(seconds=100, folder=tmp_path)
    forever = "while True: pass"
    outcome = deadline.run([sys.executable, "-c", forever], needs=0, most=0.1)
    assert outcome.state == "out of time"
    assert outcome.text.splitlines()[-1] == "ended after 0 s"


def test_a_command_that_is_ended_tells_its_last_words(tmp_path):
    deadline = Deadline(seconds=100, folder=tmp_path, shown={str(tmp_path): "HERE"})
    long = "x" * TAIL
    script = f"echo {long}; echo at work in {tmp_path}; exec sleep 1000"
    outcome = deadline.run(["sh", "-c", script], needs=0, most=1)
    assert outcome.state == "out of time"
    assert outcome.text.splitlines()[1:] == ["at work in HERE", "ended after 1 s"]
    assert len(outcome.text) < len(long) + 50


def test_nothing_that_python_said_waits_in_a_buffer(tmp_path):
    deadline = Deadline(seconds=100, folder=tmp_path)
    script = "import sys; print(sys.stdout.write_through)"
    assert deadline.run([sys.executable, "-c", script], needs=0).text == "True\n"


@pytest.fixture(scope="module")
def skipped(tmp_path_factory):
    """The sections of a report for which there was no time at all."""
    folder = tmp_path_factory.mktemp("skipped")
    deadline = Deadline(seconds=0, folder=folder, shown={sys.executable: "python"})
    return gpu.measure(deadline, folder)


def commands(sections):
    for section in sections.values():
        for each in [section] if "ran" in section else section.values():
            yield each["ran"]


def test_where_no_time_is_left_every_section_says_so(skipped, found):
    unmeasured = {key: found[key] for key in found if key not in skipped and key != "adopted"}
    text = markdown({**unmeasured, **skipped})
    assert text.count("unmeasured (skipped)") == text.count(" s were left") - len(gpu.TESTS)
    assert "- processes: skipped, 0 s were left" in text


def test_every_command_is_one_that_there_is(skipped):
    bench = [words.split()[4:] for words in commands(skipped) if "ganzoo bench" in words]
    assert [words[0] for words in bench] == ["ops", *["step"] * 3, *["data"] * 2, "ops"]
    for words in bench:
        parser = CommandParser(prog="ganzoo bench")
        add_arguments(parser)
        add_global_options(parser)
        refuse_mismatch(parser.parse_intermixed_args(words))


def test_every_file_of_gpu_tests_is_run_by_one_command(skipped):
    run = [each["ran"] for each in skipped["tests"].values()]
    for path in (gpu.ROOT / "tests" / "gpu").glob("test_*.py"):
        assert sum(f"tests/gpu/{path.name}" in words for words in run) == 1


def test_gains_are_measured_in_both_layouts_and_at_a_small_size(skipped):
    ran = skipped["operations"]["ran"]
    assert "--layout channels_last,contiguous" in ran
    assert "--size 8,512,16,16" in ran


def test_what_a_command_prints_is_read_as_json(tmp_path):
    deadline = Deadline(seconds=100, folder=tmp_path)
    assert deadline.run([sys.executable, "-c", "print('[1]')"], needs=0).json() == [1]


@pytest.fixture
def found():
    step = {
        "state": "done",
        "resolution": [1024, 1024],
        "batch": 32,
        "micro_batch": None,
        "seconds_per_1000_images": 11.0,
        "images_per_second": 90.9,
        "peak_memory_bytes": 2**36,
        "memory_growth_bytes": 0,
        "rest_seconds": 0.01,
        "phases": {"generator": {"every": 1, "seconds": 0.1}},
    }
    unmeasured = {"state": "skipped", "said": "3 s were left, and it takes 60 s"}
    return {
        "command": "python -m benchmarks.gpu",
        "device": "Some GPU",
        "date": "2026-01-01",
        "driver": "600.1",
        "cuda": "13.0",
        "torch": "2.13.0",
        "cupy": "cupy-cuda13x 14.2",
        "python": "3.11",
        "tests": {
            "parity and launch": {"state": "done", "summary": "40 passed"},
            "processes": {"state": "out of time", "summary": "ended after 120 s"},
        },
        "data": {
            "1024 x 1024": {
                "state": "done",
                "resolution": 1024,
                "workers": [{"workers": 4, "images_per_second": 909.0}],
            }
        },
        "first_call": {
            "first process": {"state": "done", "first": 4.0, "all": 40.0},
            "later process": {"state": "done", "first": 0.6, "all": 1.0},
        },
        "steps": {
            "config F 1024 bfloat16": step,
            "config E 256 bfloat16": {**step, "memory_growth_bytes": 512},
        },
        "operations": {
            "state": "done",
            "comparisons": [
                comparison("modulate", "float32", (1.0, 1.0), (0.6, 1.0)),
                comparison("modulate", "float32", (1.0, 1.0), (0.5, 0.6), layout="contiguous"),
                comparison("modulate", "float32", (1.0, 1.0), (0.1, 0.1), size=(8, 512, 16, 16)),
                comparison("adain", "float32", (1.0, 1.0), None),
            ],
        },
        "compiled": unmeasured,
        "gains": {"modulate": {"float32": 1.2}},
        "adopted": "modulate float32",
    }


def test_the_report_says_what_was_reached_missed_and_not_measured(found):
    text = markdown(found)
    assert "| config F 1024 bfloat16 | 32 | 11.00 | 12 or less: reached |" in text
    assert "| config E 256 bfloat16 | 32 | 11.00 | 1.5 or less: missed |" in text
    assert "grew by 512 bytes" in text
    assert "| first process | 4.00 | 40.00 | under 10 s: reached |" in text
    assert "| later process | 0.60 | 1.00 | under 0.5 s: missed |" in text
    assert "- parity and launch: done, 40 passed\n" in text
    assert "- processes: out of time, ended after 120 s\n" in text
    assert "| 1024 x 1024 | 4 | 909 | 10.0% |" in text
    assert "Not measured, cupy: there is no CuPy." in text
    assert "unmeasured (skipped): 3 s were left, and it takes 60 s" in text
    assert "| modulate | float32 | 1.20 |" in text
    assert "Adopted: modulate float32." in text


def test_kernels_are_held_against_a_copy_forward_and_with_backward_at_large_sizes_alone(found):
    text = markdown(found)
    assert "| 83% | 80%: reached | 1000.000 | 50% | 80%: missed |" in text
    assert "| 100% | 80%: reached | 600.000 | 83% | 80%: reached |" in text
    assert "| 500% |  | 100.000 | 500% |  |" in text  # a copy of so little is no measure
    told = "from 256x256x128 on: 2 of 2 forward, 1 of 2 forward and backward."
    assert f"Kernels at 80% of a copy or more, {told}" in text


def test_the_report_names_the_machine_and_the_command(found):
    text = markdown(found)
    assert text.startswith("# Some GPU\n")
    assert "`python -m benchmarks.gpu`, 2026-01-01. Driver 600.1, CUDA 13.0, torch 2.13.0" in text
