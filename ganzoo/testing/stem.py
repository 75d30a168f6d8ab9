"""Checks of stems: the base grid of a generator, its first convolution included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ganzoo.registry.contracts import StemSite
from ganzoo.testing.case import Case, Part, in_every_case, labelled, tensor_of
from ganzoo.testing.failure import expect
from ganzoo.testing.network_part import network_part_checks
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import STYLE_WIDTH, Surroundings, published_kits


def cases(subject: Subject) -> Iterator[Case]:
    """Square and not square, with every normalization, in every variant."""
    for given in variants(subject):
        for normalization in subject.companions("normalization"):
            for size, (name, kit) in zip(((4, 4), (3, 5)), published_kits().items()):

                def make(
                    given: Any = given,
                    normalization: str = normalization,
                    size: tuple[int, int] = size,
                    kit: Any = kit,
                ) -> Part:
                    around = Surroundings(subject, normalization=normalization, layers=kit())
                    site = StemSite(
                        out_channels=5,
                        resolution=size,
                        style_width=STYLE_WIDTH,
                        styled_conv=around.styled_conv,
                        layers=around.layers,
                    )
                    module = subject.factory(**given)(site)
                    return Part(
                        module=module,
                        call=_call,
                        takes=((module.num_styles, STYLE_WIDTH),),
                        gives=((5, *size),),
                        noise=tuple(around.noise),
                    )

                label = labelled(f"base {size[0]}x{size[1]}", normalization, name, given)
                yield Case(label=label, make=make)


def counts_its_styles(case: Case) -> None:
    """``num_styles`` is a number from 0 on, known after construction."""
    count = case.built().module.num_styles
    expect(type(count) is int and count >= 0, f"num_styles is {count!r}, not a number of styles")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a stem."""
    del subject
    return (*network_part_checks(cases), *in_every_case(cases, counts_its_styles))


def _call(module: Any, inputs: Any, noise: Any) -> Any:
    return (tensor_of(module(inputs[0], noise), "a tensor [N, C, base]"),)
