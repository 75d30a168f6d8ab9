"""What ``ganzoo bench`` measured, as text and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ganzoo.cli.output import table

if TYPE_CHECKING:
    import torch

    from ganzoo.training.bench.loading import DataReport
    from ganzoo.training.bench.operation_times import Comparison, Refusal, Speed
    from ganzoo.training.bench.step import StepReport

BEST = "*"
OPS_HEADINGS = (
    "operation",
    "implementation",
    "forward ms ",
    "GB/s",
    "of copy",
    "forward and backward ms ",
    "GB/s",
    "of copy",
)


def ops_text(
    comparisons: Sequence[Comparison], device: torch.device, refusals: Sequence[Refusal] = ()
) -> str:
    """A table for every size, type and layout, the fastest marked, and what refused a size."""
    parts = [_where(device)]
    for (size, dtype, layout), group in groupby(
        comparisons, key=lambda each: (each.size, _short(each.dtype), each.layout)
    ):
        shape = " x ".join(map(str, size))
        rows = [row for each in group for row in _ops_rows(each)]
        parts.append(f"{shape}, {dtype}, {layout}\n" + _numbers_right(rows, OPS_HEADINGS, 2))
    accounts = {each.operation.op: each.operation.account for each in comparisons}
    parts.append(
        f"{BEST} the fastest. GB/s: of the bytes that must move, each tensor once"
        " (noise, factors, biases and their gradients counted as well):\n"
        + table([*accounts.items()], indent="  ")
        + "\nof copy: that rate over the one of a copy of x, measured in the same rounds."
        + _cached(comparisons, device)
    )
    left_out = {pair: None for each in comparisons for pair in each.left_out}
    parts += [f"{name} was not measured: {reason}" for name, reason in left_out]
    parts += [f"Not measured: {told}" for told in dict.fromkeys(map(str, refusals))]
    return "\n\n".join(parts)


def ops_record(
    comparisons: Sequence[Comparison], device: torch.device, refusals: Sequence[Refusal] = ()
) -> Mapping[str, Any]:
    """The same as plain data; seconds, and bytes a second."""
    from ganzoo.training.bench.caches import last_cache

    return {
        **_machine(device),
        "last_cache_bytes": last_cache() if device.type == "cpu" else None,
        "comparisons": [
            {
                "operation": each.operation.name,
                "op": each.operation.op,
                "size": each.size,
                "dtype": _short(each.dtype),
                "layout": each.layout,
                "account": each.operation.account,
                "copy_bytes": each.copied_bytes,
                "copy_bytes_per_second": each.copy_rate,
                "forward_bytes": each.forward_bytes,
                "forward_and_backward_bytes": each.both_bytes,
                "implementations": {
                    speed.implementation: {
                        "forward_seconds": speed.forward,
                        "forward_bytes_per_second": speed.forward_rate,
                        "forward_share_of_copy": speed.forward_share,
                        "forward_and_backward_seconds": speed.both,
                        "forward_and_backward_bytes_per_second": speed.both_rate,
                        "forward_and_backward_share_of_copy": speed.both_share,
                    }
                    for speed in each.speeds
                },
                "not_measured": dict(each.left_out),
            }
            for each in comparisons
        ],
        "refused": [
            {"operation": name, "size": size, "reason": reason}
            for name, size, reason in dict.fromkeys(
                (each.operation.name, each.size, each.reason) for each in refusals
            )
        ],
    }


def step_text(report: StepReport) -> str:
    """A table of the phases, and what a step of them comes to."""
    from ganzoo.recipe.identity import recipe_hash
    from ganzoo.training.fit.words import bytes_words

    recipe, whole = report.recipe, report.seconds_per_step
    rows = [
        (
            phase.name,
            str(phase.every),
            _ms(phase.seconds),
            f"{phase.seconds / phase.every / whole:.0%}",
        )
        for phase in report.phases
    ]
    rows.append(("data and averages", "1", _ms(report.rest), f"{report.rest / whole:.0%}"))
    rows.append(("a step in the mean", "", _ms(whole), ""))
    lines = [
        f"{recipe.name} {recipe_hash(recipe)}, {_size_of(report)}, batches of {report.batch}"
        + (", networks at full size" if report.changes else ""),
        _where(report.device),
        "",
        _numbers_right(rows, ("phase", "every", "ms", "of a step"), 1),
        "",
        f"{report.seconds_per_thousand:.4g} s per 1,000 images,"
        f" {report.images_per_second:.4g} images a second",
        f"Peak memory: {bytes_words(report.peak_memory)} ({_memory_of(report.device)})",
    ]
    if report.growth is not None:
        lines.append(f"Growth over {report.steps} steps: {report.growth:,} bytes")
    lines.append(f"Medians of {report.steps} steps, each with every phase, after two others.")
    return "\n".join(lines)


def step_record(report: StepReport) -> Mapping[str, Any]:
    """The same as plain data."""
    from ganzoo.recipe.identity import recipe_hash

    return {
        **_machine(report.device),
        "recipe": report.recipe.name,
        "hash": recipe_hash(report.recipe),
        "resolution": report.recipe.data.settings["resolution"],
        "batch": report.batch,
        "steps": report.steps,
        "phases": {
            phase.name: {"every": phase.every, "seconds": phase.seconds} for phase in report.phases
        },
        "rest_seconds": report.rest,
        "seconds_per_step": report.seconds_per_step,
        "seconds_per_1000_images": report.seconds_per_thousand,
        "images_per_second": report.images_per_second,
        "peak_memory_bytes": report.peak_memory,
        "memory_growth_bytes": report.growth,
        "networks_grow": report.changes,
    }


def data_text(report: DataReport, pace: float | None) -> str:
    """A table of the numbers of threads.

    Args:
        pace: images a second that training takes, or None.
    """
    data = report.recipe.data
    rows = [
        (
            str(rate.workers),
            f"{rate.images_per_second:,.0f}",
            _ms(report.batch / rate.images_per_second),
            "" if pace is None else f"{pace / rate.images_per_second:.1%}",
        )
        for rate in report.rates
    ]
    lines = [
        f"{data.use}, {report.count:,} images, {_size_of(report)}, batches of {report.batch}",
        "",
        _numbers_right(rows, ("workers", "images/s", "ms a batch", "of a step"), 0),
        "",
    ]
    if pace is None:
        lines.append("Against a training step: add --steps 5, or name a run folder.")
    else:
        lines.append(
            f"Training takes {pace:,.4g} images a second. Batches are read ahead, so up to 100%"
            " of a step the reading costs what its threads take from the others."
        )
    return "\n".join(lines)


def data_record(report: DataReport, pace: float | None) -> Mapping[str, Any]:
    """The same as plain data."""
    return {
        "data": report.recipe.data.use,
        "images": report.count,
        "resolution": report.recipe.data.settings["resolution"],
        "batch": report.batch,
        "training_images_per_second": pace,
        "workers": [
            {
                "workers": rate.workers,
                "images": rate.images,
                "seconds": rate.seconds,
                "images_per_second": rate.images_per_second,
                "share_of_step": None if pace is None else pace / rate.images_per_second,
            }
            for rate in report.rates
        ],
    }


def _ops_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    best = {what: min(getattr(s, what) for s in comparison.speeds) for what in ("forward", "both")}

    def cells(speed: Speed, what: str) -> tuple[str, str, str]:
        seconds = getattr(speed, what)
        mark = BEST if seconds == best[what] else " "
        return (
            _ms(seconds) + mark,
            f"{getattr(speed, f'{what}_rate') / 1e9:#.3g}".rstrip("."),
            f"{getattr(speed, f'{what}_share'):.0%}",
        )

    return [
        (
            "" if index else comparison.operation.name,
            speed.implementation,
            *cells(speed, "forward"),
            *cells(speed, "both"),
        )
        for index, speed in enumerate(comparison.speeds)
    ]


def _cached(comparisons: Sequence[Comparison], device: torch.device) -> str:
    """A sentence for copies that never leave a CPU's caches; empty where all of them do."""
    from ganzoo.training.bench.caches import last_cache
    from ganzoo.training.fit.words import bytes_words

    if device.type != "cpu":
        return ""
    copied = [each.copied_bytes for each in comparisons]
    cache = last_cache()
    if cache is None:
        return (
            f"\nThe copy moves {bytes_words(min(copied))}, which a cache may hold; this system does"
            " not tell how large it is."
        )
    held = [number for number in copied if number <= cache]
    if not held:
        return ""
    return (
        f"\nThe last cache holds {bytes_words(cache)}: copies that move less, as those of"
        f" {bytes_words(max(held))} here, are copies within it, faster than the memory's."
        " Larger tensors: --size."
    )


