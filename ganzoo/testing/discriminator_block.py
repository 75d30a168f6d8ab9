"""Checks of discriminator blocks: the mirror image of a generator block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ganzoo.registry.contracts import DiscriminatorSite
from ganzoo.testing.case import Case, Part, in_every_case, labelled, outputs_of
from ganzoo.testing.network import discriminator_case
from ganzoo.testing.network_part import (
    differentiates_twice,
    gives_promised_shapes,
    network_part_checks,
)
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import IMAGE_CHANNELS, Surroundings, published_kits


def cases(subject: Subject) -> Iterator[Case]:
    """Three sizes with different layers, in every variant."""
    kits = published_kits()
    for given in variants(subject):
        for size, channels, name in (
            ((8, 8), (3, 5), "StyleGAN2's layers"),
            ((4, 6), (5, 3), "StyleGAN's layers"),
            ((16, 16), (2, 3), "StyleGAN2's layers"),
        ):

            def make(
                given: Any = given,
                size: tuple[int, int] = size,
                channels: tuple[int, int] = channels,
                kit: Any = kits[name],
            ) -> Part:
                around = Surroundings(subject, layers=kit())
                site = DiscriminatorSite(
                    in_channels=channels[0],
                    out_channels=channels[1],
                    resolution=size,
                    from_rgb=around.from_rgb,
                    layers=around.layers,
                )
                half = (size[0] // 2, size[1] // 2)
                return Part(
                    module=subject.factory(**given)(site),
                    call=_call,
                    takes=((channels[0], *size), (IMAGE_CHANNELS, *size)),
                    gives=((channels[1], *half), (IMAGE_CHANNELS, *half)),
                )

            yield Case(label=labelled(f"at {size[0]}x{size[1]}", name, given), make=make)


def makes_a_discriminator(case: Case) -> None:
    """Stacked below every head, it scores images."""
    gives_promised_shapes(case)


def makes_a_discriminator_that_differentiates_twice(case: Case) -> None:
    """Stacked below every head, the discriminator is fit for R1."""
    differentiates_twice(case)


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a discriminator block."""
    del subject
    return (
        *network_part_checks(cases),
        *in_every_case(
            _discriminators,
            makes_a_discriminator,
            makes_a_discriminator_that_differentiates_twice,
        ),
    )


def _discriminators(subject: Subject) -> Iterator[Case]:
    for head in subject.companions("head"):
        fill = {"discriminator_block": (subject.component.name,), "head": (head,)}
        yield discriminator_case(
            partial(subject.companion, "network", "ganzoo/stack-discriminator", fill=fill),
            label=f"two of them below {head}",
            resolution=(16, 16),
        )


def _call(module: Any, inputs: Any, noise: Any) -> Any:
    del noise
    return outputs_of(module(*inputs), 2, "(x, image)")
