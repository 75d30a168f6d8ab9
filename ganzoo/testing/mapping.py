"""Checks of mappings: latent and label to one style."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ganzoo.registry.contracts import MappingSite
from ganzoo.testing.case import Case, Part, in_every_case, labelled, tensor_of
from ganzoo.testing.failure import expect
from ganzoo.testing.network_part import network_part_checks
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import published_kits


def cases(subject: Subject) -> Iterator[Case]:
    """A latent, a label, and both, with different layers, in every variant."""
    for given in variants(subject):
        for kit_name, kit in published_kits().items():
            for latent, label in ((5, 0), (5, 3), (0, 3)):

                def make(
                    given: Any = given, kit: Any = kit, latent: int = latent, label: int = label
                ) -> Part:
                    site = MappingSite(latent_width=latent, label_width=label, layers=kit())
                    module = subject.factory(**given)(site)
                    return Part(
                        module=module,
                        call=_call,
                        takes=((latent,) if latent else None, (label,) if label else None),
                        gives=((module.width,),),
                    )

                sizes = f"latent {latent}, label {label}"
                yield Case(label=labelled(sizes, kit_name, given), make=make)


def everything_given_changes_the_style(case: Case) -> None:
    """Latent and label both reach the style."""
    part = case.built()
    inputs, others = part.inputs(), part.inputs(seed=2)
    (before,) = part.run(inputs)
    for number, name in enumerate(("latent", "label")):
        if inputs[number] is not None:
            changed = list(inputs)
            changed[number] = others[number]
            (after,) = part.run(tuple(changed))
            expect(bool((after != before).any(dim=1).all()), f"another {name} gives the same style")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a mapping."""
    del subject
    return (
        *network_part_checks(cases),
        *in_every_case(cases, everything_given_changes_the_style),
    )


def _call(module: Any, inputs: Any, noise: Any) -> Any:
    del noise
    return (tensor_of(module(*inputs), "a tensor [N, D]"),)