def _numbers_right(rows: Sequence[tuple[str, ...]], headings: tuple[str, ...], first: int) -> str:
    """A table whose columns from ``first`` on are set to the right."""
    everything = [headings, *rows]
    widths = [max(len(row[column]) for row in everything) for column in range(len(headings))]
    right = [
        (*row[:first], *(cell.rjust(width) for cell, width in zip(row[first:], widths[first:])))
        for row in everything
    ]
    return table(right, indent="  ")


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1e3
    return f"{milliseconds:,.0f}" if milliseconds >= 1000 else f"{milliseconds:#.4g}".rstrip(".")


def _size_of(report: StepReport | DataReport) -> str:
    settings = report.recipe.data.settings
    resolution: Any = settings["resolution"]
    height, width = (resolution, resolution) if isinstance(resolution, int) else resolution
    return f"{height} x {width} x {settings['channels']}"


def _memory_of(device: torch.device) -> str:
    return "torch's allocator" if device.type == "cuda" else "growth of the process"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _where(device: torch.device) -> str:
    facts = _machine(device)
    count = facts["threads"]
    threads = f", {count} thread{'s' * (count > 1)}" if device.type == "cpu" else ""
    return f"{facts['device']}{threads}, torch {facts['torch']}"


def _machine(device: torch.device) -> dict[str, Any]:
    import torch

    from ganzoo.training.plan import device_name

    return {
        "device": device_name(device),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
