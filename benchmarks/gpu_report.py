"""What ``benchmarks.gpu`` found, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.kernel_gains import MARGIN

OWED_SHARE = 0.8  # of the copy bandwidth, from OWED_SIZE on
OWED_SIZE = 128, 256, 256  # channels, height, width
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
        *(f"- {name}: {each['state']}, {each['summary']}" for name, each in found["tests"].items()),
        "",
        "## Start-up of kernels",
        "",
        *_first_calls(found["first_call"]),
        "",
        "## Training steps",
        "",
        *_steps(found["steps"]),
        "",
        "## Reading pictures",
        "",
        *_data(found["data"], found["steps"]),
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


def _data(data: Mapping[str, Any], steps: Mapping[str, Any]) -> Iterator[str]:
    """Rates of the loader, and what of it the fastest step of that resolution takes."""
    paces: dict[int, float] = {}
    for step in steps.values():
        if step["state"] == "done":
            height, pace = _height(step["resolution"]), step["images_per_second"]
            paces[height] = max(pace, paces.get(height, pace))
    rows = []
    for name, found in data.items():
        if found["state"] != "done":
            yield _unmeasured(name, found)
            continue
        pace = paces.get(_height(found["resolution"]), 0.0)
        for each in found["workers"]:
            rate = each["images_per_second"]
            share = f"{pace / rate:.1%}" if pace else ""
            rows.append((name, str(each["workers"]), f"{rate:,.0f}", share))
    yield from _table(("pictures", "workers", "images/s", "of a step, read ahead"), rows)


def _height(resolution: int | Sequence[int]) -> int:
    return resolution if isinstance(resolution, int) else resolution[0]


def _operations(found: Mapping[str, Any]) -> Iterator[str]:
    if found["state"] != "done":
        yield _unmeasured("", found)
        return
    rows = []
    reasons: dict[str, None] = {}
    reached: dict[str, list[bool]] = {"forward": [], "forward_and_backward": []}
    for each in found["comparisons"]:
        owed = all(have >= least for have, least in zip(each["size"][1:], OWED_SIZE))
        for name, speed in each["implementations"].items():
            verdicts = []
            for what, all_reached in reached.items():
                share = speed[f"{what}_share_of_copy"]
                if name == "cupy" and owed:
                    all_reached.append(share >= OWED_SHARE)
                    verdicts.append(_verdict(all_reached[-1], f"{OWED_SHARE:.0%}"))
                else:
                    verdicts.append("")
            forward, both = verdicts
            rows.append(
                (
                    each["operation"],
                    " x ".join(map(str, each["size"])),
                    each["dtype"],
                    each["layout"],
                    name,
                    f"{speed['forward_seconds'] * 1e3:.3f}",
                    f"{speed['forward_bytes_per_second'] / 1e9:.0f}",
                    f"{speed['forward_share_of_copy']:.0%}",
                    forward,
                    f"{speed['forward_and_backward_seconds'] * 1e3:.3f}",
                    f"{speed['forward_and_backward_share_of_copy']:.0%}",
                    both,
                )
            )
        reasons |= {f"{name}: {why}": None for name, why in each["not_measured"].items()}
    headings = (
        *("operation", "size", "type", "layout", "implementation"),
        *("forward ms", "GB/s", "of copy", "owed", "with backward ms", "of copy", "owed"),
    )
    if reached["forward"]:
        channels, height, width = OWED_SIZE
        count = len(reached["forward"])
        yield (
            f"Kernels at {OWED_SHARE:.0%} of a copy or more, from {height}x{width}x{channels} on:"
            f" {sum(reached['forward'])} of {count} forward,"
            f" {sum(reached['forward_and_backward'])} of {count} forward and backward.\n"
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
