"""From the tensors of a StyleGAN2 network to the recipe that builds it.

Shapes say nearly everything; what they do not say (clamp, learning rate of the mapping, group of
the minibatch statistics) the reader of a format passes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.errors import DataError
from ganzoo.interchange.stylegan2_names import EMBEDDING, as_tensor
from ganzoo.interchange.widths import channel_schedule

PUBLISHED_TAPS = (1, 3, 3, 1)

Tensors = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """What the shapes of a network do not say.

    Args:
        clamp: largest magnitude after a layer, or None.
        lr_scale: of the mapping network's layers.
        w_mean_beta: how much of the mean style stays at a step.
        group: of the minibatch statistics; 0: the whole batch.
        channels: base and maximum, as the file names them, or None.
        grows: every resolution has a to-RGB, or from-RGB, of which only one is in use.
    """

    clamp: float | None = None
    lr_scale: float = 0.01
    w_mean_beta: float = 0.995
    group: int = 4
    channels: tuple[int, int] | None = None
    grows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A network as a recipe has it, and the facts that stand outside of its slot."""

    slot: Mapping[str, Any]
    resolution: int
    channels: int
    label_width: int


def describe_generator(tensors: Tensors, unsaid: Unsaid) -> Described:
    """The recipe of a generator with these tensors, under the names of the PyTorch networks.

    Raises:
        DataError: it is no StyleGAN2 generator, or one that no recipe describes.
    """
    resolutions = _resolutions(tensors, r"synthesis\.b(\d+)\.conv1\.weight", "generator")
    widths = {side: _shape(tensors, f"synthesis.b{side}.conv1.weight")[0] for side in resolutions}
    top = resolutions[-1]
    base, most = channel_schedule(widths, "generator", unsaid.channels)
    style_width = _shape(tensors, "synthesis.b4.conv1.affine.weight")[1]
    mapping, latent_width, label_width = _mapping(tensors, style_width, unsaid.lr_scale)
    block = "ganzoo/original"
    if "synthesis.b8.skip.weight" in tensors:
        block = "ganzoo/residual"
    elif "synthesis.b4.torgb.weight" in tensors and not unsaid.grows:
        block = "ganzoo/skip"
    slot = {
        "use": "ganzoo/style-generator",
        "mapping": mapping,
        "stem": "ganzoo/constant",
        "block": block,
        "normalization": "ganzoo/demodulation",
        "channels_base": base,
        "channels_max": most,
        "resample": _taps(tensors, f"synthesis.b{top}.resample_filter"),
        **({"image_resample": [1, 1]} if unsaid.grows else {}),
        "clamp": unsaid.clamp,
        "noise": any(name.endswith(".noise_strength") for name in tensors),
        "latent_width": latent_width,
        "w_mean_beta": unsaid.w_mean_beta,
    }
    return Described(
        slot=slot,
        resolution=top,
        channels=_shape(tensors, f"synthesis.b{top}.torgb.weight")[0],
        label_width=label_width,
    )


def describe_discriminator(tensors: Tensors, unsaid: Unsaid) -> Described:
    """The recipe of a discriminator with these tensors, likewise.

    Raises:
        DataError: it is no StyleGAN2 discriminator, or one that no recipe describes.
    """
    resolutions = [4, *_resolutions(tensors, r"b(\d+)\.conv0\.weight", "discriminator", first=8)]
    top = resolutions[-1]
    widths = {side: _shape(tensors, f"b{side}.conv0.weight")[1] for side in resolutions[1:]}
    widths[4] = _shape(tensors, "b8.conv1.weight")[0]
    base, most = channel_schedule(widths, "discriminator", unsaid.channels)
    block = "ganzoo/original"
    if f"b{top}.skip.weight" in tensors:
        block = "ganzoo/residual"
    elif "b4.fromrgb.weight" in tensors and not unsaid.grows:
        block = "ganzoo/skip"
    head, label_width = _head(tensors, widths[4], unsaid)
    slot = {
        "use": "ganzoo/stack-discriminator",
        "block": block,
        "head": head,
        "channels_base": base,
        "channels_max": most,
        "resample": _taps(tensors, f"b{top}.resample_filter"),
        **({"image_resample": [1, 1]} if unsaid.grows else {}),
        "clamp": unsaid.clamp,
    }
    return Described(
        slot=slot,
        resolution=top,
        channels=_shape(tensors, f"b{top}.fromrgb.weight")[1],
        label_width=label_width,
    )


def usual_discriminator(generator: Described) -> dict[str, Any]:
    """The slot of a discriminator for a generator that came alone: equally wide."""
    grows = "image_resample" in generator.slot
    return {
        "use": "ganzoo/stack-discriminator",
        "block": "ganzoo/original" if grows else "ganzoo/residual",
        "head": {"use": "ganzoo/minibatch-stddev", "group": 4},
        **{key: generator.slot[key] for key in ("channels_base", "channels_max", "resample")},
    }


