"""StyleGAN2 networks of any file, once their tensors have the names of the PyTorch networks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ganzoo.errors import DataError
from ganzoo.interchange.imported import Imported, StateSource, grown
from ganzoo.interchange.stylegan2_names import state_from_published
from ganzoo.interchange.stylegan2_shapes import (
    Described,
    Tensors,
    Unsaid,
    describe_discriminator,
    describe_generator,
    usual_discriminator,
    usual_generator,
)

_LOSSES = (
    "How the weights were trained does not stand in the file: the recipe has the published"
    " settings of StyleGAN2 (logistic loss, R1, path length)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One network of a file: its tensors under the PyTorch names, and what they do not say."""

    tensors: Tensors
    unsaid: Unsaid


def plan_stylegan2(
    layout: str,
    *,
    generator: Found | None,
    average: Found | None,
    discriminator: Found | None,
    notes: tuple[str, ...] = (),
) -> Imported:
    """What to make of the networks of a file, at least one of them.

    Args:
        layout: of the file, in words.
        generator: as trained.
        average: of the generator over training.
        discriminator: as trained.
        notes: what the reader of the format has to say.

    Raises:
        DataError: a network is none of StyleGAN2, or they do not belong together.
    """
    shown = average or generator
    made = describe_generator(shown.tensors, shown.unsaid) if shown else None
    judge = (
        describe_discriminator(discriminator.tensors, discriminator.unsaid)
        if discriminator
        else None
    )
    facts = made or judge
    found = average or generator or discriminator
    if facts is None or found is None:
        raise DataError(f"the {layout} holds no network of StyleGAN2")
    if made and judge:
        _refuse_strangers(made, judge)
    task: dict[str, Any] = {
        "generator": made.slot if made else usual_generator(facts),
        "discriminator": judge.slot if judge else usual_discriminator(facts),
    }
    if found.unsaid.grows:
        task["growth"] = grown(facts.resolution)
    networks = {"generator": generator, "discriminator": discriminator}
    return Imported(
        layout=layout,
        extends="stylegan2-d.yaml" if found.unsaid.grows else "stylegan2-f.yaml",
        task=task,
        resolution=facts.resolution,
        channels=facts.channels,
        label_width=facts.label_width,
        networks={name: _source(each) for name, each in networks.items() if each},
        averages={"generator": _source(average)} if average else {},
        notes=(*notes, _LOSSES),
    )


def _source(found: Found) -> StateSource:
    return partial(state_from_published, arrays=found.tensors)


def _refuse_strangers(made: Described, judge: Described) -> None:
    for fact in ("resolution", "channels", "label_width"):
        ours, theirs = getattr(made, fact), getattr(judge, fact)
        if ours != theirs:
            raise DataError(
                f"the generator has {fact} {ours} and the discriminator {theirs}; expected two"
                " networks that were trained together"
            )
