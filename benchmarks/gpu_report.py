"""What ``benchmarks.gpu`` found, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.kernel_gains import MARGIN

OWED_SHARE = 0.8  # of the copy bandwidth
OWED_STEPS = {"config F 1024 bfloat16": 12.0, "config E 256 bfloat16": 1.5}  # s per 1,000 images
OWED_FIRST, OWED_LATER = 10.0, 0.5  # seconds of the first kernel call


def markdown(found: Mapping[str, Any]) -> str:
    """The whole report.

    Args:
        found: what is written as JSON.
    """
    lines = [
        f"# {found['device']}",
        "",
        f"`{found['command']}`, {found['date']}. Driver {found['driver']}, CUDA {found['cuda']},"
        f" torch {found['torch']}, {found['cupy'] or 'no CuPy'}, Python {found['python']}.",
        "",
        "## Tests",
        "",
        f"{found['tests']['state']}: {found['tests']['summary']}",
        "",
        "## Start-up of kernels",
        "",
        *_first_calls(found["first_call"]),
        "",
        "## Training steps",
        "",
        *_steps(found["steps"]),
        "",
        "## Operations",
        "",
        *_operations(found["operations"]),
        "",
        "## torch.compile",
        "",
        *_operations(found["compiled"]),
        "",
        "## Gains of kernels over torch",
        "",
        *_gains(found["gains"]),
    ]
    if "adopted" in found:
        lines += ["", f"Adopted: {found['adopted']}."]
    return "\n".join(lines) + "\n"


def _first_calls(calls: Mapping[str, Any]) -> Iterator[str]:
    owed = {"first process": OWED_FIRST, "later process": OWED_LATER}
    rows = []
    for name, call in calls.items():
        if call["state"] != "done":
            yield _unmeasured(name, call)
            continue
        verdict = _verdict(call["first"] < owed[name], f"under {owed[name]:g} s")
        rows.append((name, f"{call['first']:.2f}", f"{call['all']:.2f}", verdict))
    yield from _table(("", "first call s", "all operations and types s", "owed"), rows)


def _steps(steps: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for name, step in steps.items():
        if step["state"] != "done":
            yield _unmeasured(name, step)
            continue
        thousand, owed = step["seconds_per_1000_images"], OWED_STEPS.get(name)
        growth = step["memory_growth_bytes"]
        rows.append(
            (
                name,
                f"{step['batch']}" + (f" by {step['micro_batch']}" if step["micro_batch"] else ""),
                f"{thousand:.2f}",
                "" if owed is None else _verdict(thousand <= owed, f"{owed:g} or less"),
                f"{step['images_per_second']:.1f}",
                f"{step['peak_memory_bytes'] / 2**30:.1f}",
                "steady" if growth == 0 else f"grew by {growth:,} bytes",
            )
        )
    headings = ("", "batch", "s per 1,000 images", "owed", "images/s", "peak GiB", "memory")
    yield from _table(headings, rows)
    for name, step in steps.items():
        if step["state"] == "done":
            phases = ", ".join(
                f"{phase} {each['seconds'] * 1e3:.1f} ms (every {each['every']})"
                for phase, each in step["phases"].items()
            )
            yield f"\n{name}: {phases}, the rest {step['rest_seconds'] * 1e3:.1f} ms."


def _operations(found: Mapping[str, Any]) -> Iterator[str]:
    if found["state"] != "done":
        yield _unmeasured("", found)
        return
    rows = []
    reasons: dict[str, None] = {}
    for each in found["comparisons"]:
        for name, speed in each["implementations"].items():
            share = speed["forward_share_of_copy"]
            rows.append(
                (
                    each["operation"],
                    " x ".join(map(str, each["size"])),
                    each["dtype"],
                    name,
                    f"{speed['forward_seconds'] * 1e3:.3f}",
                    f"{speed['forward_bytes_per_second'] / 1e9:.0f}",
                    f"{share:.0%}",
                    f"{speed['forward_and_backward_seconds'] * 1e3:.3f}",
                    f"{speed['forward_and_backward_share_of_copy']:.0%}",
                    _verdict(share >= OWED_SHARE, f"{OWED_SHARE:.0%}") if name == "cupy" else "",
                )
            )
        reasons |= {f"{name}: {why}": None for name, why in each["not_measured"].items()}
    headings = (
        *("operation", "size", "type", "implementation", "forward ms", "GB/s", "of copy"),
        *("with backward ms", "of copy", "owed"),
    )
    yield from _table(headings, rows)
    yield from (f"\nNot measured, {reason}." for reason in reasons)


def _gains(gains: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    if not gains:
        yield f"None of {MARGIN:.2f} or more in every measurement."
        return
    rows = [
        (op, dtype, f"{gain:.2f}") for op, types in gains.items() for dtype, gain in types.items()
    ]
    yield from _table(("op", "type", "times faster, the least of all measurements"), rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        for cells in (headings, ["---"] * len(headings), *rows):
            yield f"| {' | '.join(cells)} |"


def _verdict(reached: bool, owed: str) -> str:
    return f"{owed}: {'reached' if reached else 'missed'}"


def _unmeasured(name: str, found: Mapping[str, Any]) -> str:
    said = str(found.get("said", "")).strip().splitlines() or [""]
    return f"{name} unmeasured ({found['state']}): {said[-1]}\n".lstrip()
