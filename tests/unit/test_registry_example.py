"""The example plugin of a third party: its block works inside our generator."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from ganzoo.assembly.build import build
from ganzoo.nn.noise import NoNoise
from ganzoo.recipe.model import Slot
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import NetworkSite
from ganzoo.registry.discovery import discover

EXAMPLE = Path(__file__).parent.parent / "fixtures" / "acme_blocks"


@pytest.fixture(scope="module")
def registry() -> Registry:
    path, modules = list(sys.path), set(sys.modules)
    yield discover(extra=(f"acme={EXAMPLE}",))
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] == EXAMPLE.name:
            del sys.modules[name]


def slot(kind: str, use: str, **parameters) -> Slot:
    return Slot(kind=kind, use=use, parameters=parameters, settings={})


def generator(registry: Registry, block: Slot) -> torch.nn.Module:
    network = slot(
        "network",
        "ganzoo/style-generator",
        block=block,
        mapping=slot("mapping", "ganzoo/mlp", depth=2, width=8),
        stem=slot("stem", "ganzoo/constant"),
        normalization=slot("normalization", "ganzoo/demodulation"),
        channels_base=96,
        channels_max=6,
        latent_width=8,
    )
    torch.manual_seed(0)
    made = build(network, registry, "generator")(NetworkSite(resolution=(24, 16), base=(6, 4)))
    return made.double()


def attention(**parameters) -> Slot:
    inner = slot("generator_block", "ganzoo/residual")
    return slot("generator_block", "acme/local-attention", inner=inner, heads=4, **parameters)


def image(network: torch.nn.Module, z: torch.Tensor) -> torch.Tensor:
    return network.synthesize(network.styles(z, None), NoNoise())


def test_the_block_attends_from_its_resolution_on_and_every_weight_learns(registry):
    network = generator(registry, attention(from_resolution=16))
    made = image(network, torch.randn(2, 8, dtype=torch.float64))
    assert made.shape == (2, 3, 24, 16)
    made.square().sum().backward()
    own = {name: weight for name, weight in network.named_parameters() if "query_key_value" in name}
    assert len(own) == 1
    assert all(weight.grad.abs().sum() > 0 for weight in own.values())


def test_below_its_resolution_the_block_is_the_inner_one(registry):
    z = torch.randn(2, 8, dtype=torch.float64)
    plain = image(generator(registry, slot("generator_block", "ganzoo/residual")), z)
    assert torch.equal(image(generator(registry, attention(from_resolution=64)), z), plain)


def test_samples_do_not_see_each_other(registry):
    network = generator(registry, attention())
    z = torch.randn(3, 8, dtype=torch.float64)
    together = image(network, z)
    torch.testing.assert_close(together[1:2], image(network, z[1:2]), rtol=1e-10, atol=1e-12)


def test_a_pixel_sees_its_window_and_nothing_else(registry):
    network = generator(registry, attention())
    block = next(
        module for module in network.modules() if type(module).__name__.startswith("LocalAttention")
    )
    mixed = torch.randn(1, 3 * 4 * block.width, 8, 12, dtype=torch.float64, requires_grad=True)
    block._attend(mixed)[0, :, 5, 2].sum().backward()
    seen = mixed.grad[0].abs().sum(0) > 0
    assert seen[4:8, 0:4].all()
    assert seen.sum() == 16


def test_the_block_differentiates_twice(registry):
    network = generator(registry, attention())
    block = next(
        module for module in network.modules() if type(module).__name__.startswith("LocalAttention")
    )
    mixed = torch.randn(1, 3 * 4 * block.width, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(block._attend, mixed)
