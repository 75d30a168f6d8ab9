"""Train a recipe, or go on with a run."""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
import sys
from pathlib import Path

from ganzoo.cli.measured import measured, memory_size
from ganzoo.cli.output import leads, say
from ganzoo.cli.parser import add_point_option, registry_from
from ganzoo.cli.sources import run_folder
from ganzoo.cli.training_recipe import recipe_for_training
from ganzoo.errors import UsageError
from ganzoo.recipe.load import LoadedRecipe
from ganzoo.registry.catalogue import Registry

NEWEST = "newest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE or RUN, overrides, and everything that belongs to this machine."""
    parser.usage = "ganzoo run RECIPE [key=value ...] [options]\n       ganzoo run RUN [options]"
    parser.add_argument(
        "recipe",
        nargs="?",
        metavar="RECIPE",
        help="a recipe file, the name of a shipped one, or the folder of a run to go on with",
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
        "--images",
        type=_count,
        metavar="N",
        help="stop after N images in all, sooner or later than the recipe says",
    )
    parser.add_argument(
        "--max-minutes", type=_minutes, metavar="M", help="stop after M minutes of wall clock"
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="auto (default: the best there is), cpu, cuda, cuda:1 or mps",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="FOLDER", help="default: runs"
    )
    parser.add_argument(
        "--resume",
        metavar="PATH",
        help=f"go on with this run folder or checkpoint, or with the {NEWEST!r} run of this recipe",
    )
    parser.add_argument(
        "--init-from",
        type=Path,
        metavar="PATH",
        help="start a new run from the weights of a run, a checkpoint or an imported folder",
    )
    parser.add_argument(
        "--workers",
        type=_threads,
        default=0,
        metavar="N",
        help="threads that read pictures side by side (default: 0, one that reads ahead)",
    )
    parser.add_argument(
        "--fit",
        action="store_true",
        help="measure first what fits the memory here; where the batch does not, cut it into"
        " shares (training.micro_batch)",
    )
    parser.add_argument(
        "--memory",
        type=memory_size,
        metavar="SIZE",
        help="with --fit, how much may be used, as 8GiB (default: what is free, less a tenth)",
    )


def run(args: argparse.Namespace) -> int:
    """Train, and print the run folder."""
    word, resume = _what(args)
    if args.init_from is not None and resume is not None:
        raise UsageError(
            "ganzoo run: --init-from starts a new run, and --resume goes on with one (as a run's"
            " folder does). Give a recipe and one of them."
        )
    if args.memory is not None and not args.fit:
        raise UsageError("ganzoo run: --memory says how much --fit may plan for. Add --fit.")
    if args.fit and resume is not None:
        raise UsageError(
            "ganzoo run: --fit sets training.micro_batch, and a run goes on with the recipe that it"
            " has. Leave --fit out, or start a new run with --init-from."
        )
    if not sys.stderr.isatty():
        # A bar that ends up in a file may speak once in a while; tqdm reads this when imported.
        os.environ.setdefault("TQDM_MININTERVAL", "10")
    registry = registry_from(args)
    loaded, data = recipe_for_training(word, args.point, args.overrides, args.data, registry)
    if resume == NEWEST:
        resume = str(_newest_run(args.out, loaded.recipe.name))
    if args.fit:
        loaded = _fitted(args, word, data, loaded, registry)

    from ganzoo.training.allocator import keep_freed_memory
    from ganzoo.training.options import RunOptions
    from ganzoo.training.run import train

    keep_freed_memory()
    plugins = [word for given in args.plugin for word in ("-p", given)]
    options = RunOptions(
        data=data,
        device=args.device,
        images=args.images,
        max_minutes=args.max_minutes,
        out=args.out,
        resume=None if resume is None else Path(resume),
        init_from=args.init_from,
        workers=args.workers,
        command=shlex.join(["ganzoo", *sys.argv[1:]]),
        again=shlex.join([*(["--data", str(data)] if data else []), *plugins]),
        report=say,
    )
    folder = train(loaded, registry, options)
    say(f"Draw from it: {shlex.join(['ganzoo', 'sample', str(folder), *plugins])}")
    if leads():
        print(folder)
    return 0


def _fitted(
    args: argparse.Namespace,
    word: str,
    data: Path | None,
    loaded: LoadedRecipe,
    registry: Registry,
) -> LoadedRecipe:
    """The recipe with the share that fits: itself, where its batch does."""
    from ganzoo.training.fit.telling import chosen_share
    from ganzoo.training.run import choose_device

    device = choose_device(args.device)
    outlook = measured(
        loaded.recipe, data=data, device=device, workers=args.workers, memory=args.memory
    )
    share, told = chosen_share(outlook, loaded.recipe.name, str(device))
    say(told)
    if share is None:
        return loaded
    cut = [*args.overrides, f"training.micro_batch={share}"]
    return recipe_for_training(word, args.point, cut, args.data, registry, doing=None)[0]


def _what(args: argparse.Namespace) -> tuple[str, str | None]:
    """The recipe's word, and the run or checkpoint to resume, ``NEWEST`` or None."""
    if args.recipe is None:
        if args.resume not in (None, NEWEST) and run_folder(args.resume):
            return args.resume, args.resume
        raise UsageError(
            "ganzoo run: name a recipe to train, as: ganzoo run quickstart\n"
            "  or the folder of a run to go on with, as: ganzoo run runs/NAME"
        )
    if args.resume is None and run_folder(args.recipe):
        return args.recipe, args.recipe
    return args.recipe, args.resume


def _newest_run(out: Path, name: str) -> Path:
    slug = re.escape(re.sub(r"[^A-Za-z0-9_.-]+", "-", name))
    ours = re.compile(rf"\w+-{slug}-[0-9a-f]{{12}}(-\d+)?")  # as assembly.run_folder names them
    found = [
        folder
        for folder in out.glob("*")
        if ours.fullmatch(folder.name) and run_folder(str(folder))
    ]
    if not found:
        raise UsageError(
            f"--resume: {str(out)!r} holds no run of {name!r}. "
            "Leave --resume out to start one, or give the run's folder."
        )
    # one that failed before its first checkpoint has nothing to go on from
    resumable = [folder for folder in found if any((folder / "checkpoints").glob("*.pt"))]
    return max(resumable or found, key=lambda folder: folder.name)


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images; write 50000")
    return count


def _threads(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads; write 4")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not (math.isfinite(minutes) and minutes > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes; write 30")
    return minutes