def usual_generator(discriminator: Described) -> dict[str, Any]:
    """The slot of a generator for a discriminator that came alone: equally wide."""
    kept = ("channels_base", "channels_max", "resample")
    grows = "image_resample" in discriminator.slot
    return {
        "use": "ganzoo/style-generator",
        "mapping": "ganzoo/mlp",
        "stem": "ganzoo/constant",
        "block": "ganzoo/original" if grows else "ganzoo/skip",
        "normalization": "ganzoo/demodulation",
        **{key: discriminator.slot[key] for key in kept},
    }


def _resolutions(tensors: Tensors, pattern: str, what: str, first: int = 4) -> list[int]:
    found = sorted(int(match[1]) for name in tensors if (match := re.fullmatch(pattern, name)))
    wanted = [first << k for k in range(len(found))]
    if found != wanted or not found or found[-1] < 8:
        raise DataError(
            f"this is no StyleGAN2 {what}: it has blocks at the resolutions {found}; expected"
            f" {first}, {2 * first}, {4 * first} and so on to that of the image"
        )
    return found


def _mapping(
    tensors: Tensors, style_width: int, lr_scale: float
) -> tuple[dict[str, Any], int, int]:
    """The slot of a mapping, the width of its latent, and the number of classes."""
    depth = _depth(tensors)
    if not depth:
        return {"use": "ganzoo/identity"}, style_width, 0
    features = _shape(tensors, "mapping.fc0.weight")[1]
    slot: dict[str, Any] = {"use": "ganzoo/mlp", "depth": depth, "width": style_width}
    hidden = _shape(tensors, "mapping.fc0.weight")[0]
    if depth > 1 and hidden != style_width:
        slot["hidden"] = hidden
    slot["lr_scale"] = lr_scale
    if "mapping.embed.weight" in tensors:
        embedded, classes = _shape(tensors, "mapping.embed.weight")
        return {**slot, "label": "affine"}, features - embedded, classes
    if EMBEDDING in tensors:
        classes, embedded = _shape(tensors, EMBEDDING)
        return {**slot, "label": "matrix"}, features - embedded, classes
    return slot, features, 0


def _head(tensors: Tensors, width: int, unsaid: Unsaid) -> tuple[dict[str, Any], int]:
    """The slot of a head, and the number of classes."""
    head: dict[str, Any] = {
        "use": "ganzoo/minibatch-stddev",
        "group": unsaid.group,
        "statistics": _shape(tensors, "b4.conv.weight")[1] - width,
    }
    hidden, outputs = _shape(tensors, "b4.fc.weight")[0], _shape(tensors, "b4.out.weight")[0]
    if hidden != width:
        head["hidden"] = hidden
    if "mapping.embed.weight" not in tensors:
        classes = outputs if outputs > 1 else 0
        return {**head, "label": "one-hot" if classes else "none"}, classes
    depth = _depth(tensors)
    mapping = {
        "use": "ganzoo/mlp",
        "depth": depth,
        "width": outputs,
        "lr_scale": unsaid.lr_scale,
    }
    first = _shape(tensors, "mapping.fc0.weight")[0]
    if depth > 1 and first != outputs:
        mapping["hidden"] = first
    classes = _shape(tensors, "mapping.embed.weight")[1]
    return {**head, "label": "projection", "mapping": mapping}, classes


def _depth(tensors: Tensors) -> int:
    return sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in tensors)


def _shape(tensors: Tensors, name: str) -> tuple[int, ...]:
    if name not in tensors:
        raise DataError(
            f"this is no StyleGAN2 network: the tensor {name} is missing. The file may be"
            " incomplete, or of another architecture"
        )
    return tuple(tensors[name].shape)


def _taps(tensors: Tensors, name: str) -> list[float]:
    """The taps whose outer product a stored filter is; the published ones where none is stored."""
    if name not in tensors:
        return list(PUBLISHED_TAPS)
    stored = as_tensor(tensors[name]).numpy()
    taps = stored.sum(axis=-1) if stored.ndim == 2 else stored
    if stored.ndim != 2 or not np.allclose(np.outer(taps, taps), stored, atol=1e-6):
        raise DataError(
            f"{name} is a filter of shape {list(stored.shape)} that is no outer product of taps;"
            " expected that of [1, 3, 3, 1], or of other taps"
        )
    usual = np.array(PUBLISHED_TAPS, dtype=np.float64) / sum(PUBLISHED_TAPS)
    if taps.shape == usual.shape and np.allclose(taps, usual, atol=1e-6):
        return list(PUBLISHED_TAPS)
    return [float(tap) for tap in taps]
