"""Checks of heads: the end of a discriminator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ganzoo.registry.contracts import HeadSite
from ganzoo.testing.case import Case, Part, in_every_case, labelled, logits_of
from ganzoo.testing.network import discriminator_case
from ganzoo.testing.network_part import (
    differentiates_twice,
    gives_promised_shapes,
    network_part_checks,
)
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import published_kits


def cases(subject: Subject) -> Iterator[Case]:
    """Square and not square, with and without labels, in every variant."""
    kits = published_kits()
    for given in variants(subject):
        for base, label, name in (
            ((4, 4), 0, "StyleGAN2's layers"),
            ((4, 4), 3, "StyleGAN2's layers"),
            ((2, 3), 3, "StyleGAN's layers"),
        ):

            def make(
                given: Any = given,
                base: tuple[int, int] = base,
                label: int = label,
                kit: Any = kits[name],
            ) -> Part:
                site = HeadSite(in_channels=6, base=base, label_width=label, layers=kit())
                return Part(
                    module=subject.factory(**given)(site),
                    call=_call,
                    takes=((6, *base), (label,) if label else None),
                    gives=((),),
                )

            where = f"base {base[0]}x{base[1]}, label {label}"
            yield Case(label=labelled(where, name, given), make=make)


def makes_a_discriminator(case: Case) -> None:
    """Above every block, it scores images."""
    gives_promised_shapes(case)


def makes_a_discriminator_that_differentiates_twice(case: Case) -> None:
    """Above every block, the discriminator is fit for R1."""
    differentiates_twice(case)


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a head."""
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
    for block in subject.companions("discriminator_block"):
        fill = {"discriminator_block": (block,), "head": (subject.component.name,)}
        yield discriminator_case(
            partial(subject.companion, "network", "ganzoo/stack-discriminator", fill=fill),
            label=f"above {block}",
        )


def _call(module: Any, inputs: Any, noise: Any) -> Any:
    del noise
    return logits_of(module(*inputs))
