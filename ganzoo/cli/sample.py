"""Draw images from a run: single pictures and a grid, style mixing, or an interpolation."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.cli.animation import LONGEST_SECONDS, SLOWEST
from ganzoo.cli.output import say
from ganzoo.cli.parser import registry_from
from ganzoo.cli.paths import refuse_missing
from ganzoo.cli.sampler import Sampler
from ganzoo.cli.seeds import parse_classes, parse_layers, parse_numbers
from ganzoo.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np

SEEDS = "0-15"
KEYFRAMES = "0-3"
FRAMES = 30
FPS = 25.0
PUBLISHED_MIXING = 7  # styles 0-6: coarse and middle resolutions (StyleGAN2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN or CHECKPOINT, what to draw, and how."""
    parser.usage = "ganzoo sample RUN [options]"
    parser.add_argument(
        "run", metavar="RUN", help="a run folder, one of its checkpoints, or imported weights"
    )
    parser.add_argument(
        "--seeds",
        metavar="0-15,20",
        help=f"one image each; ranges include both ends (default: {SEEDS})",
    )
    parser.add_argument(
        "--class",
        dest="classes",
        metavar="NAME|INDEX",
        help="class of a conditional run; several, comma-separated, make a row of the grid each",
    )
    parser.add_argument(
        "--psi", type=float, default=1.0, help="truncation: 0 the mean, 1 (default) off"
    )
    parser.add_argument("--cutoff", type=int, metavar="N", help="truncate the first N layers only")
    parser.add_argument(
        "--noise",
        choices=("fixed", "fresh", "none"),
        default="fixed",
        help="the network's own maps (default), new ones, or none",
    )
    parser.add_argument(
        "--mix",
        nargs=3,
        metavar=("ROWS", "x", "COLUMNS"),
        help="style mixing, as --mix 0-3 x 4-7: columns donate their --styles to the rows",
    )
    parser.add_argument(
        "--styles",
        metavar="0-6",
        help="what columns donate (default: 0-6, or the first half of a small generator)",
    )
    parser.add_argument(
        "--interpolate", action="store_true", help="a GIF that loops through the seeds"
    )
    parser.add_argument(
        "--path",
        choices=("linear", "slerp"),
        help="interpolate in a line of W (default) or on the great circle of Z",
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help=f"frames from seed to seed (default: {FRAMES})"
    )
    parser.add_argument("--fps", type=float, help=f"frames a second (default: {FPS:g})")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps or auto")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="default: samples/ in the run folder"
    )


def run(args: argparse.Namespace) -> int:
    """Write the pictures and say where."""
    _refuse_nonsense(args)
    _expect_run(args.run)
    registry = registry_from(args)

    from ganzoo.assembly.load import load
    from ganzoo.training.run import choose_device

    loaded = load(args.run, device=choose_device(args.device), registry=registry)
    if loaded.note:
        say(loaded.note)
    sampler = Sampler(run=loaded, psi=args.psi, cutoff=args.cutoff, noise=args.noise)
    if args.psi < 1 and sampler.label_width:
        say("--psi pulls every class towards the mean style of all classes.")
    out = args.out or _default_out(loaded.path)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if args.mix:
            written = _mix(sampler, args, out)
        elif args.interpolate:
            written = _interpolate(sampler, args, out)
        else:
            written = _plain(sampler, args, out)
    except OSError as error:
        raise DataError(
            f"{out}: cannot be written: {error.strerror}. Choose another place with --out.",
            path=out,
        ) from error
    shown = "" if loaded.images is None else f" ({loaded.images:,} images into training)"
    print(f"Wrote {written} to {out}{shown}.")
    if loaded.licence:
        say(f"These weights were imported under this licence: {loaded.licence}")
    return 0


