"""Which share sizes are measured, one after the other, until it is clear what fits."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ganzoo.errors import BackendError, UsageError
from ganzoo.recipe.dump import dump
from ganzoo.recipe.model import Recipe
from ganzoo.training.fit.measurement import Measurement, Request
from ganzoo.training.fit.outlook import KEPT_BACK, Outlook, look, peak_of
from ganzoo.training.fit.probe import probe
from ganzoo.training.fit.words import bytes_words

SIZES = (1, 2, 4)  # that are measured first: small ones show what a large one will need
MOST_PROOFS = 3  # shares that are tried because the line says that they fit
SHARE_OF_STEPS = 0.5  # of the time for a measurement: what the process spends on further rounds


def fit(
    recipe: Recipe,
    *,
    data: Path | None,
    device: torch.device,
    sizes: Sequence[int] = (),
    workers: int = 0,
    seconds: float = 60.0,
    memory: int | None = None,
    watch: Callable[[int], None] = lambda share: None,
) -> Outlook:
    """Measure what a recipe needs of this machine.

    Plugins that were added by hand reach the measuring processes in ``GANZOO_PLUGINS``.

    Args:
        data: where the pictures are, or None.
        sizes: shares to measure; none: small ones, and the share that then seems to fit. One
            alone tells no line, so another that the networks take is measured beside it.
        workers: threads that read pictures side by side.
        seconds: the longest that one measurement may build, and again train.
        memory: bytes that training may take, in the place of what is free here.
        watch: is told of each share before it is measured.

    Raises:
        UsageError: the device is none that can be measured.
        BackendError: not even the smallest share could be measured; the text says why.
        GanzooError: the recipe cannot be trained on this data.
    """
    if device.type not in ("cpu", "cuda"):
        raise UsageError(
            f"--device {device}: memory is measured on cpu and cuda devices. Try small values of"
            " training.micro_batch by hand"
        )
    if "RANK" in os.environ:
        raise UsageError(
            "memory is measured by one process, not by those of torchrun. Measure without it, for"
            " the part of the batch that one rank has, and set training.micro_batch"
        )
    measurements: list[Measurement] = []

    def measure(share: int) -> Measurement:
        watch(share)
        request = Request(
            recipe=dump(recipe),
            data=None if data is None else str(data),
            device=str(device),
            share=share,
            workers=workers,
            seconds=seconds * SHARE_OF_STEPS,
        )
        found = probe(request, seconds=seconds, allowed=_most(measurements, device))
        measurements.append(found)
        return found

    for share in sorted(set(sizes)) or SIZES:
        if not sizes and not _worth(share, look(measurements, recipe, memory), seconds):
            break
        if measure(share).ending != "measured":
            break
    outlook = look(measurements, recipe, memory)
    if outlook is not None and len(set(sizes)) == 1:
        second = second_size(outlook)
        if second is not None:
            measure(second)
            outlook = look(measurements, recipe, memory) or outlook
    if outlook is None:
        raise BackendError(_nothing_measured(measurements[0], device, seconds))
    for _ in range(0 if sizes else MOST_PROOFS):
        proposed = outlook.share
        if proposed is None or proposed in {m.share for m in measurements}:
            break
        if _duration(outlook, proposed) > seconds * SHARE_OF_STEPS:
            break  # the forecast has to do
        measure(proposed)
        outlook = look(measurements, recipe, memory) or outlook
    return outlook


def second_size(outlook: Outlook) -> int | None:
    """The share to measure beside a single one; None: the networks take no other."""
    (first,) = outlook.measurements
    smaller = [share for share in outlook.facts.accepted if share < first.share]
    larger = [share for share in outlook.facts.accepted if share > first.share]
    return max(smaller) if smaller else min(larger, default=None)


def _worth(share: int, outlook: Outlook | None, seconds: float) -> bool:
    """Whether the next small share is within the batch, the memory and the time."""
    if outlook is None:
        return share == SIZES[0]
    if share > outlook.present or _duration(outlook, share) > seconds:
        return False
    if outlook.allowed is None or len(outlook.measurements) == 1:
        return True  # one peak does not tell images from what libraries load with the first step
    return peak_of(outlook.line, outlook.facts, share) <= outlook.allowed


def _duration(outlook: Outlook, share: int) -> float:
    """Seconds of one round with a share, by what the largest one measured took."""
    timed = [m for m in outlook.measurements if m.timed]
    if not timed:
        return float("inf")
    largest = timed[-1]
    return sum(largest.seconds.values()) * max(1.0, share / largest.share) + largest.rest


def _most(measurements: Sequence[Measurement], device: torch.device) -> int | None:
    """Bytes at which a process on the CPU is ended: less than would end others."""
    facts = next((m.facts for m in measurements if m.facts is not None), None)
    if device.type != "cpu" or facts is None or facts.free is None:
        return None
    return int(facts.free * (1 - KEPT_BACK / 2))


def _nothing_measured(measurement: Measurement, device: torch.device, seconds: float) -> str:
    share = f"{measurement.share} image{'s' * (measurement.share > 1)} at a time"
    if measurement.ending == "out of memory":
        return (
            f"not even {share} fits the memory of {device} (it ended while"
            f" {measurement.doing}). Choose a smaller data.resolution or fewer channels, as"
            " task.generator.channels_max=64 task.discriminator.channels_max=64."
        )
    known = [f"phase {name} took {seconds:.3g} s" for name, seconds in measurement.seconds.items()]
    if measurement.peak_so_far is not None:
        known.append(f"{bytes_words(measurement.peak_so_far)} of memory were in use so far")
    return (
        f"with {share}, {device} was at its {measurement.doing} when the {seconds:g} s of a"
        f" measurement were over{_after(known)}. Give it more time, as --seconds 600, or choose a"
        " smaller data.resolution or fewer channels; ganzoo run quickstart takes minutes."
    )


def _after(known: Sequence[str]) -> str:
    return f" ({', '.join(known)})" if known else ""
