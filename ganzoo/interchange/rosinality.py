"""Checkpoints of the widely used ``stylegan2-pytorch`` code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ganzoo.errors import DataError
from ganzoo.interchange.imported import Imported
from ganzoo.interchange.rosinality_names import (
    GROUP,
    LR_SCALE,
    official_tensors,
)
from ganzoo.interchange.stylegan2_names import as_tensor
from ganzoo.interchange.stylegan2_plan import Found, plan_stylegan2
from ganzoo.interchange.stylegan2_shapes import Unsaid
from ganzoo.nn.latent_mlp import LatentMlp
from ganzoo.nn.layer_kit import LayerKit

LAYOUT = "rosinality checkpoint of StyleGAN2 (PyTorch)"
KEYS = ("g_ema", "g", "d")
MEAN_OF = 4096  # latents; as many as that code averages when it samples

_DDP = "module."
_MEAN_WAS_MADE = (
    "The file has no mean style (latent_avg), so truncation pulls towards the mean over"
    f" {MEAN_OF} latents of seed 0, as its own code would take some."
)


_NOISE_WAS_DRAWN = (
    "The file has no fixed noise maps, as old versions of its code kept none: they were drawn from"
    " seed 0, so fine detail is not that of any published picture."
)


def is_checkpoint(value: Any) -> bool:
    """Whether this is such a file: a dict of networks, or a generator's state dict alone."""
    if not isinstance(value, Mapping):
        return False
    candidates = [value, *(value.get(key) for key in KEYS)]
    return any(
        isinstance(each, Mapping) and any(str(name).removeprefix(_DDP) in _MARKS for name in each)
        for each in candidates
    )


_MARKS = ("input.input", "final_linear.1.weight")


def read_rosinality(value: Mapping[str, Any]) -> Imported:
    """Understand such a file.

    Raises:
        DataError: its networks are not those of that code, or no recipe describes them.
    """
    if any(str(name).removeprefix(_DDP) == "input.input" for name in value):
        value = {"g_ema": value}
    states = {key: _plain(value[key], key) for key in KEYS if value.get(key) is not None}
    generators = {key: official_tensors(state) for key, state in states.items() if key != "d"}
    mean, notes = value.get("latent_avg"), list[str]()
    for key, tensors in generators.items():
        _add_filter(states[key], tensors)
        if not any(name.endswith(".noise_const") for name in tensors):
            _add_noise(tensors)
            notes.append(_NOISE_WAS_DRAWN)
        if isinstance(mean, Tensor):
            tensors["mapping.w_avg"] = mean.reshape(-1)
        else:
            tensors["mapping.w_avg"] = _mean_style(tensors)
            notes.append(_MEAN_WAS_MADE)
    unsaid = Unsaid(lr_scale=LR_SCALE, group=GROUP)
    found = {key: Found(tensors=tensors, unsaid=unsaid) for key, tensors in generators.items()}
    discriminator = None
    if "d" in states:
        tensors = official_tensors(states["d"], _resolution_of(states["d"]))
        discriminator = Found(tensors=tensors, unsaid=unsaid)
    return plan_stylegan2(
        LAYOUT,
        generator=found.get("g"),
        average=found.get("g_ema"),
        discriminator=discriminator,
        notes=tuple(dict.fromkeys(notes)),
    )


def _plain(state: Any, key: str) -> dict[str, Tensor]:
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise DataError(f"{key} is no state dict of tensors, as a {LAYOUT} has it")
    return {str(name).removeprefix(_DDP): value for name, value in state.items()}


def _resolution_of(state: Mapping[str, Tensor]) -> int:
    """A discriminator has one convs entry for each halving, and the from-RGB before them."""
    blocks = {name.split(".")[1] for name in state if name.startswith("convs.")}
    return 4 << max(len(blocks) - 1, 1)


def _add_filter(state: Mapping[str, Tensor], tensors: dict[str, Any]) -> None:
    """The taps of the last upsampling, where they are stored: times 4 in that code."""
    levels = sorted(int(name.split(".")[1]) for name in state if name.endswith(".conv.blur.kernel"))
    if levels:
        side = 8 << (levels[-1] // 2)
        kernel = as_tensor(state[f"convs.{levels[-1]}.conv.blur.kernel"]) / 4
        tensors[f"synthesis.b{side}.resample_filter"] = kernel


def _add_noise(tensors: dict[str, Any]) -> None:
    random = torch.Generator().manual_seed(0)
    for name in [name for name in tensors if name.endswith(".noise_strength")]:
        match = re.fullmatch(r"synthesis\.b(\d+)\.conv\d\.noise_strength", name)
        if match:
            side = int(match[1])
            maps = torch.randn(side, side, generator=random)
            tensors[name.replace("noise_strength", "noise_const")] = maps


def _mean_style(tensors: Mapping[str, Any]) -> Tensor:
    weights = [name for name in tensors if name.startswith("mapping.fc")]
    depth = len(weights) // 2
    if not depth:
        raise DataError(f"the generator has no mapping (style.1 and so on), as a {LAYOUT} has it")
    first = as_tensor(tensors["mapping.fc0.weight"])
    last = as_tensor(tensors[f"mapping.fc{depth - 1}.weight"])
    mlp = LatentMlp(
        first.shape[1],
        0,
        LayerKit().dense,
        depth=depth,
        width=last.shape[0],
        hidden=first.shape[0],
        lr_scale=LR_SCALE,
    )
    names = {name: "layers." + name.removeprefix("mapping.fc") for name in weights}
    try:
        mlp.load_state_dict({ours: as_tensor(tensors[name]) for name, ours in names.items()})
    except RuntimeError as error:
        raise DataError(
            "the layers of the mapping (style.1 and so on) do not follow one another; expected"
            " dense layers, each as wide as the one before it"
        ) from error
    z = torch.randn(MEAN_OF, first.shape[1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return mlp(z, None).mean(dim=0)
