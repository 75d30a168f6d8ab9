"""Checkpoints of the widely used ``stylegan2-pytorch`` code, written; what they cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ganzoo.errors import DataError
from ganzoo.interchange.rosinality_names import (
    GROUP,
    LR_SCALE,
    TAPS,
    rosinality_discriminator,
    rosinality_generator,
)
from ganzoo.interchange.stylegan2_names import state_to_published
from ganzoo.recipe.model import Slot
from ganzoo.registry.contracts import TaskSite


def rosinality_checkpoint(
    networks: Mapping[str, nn.Module],
    *,
    trained: Mapping[str, Mapping[str, Tensor]],
    averages: Mapping[str, Mapping[str, Tensor]],
    resolution: int,
) -> dict[str, Any]:
    """The content of a checkpoint of that code, from state dicts of our networks.

    Args:
        networks: ours; only names and shapes are read.
        trained: state dicts of ``generator`` and ``discriminator``, as far as there are any.
        averages: that of ``generator``, or nothing.
        resolution: side of the images.
    """
    made: dict[str, Any] = {}
    for key, states in (("g", trained), ("g_ema", averages)):
        if "generator" in states:
            official = state_to_published(networks["generator"], states["generator"])
            made[key] = rosinality_generator(official)
            made["latent_avg"] = official["mapping.w_avg"]
    if "discriminator" in trained:
        official = state_to_published(networks["discriminator"], trained["discriminator"])
        made["d"] = rosinality_discriminator(official, resolution)
    return made


def refuse_unwritable(task: Slot, site: TaskSite, *, discriminator: bool) -> None:
    """Refuse networks that this layout cannot hold.

    Args:
        task: of a resolved recipe.
        site: what the data is.
        discriminator: whether one is to be written.

    Raises:
        DataError: the text names everything that stands against it.
    """
    reasons = _outside(task, site) + _generator_reasons(task.parameters.get("generator"))
    if discriminator:
        reasons += _discriminator_reasons(task.parameters.get("discriminator"))
    if reasons:
        raise DataError(
            "the rosinality layout holds StyleGAN2 with output skips and a residual discriminator"
            f" only. This one {'; it '.join(reasons)}. --format folder holds every network"
        )


def dropped(task: Slot) -> tuple[str, ...]:
    """Sentences about what the layout does not record, and its readers take for granted."""
    notes = []
    for name in ("generator", "discriminator"):
        slot = task.parameters[name]
        clamp = slot.parameters.get("clamp") if isinstance(slot, Slot) else None
        if clamp is not None:
            notes.append(f"The clamp of the {name} ({clamp:g}) is not in this layout.")
    head = _inner(task.parameters["discriminator"], "head")
    if head is not None and head.parameters.get("group") != GROUP:
        notes.append(
            f"The group of the minibatch statistics ({head.parameters.get('group')}) is not in"
            f" this layout, whose code takes {GROUP}."
        )
    return tuple(notes)


def _outside(task: Slot, site: TaskSite) -> list[str]:
    height, width = site.resolution
    facts = {
        f"has images of {height} x {width}": height != width,
        f"has {site.channels} image channels, not 3": site.channels != 3,
        f"sees {site.label_width} classes": site.label_width != 0,
        "has another base grid than 4 x 4": task.parameters.get("base", (4, 4)) != (4, 4),
        "grows": task.parameters.get("growth") is not None,
    }
    return [text for text, stands in facts.items() if stands]


def _generator_reasons(slot: Any) -> list[str]:
    if not isinstance(slot, Slot) or slot.use != "ganzoo/style-generator":
        return [f"has the generator {_use(slot)}"]
    values = slot.parameters
    mapping = _inner(slot, "mapping")
    wanted = {"block": "ganzoo/skip", "normalization": "ganzoo/demodulation"}
    wanted |= {"stem": "ganzoo/constant", "mapping": "ganzoo/mlp"}
    reasons = [
        f"has the {name} {_use(values.get(name))}, not {use}"
        for name, use in wanted.items()
        if _use(values.get(name)) != use
    ]
    reasons += _kernel(slot) + _filters(slot)
    if values.get("noise") is not True:
        reasons.append("has no noise")
    if mapping is not None and mapping.use == "ganzoo/mlp":
        widths = {mapping.parameters["hidden"] or mapping.parameters["width"]}
        widths |= {mapping.parameters["width"], values.get("latent_width")}
        if len(widths) > 1:
            reasons.append("has a latent, a style and hidden layers that are not equally wide")
        if mapping.parameters["lr_scale"] != LR_SCALE:
            reasons.append(f"has a mapping with lr_scale {mapping.parameters['lr_scale']}")
    stem = _inner(slot, "stem")
    if stem is not None and stem.parameters.get("finished"):
        reasons.append("has a finished constant")
    return reasons


def _discriminator_reasons(slot: Any) -> list[str]:
    if not isinstance(slot, Slot) or slot.use != "ganzoo/stack-discriminator":
        return [f"has the discriminator {_use(slot)}"]
    reasons = _filters(slot) + _kernel(slot)
    if _use(slot.parameters.get("block")) != "ganzoo/residual":
        reasons.append(f"has discriminator blocks {_use(slot.parameters.get('block'))}")
    head = _inner(slot, "head")
    if head is None or head.use != "ganzoo/minibatch-stddev":
        reasons.append(f"has the head {_use(head)}")
    elif head.parameters.get("statistics") != 1 or head.parameters.get("hidden") is not None:
        reasons.append("has a head of another shape")
    return reasons


def _filters(slot: Slot) -> list[str]:
    values = slot.parameters
    image = values.get("image_resample") or values.get("resample")
    usual = (
        tuple(values.get("resample") or ()) == TAPS
        and tuple(image or ()) == TAPS
        and values.get("blur") is None
        and values.get("gain") == "activation"
    )
    return [] if usual else [f"has filters or gains of its own in {slot.use}"]


def _kernel(slot: Slot) -> list[str]:
    block = _inner(slot, "block")
    size = 3 if block is None else block.parameters.get("kernel_size", 3)
    return [] if size == 3 else [f"has kernels of {size} in {slot.use}"]


def _inner(slot: Any, name: str) -> Slot | None:
    found = slot.parameters.get(name) if isinstance(slot, Slot) else None
    return found if isinstance(found, Slot) else None


def _use(slot: Any) -> str | None:
    return slot.use if isinstance(slot, Slot) else None
