"""Measure what a recipe needs of this machine: memory, time, disk, and the batch that fits."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.cli.measured import LONGEST, measured, memory_size, number_of_seconds
from ganzoo.cli.output import print_json, table
from ganzoo.cli.parser import add_json_option, add_point_option, registry_from
from ganzoo.cli.training_recipe import recipe_for_training
from ganzoo.recipe.model import Recipe

if TYPE_CHECKING:
    from ganzoo.training.fit.measurement import Measurement
    from ganzoo.training.fit.outlook import Outlook


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE, overrides, and how it is to be measured."""
    parser.usage = "ganzoo fit RECIPE [key=value ...] [options]"
    parser.add_argument(
        "recipe", metavar="RECIPE", help="a recipe file, the name of a shipped one, or a run folder"
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="overrides of the recipe, as training.batch=16",
    )
    add_point_option(parser)
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="where the pictures are: a folder, class subfolders, or a zip (or set GANZOO_DATA)",
    )
    parser.add_argument(
        "--device", default="auto", help="auto (default: the best there is), cpu, cuda or cuda:1"
    )
    parser.add_argument(
        "--batches",
        type=_sizes,
        default=(),
        metavar="N,N",
        help="numbers of images to measure; beside a single one, another (default: 1, 2, 4, and"
        " what then seems to fit)",
    )
    parser.add_argument(
        "--seconds",
        type=number_of_seconds,
        default=LONGEST,
        metavar="S",
        help=f"give up a measurement after S seconds of training (default: {LONGEST:.0f})",
    )
    parser.add_argument(
        "--memory",
        type=memory_size,
        metavar="SIZE",
        help="how much may be used, as 8GiB (default: what is free, less a tenth)",
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the measurements, what they mean, and what to do where the batch does not fit."""
    registry = registry_from(args)
    loaded, data = recipe_for_training(
        args.recipe, args.point, args.overrides, args.data, registry, doing="measuring"
    )

    from ganzoo.training.run import choose_device

    device = choose_device(args.device)
    outlook = measured(
        loaded.recipe,
        data=data,
        device=device,
        sizes=args.batches,
        seconds=args.seconds,
        memory=args.memory,
    )
    command = command_for(args, data, outlook)
    if args.json:
        print_json(_record(outlook, loaded.recipe, str(device), command))
        return 0
    print(report(outlook, loaded.recipe, str(device)))
    if command is not None:
        print(f"\nTo train it here:\n  {command}")
    return 0


def report(outlook: Outlook, recipe: Recipe, device: str) -> str:
    """The measurements as a table, and what they mean."""
    from ganzoo.training.fit.telling import fit_lines

    lines = [_head(outlook, recipe, device), _table(outlook), ""]
    return "\n".join([*lines, *fit_lines(outlook, recipe, device)])


def command_for(args: argparse.Namespace, data: Path | None, outlook: Outlook) -> str | None:
    """What to type where the batch has to be cut; None: nothing, or nothing helps."""
    if outlook.fits or outlook.share is None:
        return None
    words = ["ganzoo", "run", args.recipe, *args.overrides]
    words.append(f"training.micro_batch={outlook.share}")
    if args.point is not None:
        words += ["--point", str(args.point)]
    if args.data is not None:
        words += ["--data", str(data)]
    if args.device != "auto":
        words += ["--device", args.device]
    for plugin in args.plugin:
        words += ["-p", plugin]
    return shlex.join(words)


def _head(outlook: Outlook, recipe: Recipe, device: str) -> str:
    import torch

    facts = outlook.facts
    height, width = facts.resolution
    count = torch.get_num_threads()
    threads = f", {count} thread{'s' * (count > 1)}" if device == "cpu" else ""
    size = ", networks at full size" if facts.grows else ""
    return (
        f"{recipe.name} {facts.recipe_hash}: batches of {facts.batch}, images of"
        f" {height}x{width}x{facts.channels}{size}, on {device}{threads}\n"
    )


def _table(outlook: Outlook) -> str:
    from ganzoo.training.fit.words import bytes_words

    names = [name for name, _ in outlook.facts.phases]
    headings = ["images", "peak memory"]
    headings += [
        name if every == 1 else f"{name} (1/{every})" for name, every in outlook.facts.phases
    ]
    rows = []
    for m in outlook.measurements:
        peak = m.ending if m.peak is None else bytes_words(m.peak)
        seconds = [f"{m.seconds[name]:.3g} s" if name in m.visits else "-" for name in names]
        rows.append((str(m.share), peak, *seconds))
    columns = [
        max(len(heading), *(len(row[number]) for row in rows))
        for number, heading in enumerate(headings)
    ]
    right = [tuple(cell.rjust(w) for cell, w in zip(row, columns, strict=True)) for row in rows]
    return table(right, headings)


def _record(outlook: Outlook, recipe: Recipe, device: str, command: str | None) -> dict[str, Any]:
    from ganzoo.training.fit.outlook import disk

    facts, images = outlook.facts, recipe.training.images
    thousand = outlook.seconds_per_thousand
    needed = disk(outlook, recipe, images)
    return {
        "name": recipe.name,
        "hash": facts.recipe_hash,
        "device": device,
        "resolution": facts.resolution,
        "channels": facts.channels,
        "grows": facts.grows,
        "batch": facts.batch,
        "present_share": outlook.present,
        "measurements": [_measurement(m) for m in outlook.measurements],
        "free_memory": facts.free,
        "allowed_memory": outlook.allowed,
        "memory_fixed": round(outlook.line.fixed) if outlook.sloped else None,
        "memory_per_image": round(outlook.line.each) if outlook.sloped else None,
        "memory_of_weights": facts.weights,
        "batch_that_fits": outlook.batch_that_fits if outlook.sloped else None,
        "fits": outlook.fits,
        "share": outlook.share,
        "inexact_share": outlook.inexact,
        "peak_memory": None if outlook.peak is None else round(outlook.peak),
        "seconds_per_phase": outlook.seconds,
        "seconds_per_thousand_images": thousand,
        "seconds_are_measured": outlook.timed,
        "images": images,
        "days": None if thousand is None else thousand * images / 1000 / 86400,
        "disk": None
        if needed is None
        else {
            "checkpoint": needed.checkpoint,
            "keep": needed.keep,
            "grid_at_most": needed.grid,
            "grids": needed.grids,
            "total": needed.total,
        },
        "command": command,
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "images": measurement.share,
        "ending": measurement.ending,
        "doing": measurement.doing,
        "peak_memory": measurement.peak,
        "seconds": measurement.seconds,
    }


def _sizes(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers of images; write 1,2,4")
    return tuple(map(int, words))
