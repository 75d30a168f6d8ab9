"""``ganzoo fit`` and ``ganzoo run --fit``: what a recipe needs here, and a batch cut to fit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml
from command_line import TOY, CommandLine

WIDER = """\
ganzoo: 1
extends: toy.yaml
about: A toy whose images take some memory.
task:
  generator: {channels_base: 2048, channels_max: 32}
  discriminator: {channels_base: 2048, channels_max: 32, head: {group: 2}}
  regularizers: {path: {use: ganzoo/path-length, weight: 2, every: 4}}
data: {resolution: 64}
training: {batch: 8, images: 8}
"""
PHASES = ["generator", "generator/path", "discriminator", "discriminator/r1"]
FORECAST = 1.5  # a forecast of the memory of images may miss by this factor


@dataclass(frozen=True)
class Measured:
    """A wider toy, measured once for all tests."""

    ganzoo: CommandLine
    record: dict

    def memory_for(self, images: float) -> str:
        """What so many images at once need, as ``--memory`` takes it."""
        record = self.record
        return str(int(record["memory_fixed"] + images * record["memory_per_image"]))


@pytest.fixture(scope="module")
def wider(tmp_path_factory) -> Measured:
    folder: Path = tmp_path_factory.mktemp("wider")
    (folder / "toy.yaml").write_text(TOY, encoding="utf-8")
    (folder / "wider.yaml").write_text(WIDER, encoding="utf-8")
    ganzoo = CommandLine(folder)
    result = ganzoo("fit", "wider.yaml", "--device", "cpu", "--batches", "1,4,16", "--json")
    assert result.code == 0, result.err
    return Measured(ganzoo, json.loads(result.out))


def test_every_phase_is_measured_at_every_size(wider):
    assert [m["images"] for m in wider.record["measurements"]] == [1, 4, 16]
    for measurement in wider.record["measurements"]:
        assert measurement["ending"] == "measured"
        assert sorted(measurement["seconds"]) == sorted(PHASES)
        assert all(seconds > 0 for seconds in measurement["seconds"].values())


def test_peaks_forecast_from_small_shares_are_those_measured(wider):
    peaks = {m["images"]: m["peak_memory"] for m in wider.record["measurements"]}
    each = (peaks[4] - peaks[1]) / 3
    forecast = peaks[4] + 12 * each
    assert forecast == pytest.approx(peaks[16], rel=0.2)  # with what every process holds
    assert 1 / FORECAST < 12 * each / (peaks[16] - peaks[4]) < FORECAST


def test_weights_and_checkpoints_are_counted(wider):
    record = wider.record
    checkpoint, weights = record["disk"]["checkpoint"], record["memory_of_weights"]
    # networks, average and two moments lie in both; gradients in memory alone
    assert 0.6 * weights < checkpoint < weights
    assert record["memory_fixed"] > weights
    assert record["disk"]["keep"] == 2
    assert record["disk"]["total"] > 3 * checkpoint


def test_days_are_the_seconds_of_every_phase_by_how_often_it_comes(wider):
    record = wider.record
    assert record["days"] == pytest.approx(record["seconds_per_thousand_images"] * 8 / 1000 / 86400)
    assert record["fits"] is True
    assert record["command"] is None


def test_a_run_that_does_not_fit_cuts_its_batch_and_records_it(wider):
    result = wider.ganzoo(
        *("run", "wider.yaml", "--device", "cpu", "--fit"),
        *("--memory", wider.memory_for(3.5)),  # far from what 2 need, and farther from what 8 do
    )
    assert result.code == 0, result.err
    told = re.search(r"cut into shares of (\d) with training.micro_batch=\1 ", result.err)
    assert told is not None, result.err
    share = int(told[1])
    assert share in (2, 4)  # on a line that differs from run to run, 4 lie next to the limit
    run = wider.ganzoo.folder / result.out.strip()
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["training"]["micro_batch"] == share
    checkpoint = torch.load(run / "checkpoints" / "000000008.pt", weights_only=True)
    assert checkpoint["clock"]["images"] == 8


def test_a_measurement_that_takes_too_long_is_given_up_in_a_sentence(wider):
    result = wider.ganzoo("fit", "wider.yaml", "--device", "cpu", "--seconds", "0.01")
    assert result.code == 4
    assert "when the 0.01 s of a measurement were over" in result.err
    assert "Traceback" not in result.err


def test_a_single_size_is_measured_beside_another_and_what_the_process_takes_is_known(wider):
    result = wider.ganzoo(
        *("fit", "wider.yaml", "--device", "cpu", "--batches", "1", "--memory", "1MiB", "--json")
    )
    assert result.code == 0, result.err
    record = json.loads(result.out)
    assert [m["images"] for m in record["measurements"]] == [1, 2]
    assert record["memory_per_image"] is not None
    text = wider.ganzoo(
        *("fit", "wider.yaml", "--device", "cpu", "--batches", "2", "--memory", "1MiB")
    ).out
    assert re.search(r"nothing does\. Python and torch alone take \d+ MiB, and 1 MiB may", text)


def test_data_that_cannot_be_read_is_told_as_a_run_tells_it(in_process, tmp_path):
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    result = in_process("fit", "toy.yaml", "--data", "nowhere", "--device", "cpu")
    assert result.code == 5
    assert "nowhere" in result.one_message.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fit", "toy.yaml", "--batches", "1,x"), "'1,x' is no list of numbers of images"),
        (("fit", "toy.yaml", "--seconds", "-3"), "'-3' is no number of seconds"),
        (("fit", "toy.yaml", "--memory", "much"), "'much' is no amount of memory; write 8GiB"),
        (("fit", "toy.yaml", "training.bach=3"), "Did you mean 'batch'?"),
        (("run", "toy.yaml", "--memory", "8GiB"), "Add --fit"),
        (("run", "toy.yaml", "--fit", "--resume", "newest"), "Leave --fit out"),
    ],
)
def test_mistakes_are_told_in_a_sentence(in_process, tmp_path, words, told):
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    result = in_process(*words)
    assert result.code == 2
    assert told in result.one_message


def test_ranks_of_torchrun_do_not_measure(in_process, tmp_path, monkeypatch):
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    monkeypatch.setenv("RANK", "0")
    result = in_process("fit", "toy.yaml", "--device", "cpu")
    assert result.code == 2
    assert "torchrun" in result.one_message