def _refuse_nonsense(args: argparse.Namespace) -> None:
    if args.mix and args.interpolate:
        raise UsageError("ganzoo sample: --mix and --interpolate make two figures; ask for one.")
    if args.mix and args.seeds:
        raise UsageError("ganzoo sample: --mix names its own seeds; leave --seeds out.")
    if args.mix and args.mix[1] != "x":
        raise UsageError("ganzoo sample: write --mix as ROWS x COLUMNS, as --mix 0-3 x 4-7.")
    if args.styles and not args.mix:
        raise UsageError("ganzoo sample: --styles says what --mix donates; give --mix too.")
    for option in ("path", "frames", "fps"):
        if getattr(args, option) is not None and not args.interpolate:
            raise UsageError(
                f"ganzoo sample: --{option} says how --interpolate moves; give --interpolate too."
            )
    if not math.isfinite(args.psi):
        raise UsageError(f"ganzoo sample: --psi {args.psi} is no number; 0.7 is usual.")
    if args.cutoff is not None and args.cutoff < 0:
        raise UsageError(f"ganzoo sample: --cutoff {args.cutoff} is below 0.")
    if args.frames is not None and args.frames < 1:
        raise UsageError(f"ganzoo sample: --frames {args.frames} is below 1.")
    if args.fps is not None:
        if not (math.isfinite(args.fps) and args.fps > 0):
            raise UsageError(f"ganzoo sample: --fps {args.fps} is no speed; {FPS:g} is usual.")
        if args.fps < SLOWEST:
            raise UsageError(
                f"ganzoo sample: --fps {args.fps:g} is too slow: a frame of a GIF stands for"
                f" {LONGEST_SECONDS} seconds at most. Expected {SLOWEST} or more."
            )


def _expect_run(word: str) -> None:
    runs = sorted(recipe.parent for recipe in Path("runs").glob("*/recipe.yaml"))
    hint = f"  The newest here: {runs[-1]}" if runs else "  Make one with: ganzoo run quickstart"
    refuse_missing(word, f"there is no such run folder, checkpoint or folder of weights.\n{hint}")


