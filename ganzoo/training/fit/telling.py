"""What the measurements mean, in sentences."""

from __future__ import annotations

from ganzoo.errors import BackendError, UsageError
from ganzoo.recipe.model import Recipe
from ganzoo.training.fit.measurement import Measurement
from ganzoo.training.fit.outlook import KEPT_BACK, Outlook, disk
from ganzoo.training.fit.words import bytes_words
from ganzoo.training.forecast import duration


def fit_lines(outlook: Outlook, recipe: Recipe, device: str) -> list[str]:
    """Memory, what fits, time and disk, a line each."""
    lines = [
        *_memory(outlook, device),
        *_share(outlook),
        *_time(outlook, recipe),
        *_disk(outlook, recipe),
    ]
    failed = [m for m in outlook.measurements if m.ending != "measured"]
    return [*map(_ended, failed), *lines]


def chosen_share(outlook: Outlook, name: str, device: str) -> tuple[int | None, str]:
    """The ``micro_batch`` to set (None: the recipe fits as it is), and a sentence about it.

    Raises:
        BackendError: no share fits that leaves the result what it would be.
        UsageError: how much memory there is, nobody knows.
    """
    if outlook.allowed is None:
        raise UsageError(
            f"--fit: how much memory is free on {device}, this system does not tell. Say how much"
            " may be used, as --memory 8GiB."
        )
    if outlook.share is None:
        raise BackendError(f"{name} does not fit the memory of {device}: {_no_share(outlook)}")
    peak = f"a forecast of {bytes_words(outlook.peak or 0)} at most"
    free = f", {bytes_words(outlook.allowed)} may be used"
    if outlook.fits:
        return None, f"{_now(outlook)} fits the memory of {device}: {peak}{free}."
    return outlook.share, (
        f"{_now(outlook)} does not fit the memory of {device}: cut into shares of {outlook.share}"
        f" with training.micro_batch={outlook.share} ({peak}{free}). The gradients stay those of"
        " the whole batch, but for draws (each share has its own) and path length (each share"
        " moves its mean in its own penalty, by its fraction of the share's own latents, at least"
        " one)."
    )


def _memory(outlook: Outlook, device: str) -> list[str]:
    line, facts = outlook.line, outlook.facts
    weights = f"{bytes_words(facts.weights)} are weights, gradients, moments and the average"
    text = (
        f"Memory: {bytes_words(line.fixed)} whatever the share (of which {weights}) and"
        f" {bytes_words(line.each)} an image"
    )
    if not outlook.sloped:
        share, peak = next((m.share, m.peak) for m in outlook.measurements if m.peak is not None)
        text = (
            f"Memory: {bytes_words(peak or 0)} with {share} image{'s' * (share > 1)} at a time (of"
            f" which {weights}); what each further one takes, one measurement cannot tell, and what"
            " is said of other shares is a cautious guess"
        )
    if outlook.allowed is None:
        return [f"{text}; how much is free on {device}, this system does not tell. See --memory."]
    kept = f"{bytes_words(outlook.allowed)} may be used"
    if facts.free is not None and outlook.allowed == int(facts.free * (1 - KEPT_BACK)):
        kept = f"{bytes_words(facts.free)} are free on {device}, {KEPT_BACK:.0%} are kept back"
    return [f"{text}; {kept}."]


def _share(outlook: Outlook) -> list[str]:
    if outlook.share is None:
        return [f"What fits: {_no_share(outlook)}"]
    most = outlook.batch_that_fits
    at_once = "" if not most or not outlook.sloped else f" About {most:,} images would fit at once."
    if outlook.fits:
        lines = [f"What fits: {_now(outlook)[0].lower()}{_now(outlook)[1:]} does.{at_once}"]
    else:
        lines = [
            f"What fits: shares of {outlook.share}, not {_now(outlook).lower()};"
            f" {bytes_words(outlook.peak or 0)} at most.{at_once}"
        ]
    larger = [batch for batch in outlook.facts.batches if batch > outlook.facts.batch]
    if larger:
        lines.append(
            f"Batches of up to {max(larger)}, which smaller images have before, are not measured."
        )
    return lines


def _now(outlook: Outlook) -> str:
    batch = outlook.facts.batch
    if outlook.present == batch:
        return f"The batch of {batch}"
    return f"The share of {outlook.present} of the batch of {batch}"


def _no_share(outlook: Outlook) -> str:
    if outlook.allowed is not None and outlook.bare > outlook.allowed:
        return (
            f"nothing does. Python and torch alone take {bytes_words(outlook.bare)}, and"
            f" {bytes_words(outlook.allowed)} may be used. Allow more with --memory, or free some."
        )
    weights = outlook.facts.weights
    beside = outlook.line.fixed - weights  # of a CPU's process, with what the first step loads
    if outlook.allowed is not None and outlook.bare and beside > outlook.allowed:
        return (
            f"nothing does. Beside {bytes_words(weights)} for the networks,"
            f" {bytes_words(beside)} are taken whatever the share: by Python and torch"
            f" ({bytes_words(outlook.bare)} before the networks are built) and what they load with"
            f" the first step. {bytes_words(outlook.allowed)} may be used; allow more with"
            " --memory, or free some."
        )
    if outlook.inexact is None:
        return (
            "not even one image at a time does. Choose a smaller data.resolution or fewer channels,"
            " as task.generator.channels_max=64 task.discriminator.channels_max=64."
        )
    groups = [group or outlook.facts.batch for group in outlook.facts.groups]
    compared = min(max(groups, default=1), outlook.facts.batch)
    return (
        f"shares of {outlook.inexact} would, but the discriminator compares {compared} samples with"
        f" each other, and smaller shares compare fewer. Choose: training.batch={outlook.inexact},"
        f" or training.micro_batch={outlook.inexact} if it may compare {outlook.inexact}."
    )


def _time(outlook: Outlook, recipe: Recipe) -> list[str]:
    if outlook.share is None:
        kept = "" if outlook.inexact is None else " that leaves the result what it is"
        return [f"Time: not known, because no share{kept} fits."]
    thousand = outlook.seconds_per_thousand
    if thousand is None:
        return ["Time: not known; a phase was not measured to its end. See --seconds."]
    images = recipe.training.images
    how = "" if outlook.timed else " (a forecast, from smaller shares)"
    text = (
        f"Time: {_number(thousand)} s for 1,000 images{how},"
        f" {_length(thousand * images / 1000)} for the {images:,} images of the recipe"
    )
    if outlook.facts.grows:
        return [f"{text} if all had full size. It grows: larger images take longer, smaller less."]
    return [f"{text}."]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _length(seconds: float) -> str:
    return "under a second" if seconds < 1 else duration(seconds)


def _disk(outlook: Outlook, recipe: Recipe) -> list[str]:
    needed = disk(outlook, recipe, recipe.training.images)
    if needed is None:
        return []
    s = "s" * (needed.keep != 1)
    return [
        f"Disk: about {bytes_words(needed.total)} at most: {needed.keep} checkpoint{s} of"
        f" {bytes_words(needed.checkpoint)}, one more while it is written, and {needed.grids:,}"
        f" grids of at most {bytes_words(needed.grid)}."
    ]


def _ended(measurement: Measurement) -> str:
    share = f"{measurement.share} image{'s' * (measurement.share > 1)} at a time"
    if measurement.ending == "out of memory":
        return f"With {share}, memory ran out while it was at its {measurement.doing}."
    return f"With {share}, the time was up while it was at its {measurement.doing}. See --seconds."
