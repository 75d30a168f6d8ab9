"""Train every point of a grid with several seeds, and write a report that compares them."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.cli.ablation_checks import check_data, check_devices
from ganzoo.cli.data_choice import DIGITS, choose_data, choosing, data_path
from ganzoo.cli.evaluations import Evaluations
from ganzoo.cli.output import say
from ganzoo.cli.parser import registry_from
from ganzoo.cli.seeds import parse_numbers
from ganzoo.cli.sources import recipe_source
from ganzoo.errors import TrainingError, UsageError
from ganzoo.registry.catalogue import Registry

if TYPE_CHECKING:
    from ganzoo.ablation.plan import Member
    from ganzoo.recipe.grid import Grid


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE, overrides, which points and seeds, and what belongs to this machine."""
    parser.usage = "ganzoo ablate RECIPE [key=value ...] [options]"
    parser.add_argument(
        "recipe", metavar="RECIPE", help="a recipe with a grid; one without is a single point"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="overrides of every point"
    )
    parser.add_argument(
        "--points", metavar="LIST", help="points of the grid, as 0-3,5 (default: all)"
    )
    parser.add_argument(
        "--seeds",
        metavar="LIST",
        help="seeds of every point, as 0-2 (default: that of the first point's recipe)",
    )
    parser.add_argument(
        "--jobs",
        type=_positive("jobs"),
        default=1,
        metavar="N",
        help="runs at a time; they share the cores (default: 1)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="default: ablations/<name of the recipe>"
    )
    parser.add_argument("--data", metavar="PATH", help="where the pictures are (or GANZOO_DATA)")
    parser.add_argument(
        "--images", type=_positive("images"), metavar="N", help="images of each run in all"
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="as of `ganzoo run`; several, as cuda:0,cuda:1, are handed out in turn",
    )
    parser.add_argument(
        "--metric",
        default="ganzoo/frechet",
        metavar="NAMES",
        help="metric components, with commas between them (default: ganzoo/frechet)",
    )
    parser.add_argument(
        "--extractor",
        default="ganzoo/seeded-convolutions",
        metavar="NAME",
        help="where metrics have their features from (default: ganzoo/seeded-convolutions)",
    )
    parser.add_argument(
        "--samples",
        type=_positive("samples"),
        metavar="N",
        help="pictures of each run that metrics see (default: 2,000, or as many as the data has)",
    )
    parser.add_argument("--retry", action="store_true", help="try runs again that failed before")
    parser.add_argument(
        "--report-only",
        action="store_true",
        help="train nothing; write the report of what is there",
    )


def run(args: argparse.Namespace) -> int:
    """Run what is left to do, evaluate, write the report, and print where it is."""
    from ganzoo.ablation.collect import collect
    from ganzoo.ablation.folder import locked
    from ganzoo.ablation.plan import plan_of
    from ganzoo.ablation.record import open_record, refuse_strangers
    from ganzoo.ablation.report import write_report
    from ganzoo.ablation.runner import Runner, RunnerOptions

    if not sys.stderr.isatty():
        # A bar that ends up in a file may speak once in a while; tqdm reads this when imported.
        os.environ.setdefault("TQDM_MININTERVAL", "10")
    registry = registry_from(args)
    given = data_path(args.data)
    grid, data = _grid(args, given, registry)
    plan = plan_of(
        grid,
        points=None if args.points is None else parse_numbers(args.points, "points"),
        seeds=None if args.seeds is None else parse_numbers(args.seeds),
        images=args.images,
    )
    words = _Words(args, data=data, in_grid=bool(grid.axes))
    folder = args.out or Path("ablations") / grid.name
    if args.report_only and not (folder / "ablation.json").is_file():
        raise UsageError(f"--report-only: {str(folder)!r} holds no ablation yet.")
    # what is wrong for every run is told before hours of training
    refuse_strangers(folder)
    devices = check_devices(args.device)
    evaluations = Evaluations(
        metrics=args.metric,
        extractor=args.extractor,
        samples=args.samples,
        registry=registry,
        data=data,
        device=devices[0],
    )
    if data is not None or not args.report_only:
        check_data([point.recipe for point in plan.points], registry, data)
    with locked(folder, say) if not args.report_only else nullcontext() as lock:
        record = open_record(folder, plan)
        if not args.report_only:
            record.write()
            options = RunnerOptions(
                jobs=args.jobs,
                devices=devices,
                retry=args.retry,
                lock=lock,
                report=say,
            )
            try:
                Runner(folder, plan, record, words.of, options).run()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"go on with: {shlex.join(['ganzoo', *sys.argv[1:]])}"
                ) from None
        evaluations.evaluate(folder, plan, record)
        facts = collect(folder, plan, record, recipe=args.recipe)
        report = write_report(folder, facts)
    print(report)
    runs = [run for point in facts.points for run in point.runs]
    wanting = sum(run.status != "finished" for run in runs)
    if wanting:
        raise TrainingError(
            f"{wanting} of {len(runs)} runs are not finished and evaluated; the report says why:"
            f" {report}"
        )
    return 0


def _grid(
    args: argparse.Namespace, given: Path | None, registry: Registry
) -> tuple[Grid, Path | None]:
    """The grid with its data slots filled, and the path of the pictures."""
    from ganzoo.recipe.grid import load_grid

    source = recipe_source(args.recipe)
    looked_at = load_grid(source, choosing(args.overrides), registry=registry)
    uses = {point.loaded.recipe.data.use for point in looked_at.points}
    choices = {choose_data(use, given, explicit=args.data is not None) for use in uses}
    if len(choices) > 1:
        named = ", ".join(sorted(str(use) for use in uses))
        raise UsageError(
            f"ganzoo ablate: the points of {looked_at.name} name different data sets ({named}), and"
            " --data can only stand for all of them. Run them apart, with --points."
        )
    (choice,) = choices
    if choice.digits:
        say(f"No --data given: training {looked_at.name} on the embedded digits ({DIGITS}).")
    grid = load_grid(
        source, [*choice.overrides, *args.overrides], registry=registry, data_use=choice.use
    )
    return grid, choice.path


class _Words:
    """The command lines of an ablation's processes."""

    def __init__(self, args: argparse.Namespace, *, data: Path | None, in_grid: bool) -> None:
        self._args = args
        self._in_grid = in_grid
        self._data = [] if args.data is None or data is None else ["--data", str(data)]

    def of(self, member: Member, resume: Path | None, home: Path, device: str) -> list[str]:
        """The words that start or resume one run."""
        from ganzoo.ablation.folder import USAGE

        args = self._args
        if resume is None:
            point = ["--point", str(member.point)] if self._in_grid else []
            seed = f"training.seed={member.seed}"
            what = [args.recipe, *point, *args.overrides, seed, "--out", str(home)]
        else:
            what = [str(resume)]
        images = [] if args.images is None else ["--images", str(args.images)]
        attached = [sys.executable, "-m", "ganzoo.cli.attached", str(home / USAGE)]
        return [*attached, "run", *what, *self._data, *images, "--device", device]


def _positive(what: str) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is no number of {what}; write 4")
        return int(text)

    return number
