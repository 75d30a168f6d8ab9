"""Epilogue, modulation and normalizations inside torch.compile: one graph, the same numbers."""

from __future__ import annotations

import pytest
import torch
from comparing import draw, laid_out

from ganzoo.ops import adain, layer_epilogue, modulate, second_moment_norm

pytestmark = pytest.mark.usefixtures("emulator")


@pytest.mark.parametrize("impl", ["cupy", "auto"])
def test_they_compile_into_one_graph(impl):
    noise = draw(2, 1, 4, 4, seed=5)

    def layer(x, styles, factors, strength, bias):
        x = modulate(x, styles, impl=impl)
        more = {"noise": noise, "strength": strength, "bias": bias, "act": "lrelu", "clamp": 2.0}
        x = layer_epilogue(x, factors=factors, **more, impl=impl)
        return second_moment_norm(adain(x, styles, factors, impl=impl), impl=impl)

    # "aot_eager" traces forward and backward as every backend does, and needs no C++ compiler.
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    inputs = [laid_out(draw(2, 3, 4, 4), torch.channels_last), draw(2, 3, seed=1)]
    inputs += [draw(2, 3, seed=2), draw(3, seed=3), draw(3, seed=4)]
    inputs = [t.requires_grad_() for t in inputs]
    results = []
    for run in (compiled, layer):
        y = run(*inputs)
        results.append((y, *torch.autograd.grad(y.square().sum(), inputs)))
    for found, expected in zip(*results):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