def _default_out(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    return (folder.parent if folder.name == "checkpoints" else folder) / "samples"


def _classes(sampler: Sampler, args: argparse.Namespace) -> tuple[int, ...] | None:
    """The classes asked for, or None: each seed has its own."""
    if args.classes is None:
        if sampler.label_width:
            say(
                f"No --class given: seed s shows class s mod {sampler.label_width} "
                f"({_some(sampler.run.class_names) or 'their names are not known'})."
            )
        return None
    return parse_classes(args.classes, sampler.run.class_names, sampler.label_width)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _class_of(seeds: tuple[int, ...], sampler: Sampler, chosen: int | None) -> list[int]:
    width = max(sampler.label_width, 1)
    return [seed % width if chosen is None else chosen for seed in seeds]


def _plain(sampler: Sampler, args: argparse.Namespace, out: Path) -> str:
    seeds = parse_numbers(args.seeds or SEEDS)
    classes = _classes(sampler, args)
    rows = [None] if classes is None else list(classes)
    all_classes = [c for row in rows for c in _class_of(seeds, sampler, row)]
    images = sampler.images(seeds * len(rows), all_classes)
    names = [
        f"seed{seed:04d}" + ("" if row is None else f"-class-{_file_word(sampler, row)}")
        for row in rows
        for seed in seeds
    ]
    for image, name in zip(images, names):
        _save(image, out / f"{name}{_variant(args)}.png")
    columns = len(seeds) if len(rows) > 1 else math.ceil(math.sqrt(len(seeds)))
    words = ("class", *(_file_word(sampler, row) for row in classes)) if classes else ()
    grid = "-".join(("grid", *words)) + f"{_variant(args)}.png"
    _save_grid(images, columns, out / grid)
    return f"{len(images)} image{'s' * (len(images) > 1)} and {grid}"


def _variant(args: argparse.Namespace) -> str:
    """What sets these pictures apart from those of the same seeds, for their names."""
    parts = [f"-psi{args.psi:g}"] if args.psi != 1 else []
    if args.psi != 1 and args.cutoff is not None:
        parts.append(f"-cutoff{args.cutoff}")
    if args.noise != "fixed":
        parts.append(f"-noise-{args.noise}")
    return "".join(parts)


def _file_word(sampler: Sampler, index: int) -> str:
    names = sampler.run.class_names
    word = names[index] if index < len(names) else str(index)
    return re.sub(r"[^\w.-]+", "-", word)


def _mix(sampler: Sampler, args: argparse.Namespace, out: Path) -> str:
    import numpy as np
    import torch

    from ganzoo.assembly.sampling import mixing_table
    from ganzoo.data.images import BACKGROUND

    generator = sampler.styled_generator("--mix")
    seeds = parse_numbers(args.mix[0], "mix"), parse_numbers(args.mix[2], "mix")
    count = generator.num_styles
    usual = min(PUBLISHED_MIXING, max(1, count // 2))
    layers = parse_layers(args.styles, count) if args.styles else tuple(range(usual))
    chosen = _single_class(sampler, args)
    rows, columns = (
        sampler.styles(half, _class_of(half, sampler, chosen), "--mix") for half in seeds
    )
    table = mixing_table(rows, columns, layers)
    images = sampler.render(torch.cat([columns, rows, table]), "--mix")
    width, height = len(columns), len(rows)
    top, edge, cells = np.split(images, [width, width + height])
    for index, cell in enumerate(cells):
        row, column = seeds[0][index // width], seeds[1][index % width]
        _save(cell, out / f"mix-{row}-{column}{_variant(args)}.png")
    lines = [np.full_like(top[:1], BACKGROUND), top]
    for row in range(height):
        lines += [edge[row : row + 1], cells[row * width : (row + 1) * width]]
    grid = f"mix{_variant(args)}.png"
    _save_grid(np.concatenate(lines), width + 1, out / grid)
    return f"{len(cells)} mixed images and {grid} (columns donate the styles {_spans(layers)})"


def _spans(layers: tuple[int, ...]) -> str:
    whole = layers == tuple(range(layers[0], layers[-1] + 1)) and len(layers) > 1
    return f"{layers[0]}-{layers[-1]}" if whole else ",".join(map(str, layers))


def _single_class(sampler: Sampler, args: argparse.Namespace) -> int | None:
    classes = _classes(sampler, args)
    if classes is not None and len(classes) > 1:
        raise UsageError("ganzoo sample: --mix takes a single --class.")
    return None if classes is None else classes[0]


def _interpolate(sampler: Sampler, args: argparse.Namespace, out: Path) -> str:
    from ganzoo.assembly.sampling import interpolated_styles, one_hot, slerp_path
    from ganzoo.cli.animation import save_gif
    from ganzoo.nn.latents import latents_from_seeds

    generator = sampler.styled_generator("--interpolate")
    seeds = parse_numbers(args.seeds or KEYFRAMES)
    classes = _classes(sampler, args)
    pairs = [(s, c) for s in seeds for c in (classes or _class_of((s,), sampler, None))]
    if len(pairs) < 2:
        raise UsageError("ganzoo sample: --interpolate needs two seeds, or two classes, or more.")
    seeds, keys = tuple(s for s, _ in pairs), [c for _, c in pairs]
    frames = args.frames or FRAMES
    if args.path == "slerp":
        latents = latents_from_seeds(seeds, generator.latent_width)
        path = slerp_path(latents, one_hot(keys, sampler.label_width), frames)
        moved = sampler.styles_at(*path, "--interpolate")
    else:
        styles = sampler.styles(seeds, keys, "--interpolate")
        moved = interpolated_styles(styles, frames)
    images = sampler.render(moved, "--interpolate")
    name = f"interpolation{_variant(args)}.gif"
    save_gif(images, out / name, args.fps or FPS)
    return f"{name} ({len(images)} frames)"


def _save(image: np.ndarray[Any, Any], path: Path) -> None:
    from ganzoo.data.images import save_png, to_picture

    save_png(path, to_picture(image))


def _save_grid(images: np.ndarray[Any, Any], columns: int, path: Path) -> None:
    from ganzoo.data.images import image_grid, save_png

    save_png(path, image_grid(images, columns))
