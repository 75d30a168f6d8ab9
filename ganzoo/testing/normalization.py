"""Checks of normalizations: one convolution under the control of a style."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ganzoo.nn.layer_kit import LayerKit
from ganzoo.registry.contracts import ConvSite
from ganzoo.testing.case import Case, Part, in_every_case, labelled, tensor_of
from ganzoo.testing.failure import expect
from ganzoo.testing.network_part import network_part_checks
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import STYLE_WIDTH, published_kits


def cases(subject: Subject) -> Iterator[Case]:
    """Plain, upsampling, without a convolution, and as a to-RGB, with all sorts of layers."""
    for given in variants(subject):
        for name, kit in published_kits().items():
            for label, size, changes in (
                ("3x3 at 4x6", (4, 6), {"in_channels": 5, "out_channels": 3, "kernel": 3}),
                ("up to 8x8", (4, 4), {"in_channels": 3, "out_channels": 4, "kernel": 3, "up": 2}),
                ("1x1 at 8x8", (8, 8), {"in_channels": 4, "out_channels": 6, "kernel": 1}),
                ("no convolution", (4, 4), {"in_channels": 4, "out_channels": 4, "kernel": 0}),
                ("to-RGB at 4x6", (4, 6), _output(in_channels=5)),
            ):
                yield Case(
                    label=labelled(label, name, given),
                    make=_maker(subject, kit, size, given, changes),
                )
            if given:
                break


def reads_style_says_the_truth(case: Case) -> None:
    """The style changes the output exactly where ``reads_style`` is True."""
    part = case.built()
    x, style = part.inputs()
    _, other = part.inputs(seed=2)
    change = float((part.run((x, style))[0] - part.run((x, other))[0]).detach().abs().max())
    reads = part.module.reads_style
    expect(isinstance(reads, bool), f"reads_style is {reads!r}, not a truth value")
    expect(
        (change > 0) == reads,
        f"reads_style is {reads!r}, but another style changes the output by {change:.2g}",
    )


def an_output_layer_is_linear(case: Case) -> None:
    """As a to-RGB it is linear up to its bias, with nothing normalized."""
    part = case.built()
    (x, style), (y, _) = part.inputs(), part.inputs(seed=2)
    assert x is not None
    assert y is not None

    def at(features: Tensor) -> Tensor:
        return part.run((features, style))[0]

    zero = torch.zeros_like(x)
    error = float((at(x + y) - at(x) - at(y) + at(zero)).detach().abs().max())
    error /= float(at(x).detach().abs().max())
    expect(error < 1e-9, f"its output is not linear in its input (off by {error:.2g})")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a normalization."""
    del subject
    return (
        *network_part_checks(cases),
        *in_every_case(cases, reads_style_says_the_truth),
        *in_every_case(
            lambda subject: (case for case in cases(subject) if case.label.startswith("to-RGB")),
            an_output_layer_is_linear,
        ),
    )


def _output(in_channels: int) -> dict[str, Any]:
    return {
        "in_channels": in_channels,
        "out_channels": 3,
        "kernel": 1,
        "noise": None,
        "is_output": True,
    }


def _maker(
    subject: Subject,
    kit: Callable[[], LayerKit],
    size: tuple[int, int],
    given: Any,
    changes: dict[str, Any],
) -> Callable[[], Part]:
    def make() -> Part:
        site = ConvSite(**{"style_width": STYLE_WIDTH, "noise": 0, "layers": kit(), **changes})
        return Part(
            module=subject.factory(**given)(site),
            call=lambda module, inputs, noise: (tensor_of(module(*inputs, noise), "a tensor"),),
            takes=((site.in_channels, *size), (STYLE_WIDTH,)),
            gives=((site.out_channels, size[0] * site.up, size[1] * site.up),),
            noise=() if site.noise is None else (site.noise,),
        )

    return make
