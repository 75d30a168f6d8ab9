"""Measure speed here: operations against a copy, a recipe's training step, or its loader."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.cli.bench_options import (
    DATA_SECONDS,
    DTYPES,
    LAYOUTS,
    OPS_SECONDS,
    STEPS,
    add_options,
    names_of,
    refuse_mismatch,
)
from ganzoo.cli.output import print_json
from ganzoo.cli.parser import registry_from
from ganzoo.cli.sources import run_folder
from ganzoo.cli.training_recipe import recipe_for_training
from ganzoo.errors import BackendError, UsageError
from ganzoo.recipe.load import LoadedRecipe
from ganzoo.registry.catalogue import Registry

if TYPE_CHECKING:
    import torch

    from ganzoo.training.bench.step import StepReport

CPU_SIZE = (8, 128, 32, 32)
GPU_SIZE = (8, 128, 256, 256)
ANY_DATA = "stylegan2-f"  # leaves data and resolution to its user, and mirrors as most do
WORKERS = (0, 2, 4)
MANY_PARAMETERS = 5_000_000  # of all networks: more make a step on a CPU long


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is measured, with what, and how long."""
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, and print a table."""
    refuse_mismatch(args)
    if not sys.stderr.isatty():
        # A bar that ends up in a file may speak once in a while; tqdm reads this when imported.
        os.environ.setdefault("TQDM_MININTERVAL", "10")
    return {"ops": _ops, "step": _step, "data": _data}[args.subject](args)


def _ops(args: argparse.Namespace) -> int:
    from ganzoo.training.bench.operations import operations_named

    operations = operations_named(args.words)
    given = names_of("dtype", args.dtype, DTYPES)
    layout = ",".join(LAYOUTS) if args.layout == "both" else args.layout
    layouts = names_of("layout", layout, LAYOUTS) or LAYOUTS[:1]
    registry_from(args)  # -p is checked as everywhere

    import torch
    from tqdm import tqdm

    from ganzoo.cli.bench_tables import ops_record, ops_text
    from ganzoo.training.bench.operation_times import Refusal, compare

    device = _device(args)
    gpu = device.type == "cuda"
    dtypes = given or (DTYPES[:2] if gpu else DTYPES[:1])
    sizes = args.size or [GPU_SIZE if gpu else CPU_SIZE]
    total = len(operations) * len(dtypes) * len(sizes) * len(layouts)
    refusals: list[Refusal] = []
    found = list(
        tqdm(
            compare(
                operations,
                device=device,
                dtypes=[getattr(torch, name) for name in dtypes],
                sizes=sizes,
                layouts=layouts,
                compiled=gpu if args.compile is None else args.compile,
                seconds=args.seconds or OPS_SECONDS,
                refused=refusals.append,
            ),
            total=total,
            unit="comparison",
            leave=False,
        )
    )
    if not found:
        raise UsageError(f"nothing takes this --size. {refusals[0]}")
    if args.json:
        print_json(ops_record(found, device, refusals))
    else:
        print(ops_text(found, device, refusals))
    return 0


def _step(args: argparse.Namespace) -> int:
    if not args.words:
        raise UsageError("ganzoo bench step: name a recipe, as: ganzoo bench step quickstart")
    if args.workers is not None and len(args.workers) > 1:
        raise UsageError("ganzoo bench step: --workers is one number here; ganzoo bench data")
    word, *overrides = args.words
    registry = registry_from(args)
    loaded, data = recipe_for_training(
        word, args.point, overrides, args.data, registry, doing="measuring"
    )
    workers = (args.workers or (0,))[0]
    report = _measured_step(loaded, registry, data, args.steps or STEPS, workers, _device(args))

    from ganzoo.cli.bench_tables import step_record, step_text

    if args.json:
        print_json(step_record(report))
    else:
        print(step_text(report))
    return 0


def _data(args: argparse.Namespace) -> int:
    words = list(args.words)
    word = words.pop(0) if words and "=" not in words[0] else ANY_DATA
    registry = registry_from(args)
    loaded, data = recipe_for_training(
        word, args.point, words, args.data, registry, doing="reading for"
    )
    workers = args.workers or WORKERS

    from tqdm import tqdm

    from ganzoo.cli.bench_tables import data_record, data_text
    from ganzoo.training.bench.loading import measure_loading

    with tqdm(unit="batch", desc="reading", leave=False) as bar:
        report = measure_loading(
            loaded.recipe,
            registry,
            data=data,
            workers=workers,
            seconds=args.seconds or DATA_SECONDS,
            after_batch=bar.update,
        )
    pace = _pace_of_run(word)
    if args.steps is not None:
        pace = _measured_step(
            loaded, registry, data, args.steps, workers[0], _device(args)
        ).images_per_second
    if args.json:
        print_json(data_record(report, pace))
    else:
        print(data_text(report, pace))
    return 0


def _measured_step(
    loaded: LoadedRecipe,
    registry: Registry,
    data: Path | None,
    steps: int,
    workers: int,
    device: torch.device,
) -> StepReport:
    from tqdm import tqdm

    from ganzoo.training.allocator import keep_freed_memory
    from ganzoo.training.bench.step import WARM_UP, measure_step
    from ganzoo.training.memory import is_out_of_memory

    def before_steps(parameters: int) -> None:
        if device.type == "cpu" and parameters > MANY_PARAMETERS:
            bar.write(
                f"{loaded.recipe.name} has {parameters / 1e6:,.0f} million parameters, and its"
                " steps may take minutes on a CPU; --steps 1 and a smaller training.batch shorten"
                " this.",
                file=sys.stderr,
            )

    keep_freed_memory()
    with tqdm(total=WARM_UP + steps, unit="step", desc="training", leave=False) as bar:
        try:
            return measure_step(
                loaded.recipe,
                registry,
                device=device,
                data=data,
                steps=steps,
                workers=workers,
                before_steps=before_steps,
                after_step=bar.update,
            )
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise BackendError(
                f"a step of {loaded.recipe.name} does not fit the memory of {device}. What does is"
                " for ganzoo fit to say; or give a smaller training.micro_batch."
            ) from error


def _device(args: argparse.Namespace) -> torch.device:
    from ganzoo.training.run import choose_device

    return choose_device(args.device or "auto")


def _pace_of_run(word: str) -> float | None:
    """Images a second that a run was trained at; None: the word is no run, or it has no log."""
    from ganzoo.ablation.folder import rows_of

    if run_folder(word) is None:
        return None
    rates = [row.get("images_per_second") for row in rows_of(Path(word))]
    known = [rate for rate in rates if isinstance(rate, (int, float)) and rate > 0]
    return statistics.median(known) if known else None
