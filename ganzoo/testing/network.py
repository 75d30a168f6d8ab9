"""Checks of whole networks: generators of images from styles, and discriminators.

A network is whatever its task calls. One whose class has ``styles`` and ``synthesize`` is checked
as a style generator, one whose class name ends in ``Discriminator`` as a discriminator; any other
one is only checked as every component is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.errors import PluginError
from ganzoo.registry.contracts import NetworkSite
from ganzoo.testing.case import (
    Case,
    Part,
    SeededNoise,
    Tensors,
    in_every_case,
    labelled,
    logits_of,
    tensor_of,
)
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.network_part import network_part_checks
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import IMAGE_CHANNELS

CheckFunction = Callable[[Subject], None]


def generator_cases(subject: Subject) -> Iterator[Case]:
    """Square and not square, grey and colour, with and without labels, in every variant."""
    for given in variants(subject):
        yield generator_case(partial(subject.factory, **given), label=labelled(given))
    yield generator_case(
        subject.factory, label="label 3", resolution=(12, 8), base=(3, 2), channels=1, labels=3
    )


def discriminator_cases(subject: Subject) -> Iterator[Case]:
    """As ``generator_cases``."""
    for given in variants(subject):
        make = partial(subject.factory, **given)
        yield discriminator_case(make, label=labelled(given))
    yield discriminator_case(
        subject.factory, label="label 3", resolution=(12, 8), base=(3, 2), channels=1, labels=3
    )


def penalizes_path_length(case: Case) -> None:
    """The squared gradient with respect to the styles has a finite gradient in the weights."""
    part = case.built()
    z, label = part.inputs()
    styles = part.module.styles(z, label).detach().requires_grad_()
    image = part.module.synthesize(styles, SeededNoise())
    _expect_penalty(part.module, image.square().sum(), styles)


def penalizes_gradient_of_logits(case: Case) -> None:
    """The squared gradient with respect to the image has a finite gradient in the weights."""
    part = case.built()
    image, label = part.inputs()
    assert image is not None
    logits = logits_of(part.module(image.requires_grad_(), label))[0]
    assert logits is not None
    _expect_penalty(part.module, logits.sum(), image)


def truncates_towards_the_mean(case: Case) -> None:
    """psi 1 changes no style; psi 0 makes all samples the same, up to the cutoff."""
    part = case.built()
    styles = part.module.styles(*part.inputs(3))
    expect(
        torch.allclose(part.module.truncate(styles, 1.0), styles, atol=1e-12),
        "truncate with psi 1 changes the styles",
    )
    pulled = part.module.truncate(styles, 0.0, cutoff=1)
    expect(bool((pulled[:, 0] == pulled[:1, 0]).all()), "truncate with psi 0 leaves samples apart")
    expect(torch.equal(pulled[:, 1:], styles[:, 1:]), "truncate changes styles beyond its cutoff")


def mixes_styles_from_the_cut_on(case: Case) -> None:
    """A second latent gives the styles from the cut on, and none before it."""
    part = case.built()
    (z, label), (second, _) = part.inputs(3), part.inputs(3, seed=2)
    plain = part.module.styles(z, label)
    other = part.module.styles(second, label)
    for cut in range(1, plain.shape[1]):
        mixed = part.module.styles(z, label, (second, cut))
        same = torch.equal(mixed[:, :cut], plain[:, :cut])
        expect(same, f"mixing at {cut} changes the styles before it")
        same = torch.equal(mixed[:, cut:], other[:, cut:])
        expect(same, f"mixing at {cut} does not give the second latent's styles from there on")


def checks(subject: Subject) -> tuple[CheckFunction, ...]:
    """The checks of a network, by what it is."""
    try:
        cls = subject.cls
    except PluginError:
        return ()
    if hasattr(cls, "styles") and hasattr(cls, "synthesize"):
        return (
            *network_part_checks(generator_cases),
            *in_every_case(
                generator_cases,
                penalizes_path_length,
                truncates_towards_the_mean,
                mixes_styles_from_the_cut_on,
            ),
        )
    if cls.__name__.endswith("Discriminator"):
        return (
            *network_part_checks(discriminator_cases),
            *in_every_case(discriminator_cases, penalizes_gradient_of_logits),
        )
    return ()


def generator_case(
    factory: Callable[[], Any],
    *,
    label: str = "",
    resolution: tuple[int, int] = (8, 8),
    base: tuple[int, int] = (4, 4),
    channels: int = IMAGE_CHANNELS,
    labels: int = 0,
) -> Case:
    """A style generator at a site; its outputs are image and styles."""

    def call(module: Any, inputs: Tensors, noise: Any) -> Tensors:
        styles = tensor_of(module.styles(*inputs), "styles [N, L, D]")
        return tensor_of(module.synthesize(styles, noise), "an image [N, I, R, R]"), styles

    def make() -> Part:
        module = factory()(_site(resolution, base, channels, labels))
        part = Part(
            module=module,
            call=call,
            takes=((module.latent_width,), (labels,) if labels else None),
            gives=((channels, *resolution), (module.num_styles, module.style_width)),
        )
        return _with_own_noise(part)

    return Case(label=labelled(f"{resolution[0]}x{resolution[1]}", label), make=make)


def discriminator_case(
    factory: Callable[[], Any],
    *,
    label: str = "",
    resolution: tuple[int, int] = (8, 8),
    base: tuple[int, int] = (4, 4),
    channels: int = IMAGE_CHANNELS,
    labels: int = 0,
) -> Case:
    """A discriminator at a site; its output are logits."""

    def make() -> Part:
        return Part(
            module=factory()(_site(resolution, base, channels, labels)),
            call=lambda module, inputs, noise: logits_of(module(*inputs)),
            takes=((channels, *resolution), (labels,) if labels else None),
            gives=((),),
        )

    return Case(label=labelled(f"{resolution[0]}x{resolution[1]}", label), make=make)


def _site(
    resolution: tuple[int, int], base: tuple[int, int], channels: int, labels: int
) -> NetworkSite:
    return NetworkSite(resolution=resolution, base=base, channels=channels, label_width=labels)


def _with_own_noise(part: Part) -> Part:
    """The part, its noise being what it asks for: a whole network numbers its maps itself."""
    noise = SeededNoise()
    dtype = next(part.module.parameters()).dtype
    inputs = tuple(None if x is None else x.to(dtype) for x in part.inputs())
    with torch.no_grad():
        part.run(inputs, noise)
    return Part(
        module=part.module,
        call=part.call,
        takes=part.takes,
        gives=part.gives,
        noise=tuple(sorted(noise.asked)),
    )


def _expect_penalty(module: nn.Module, value: Tensor, at: Tensor) -> None:
    """Differentiate a penalty on a gradient, as training does."""
    (gradient,) = torch.autograd.grad(value, at, create_graph=True)
    gradient.square().sum().backward()  # type: ignore[no-untyped-call]
    found = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    broken = [name for name, grad in found.items() if not torch.isfinite(grad).all()]
    expect(not broken, f"the gradient of the penalty is not finite in {listed(broken)}")
    reached = any(bool(grad.abs().sum() > 0) for grad in found.values())
    expect(reached, "the gradient of the penalty reaches no weight")
