"""The main phases compile as one graph each; R1 and path length, differentiated twice, do not."""

from __future__ import annotations

import pytest
import torch
import torch._dynamo
import torch.nn.functional as F
from small_networks import discriminator, generator


@pytest.fixture
def networks():
    torch._dynamo.reset()
    yield generator(), discriminator("residual")
    torch._dynamo.reset()


def generator_phase(g, d):
    z = torch.randn(4, g.latent_width, generator=torch.Generator().manual_seed(0)).double()
    return g, lambda: F.softplus(-d(g.synthesize(g.styles(z), g.fixed_noise()))).mean()


def discriminator_phase(g, d):
    random = torch.Generator().manual_seed(1)
    images = torch.randn(8, 3, 16, 16, generator=random, dtype=torch.float64)

    def loss():
        fake, real = d(images, parts=2).chunk(2)
        return (F.softplus(fake) + F.softplus(-real)).mean()

    return d, loss


def gradients(network, loss):
    network.zero_grad()
    loss().backward()
    return {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("phase", [generator_phase, discriminator_phase])
def test_a_main_phase_is_one_graph_with_the_same_gradients(networks, phase):
    trained, loss = phase(*networks)
    eager = gradients(trained, loss)
    # fullgraph refuses every break
    compiled = gradients(trained, torch.compile(loss, backend="aot_eager", fullgraph=True))
    assert eager.keys() == compiled.keys()
    for name, expected in eager.items():
        # float64; compiled code takes the plain definitions, which round in another order
        torch.testing.assert_close(compiled[name], expected, rtol=1e-9, atol=1e-9)
