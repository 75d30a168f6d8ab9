"""ProGAN and StyleGAN networks of TensorFlow files: their recipes, and where their tensors are."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from ganzoo.errors import DataError
from ganzoo.interchange import progan_names, stylegan1_names
from ganzoo.interchange.growing_names import (
    NameOf,
    Variable,
    discriminator_variable,
    state_from_variables,
)
from ganzoo.interchange.growing_shapes import (
    discriminator_slot,
    fuses,
    generator_size,
    progan_slot,
    refuse_growing,
    stylegan_slot,
)
from ganzoo.interchange.imported import Imported, StateSource, grown
from ganzoo.interchange.tensorflow_network import TensorflowNetwork

_LOSSES = (
    "How the weights were trained does not stand in the file: the recipe has the settings that"
    " were published with such networks."
)


def is_generator(network: TensorflowNetwork) -> bool:
    """Whether this is a generator of ProGAN or StyleGAN (not of StyleGAN2)."""
    return _is_stylegan(network) or "4x4/Dense/weight" in network.variables


def is_discriminator(network: TensorflowNetwork) -> bool:
    """Whether this is a discriminator of either; both have one layout."""
    return "4x4/Dense1/weight" in network.variables


def plan_growing(
    layout: str,
    *,
    generator: TensorflowNetwork | None,
    average: TensorflowNetwork | None,
    discriminator: TensorflowNetwork | None,
) -> Imported:
    """What to make of the networks of a file.

    Raises:
        DataError: a network is none of ProGAN or StyleGAN, still grows, or is of a kind that no
            recipe describes.
    """
    shown = average or generator
    if shown is None:
        raise DataError(
            f"this {layout} holds a discriminator without its generator; expected a generator,"
            " which says whether the networks are ProGAN or StyleGAN"
        )
    for network in (generator, average, discriminator):
        refuse_growing(network)
    stylegan = _is_stylegan(shown)
    size = generator_size(shown, "synthesis/" if stylegan else "")
    slot, label_width = stylegan_slot(shown, size) if stylegan else progan_slot(shown, size)
    task: dict[str, Any] = {"generator": slot, "growth": grown(size.resolution)}
    if discriminator is not None:
        task["discriminator"] = discriminator_slot(discriminator, size, stylegan, label_width)
    else:
        task["discriminator"] = {key: slot[key] for key in ("channels_base", "channels_max")}
    if not stylegan and label_width:
        task["regularizers"] = {
            f"{network}_classes": {"use": "ganzoo/auxiliary-classifier", "network": network}
            for network in ("generator", "discriminator")
        }
    found = {"generator": generator, "average": average}
    sources = {key: _source(n, size.top, stylegan) for key, n in found.items() if n is not None}
    networks = {"generator": sources["generator"]} if generator else {}
    if discriminator is not None:
        down = "Conv1_down" if fuses(discriminator, "Conv1_down") else "Conv1"
        networks["discriminator"] = partial(
            state_from_variables,
            variables=discriminator.variables,
            name_of=partial(discriminator_variable, top=size.top, down=down),
        )
    prefix = "synthesis/" if stylegan else ""
    return Imported(
        layout=layout,
        extends="stylegan-f.yaml" if stylegan else "progan.yaml",
        task=task,
        resolution=size.resolution,
        channels=shown.shape(f"{prefix}ToRGB_lod0/weight")[-1],
        label_width=label_width,
        networks=networks,
        averages={"generator": sources["average"]} if average else {},
        notes=(_LOSSES,),
    )


def _is_stylegan(network: TensorflowNetwork) -> bool:
    variables = network.variables
    return any(
        name.startswith(("synthesis/4x4/Const/bias", "synthesis/4x4/Dense/")) for name in variables
    )


def _source(network: TensorflowNetwork, top: int, stylegan: bool) -> StateSource:
    if not stylegan:
        fused = fuses(network, "Conv0_up")
        name_of: NameOf = partial(progan_names.generator_variable, top=top, fused=fused)
    else:
        start = "Const" if "synthesis/4x4/Const/const" in network.variables else "Dense"
        stored = network.arguments.get("fused_scale", "auto")
        fused_scale: stylegan1_names.Fused = "auto" if stored == "auto" else bool(stored)
        name_of = partial(
            stylegan1_names.generator_variable, top=top, fused=fused_scale, start=start
        )
    return partial(_state, network=network, name_of=name_of)


def _state(ours: nn.Module, network: TensorflowNetwork, name_of: NameOf) -> dict[str, Tensor]:
    """As stored; the mean style, which ProGAN and StyleGAN B do not keep, is zero there."""

    def present(name: str) -> Variable | None:
        if name == "w_mean.value" and "dlatent_avg" not in network.variables:
            return None
        return name_of(name)

    return state_from_variables(ours, network.variables, present)
