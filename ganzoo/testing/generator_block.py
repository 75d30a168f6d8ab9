"""Checks of generator blocks: one doubling, and what it does with the image so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ganzoo.registry.contracts import GeneratorSite
from ganzoo.testing.case import Case, Part, in_every_case, labelled, outputs_of
from ganzoo.testing.failure import expect
from ganzoo.testing.network import generator_case
from ganzoo.testing.network_part import (
    differentiates_twice,
    gives_promised_shapes,
    network_part_checks,
)
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import IMAGE_CHANNELS, STYLE_WIDTH, Surroundings, published_kits


def cases(subject: Subject) -> Iterator[Case]:
    """Three sizes, with and without an image, with every normalization, in every variant."""
    kits = published_kits()
    for given in variants(subject):
        for normalization in subject.companions("normalization"):
            for size, image, name in (
                ((4, 4), False, "StyleGAN2's layers"),
                ((2, 3), True, "StyleGAN's layers"),
                ((8, 8), True, "StyleGAN2's layers"),
            ):

                def make(
                    given: Any = given,
                    normalization: str = normalization,
                    size: tuple[int, int] = size,
                    image: bool = image,
                    kit: Any = kits[name],
                ) -> Part:
                    around = Surroundings(subject, normalization=normalization, layers=kit())
                    return _part(subject, around, size, image, given)

                label = labelled(
                    f"from {size[0]}x{size[1]}",
                    "with an image" if image else "",
                    normalization,
                    name,
                    given,
                )
                yield Case(label=label, make=make)


def counts_its_styles(case: Case) -> None:
    """``num_styles`` is a number from 0 on, known after construction."""
    count = case.built().module.num_styles
    expect(type(count) is int and count >= 0, f"num_styles is {count!r}, not a number of styles")


def makes_a_generator(case: Case) -> None:
    """Stacked with every normalization, it makes images of the right size."""
    gives_promised_shapes(case)


def makes_a_generator_that_differentiates_twice(case: Case) -> None:
    """Stacked with every normalization, the generator is fit for path length."""
    differentiates_twice(case)


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a generator block."""
    del subject
    return (
        *network_part_checks(cases),
        *in_every_case(cases, counts_its_styles),
        *in_every_case(_generators, makes_a_generator, makes_a_generator_that_differentiates_twice),
    )


def _generators(subject: Subject) -> Iterator[Case]:
    for normalization in subject.companions("normalization"):
        fill = {
            "generator_block": (subject.component.name,),
            "normalization": (normalization,),
            "stem": ("ganzoo/dense",),  # some normalizations leave the latent to the stem
        }
        yield generator_case(
            partial(subject.companion, "network", "ganzoo/style-generator", fill=fill),
            label=f"two of them with {normalization}",
            resolution=(16, 16),
        )


def _part(
    subject: Subject, around: Surroundings, size: tuple[int, int], image: bool, given: Any
) -> Part:
    doubled = (2 * size[0], 2 * size[1])
    module = subject.factory(**given)(
        GeneratorSite(
            in_channels=5,
            out_channels=3,
            resolution=doubled,
            styled_conv=around.styled_conv,
            to_rgb=around.to_rgb,
            layers=around.layers,
        )
    )
    return Part(
        module=module,
        call=lambda module, inputs, noise: outputs_of(module(*inputs, noise), 2, "(x, image)"),
        takes=(
            (5, *size),
            (IMAGE_CHANNELS, *size) if image else None,
            (module.num_styles, STYLE_WIDTH),
        ),
        gives=((3, *doubled), (IMAGE_CHANNELS, *doubled)),
        noise=tuple(around.noise),
    )
