"""Our operations inside torch.compile: one graph, the same numbers."""

from __future__ import annotations

import pytest
import torch
from comparing import draw

from ganzoo.ops import bias_act, setup_filter, upsample2d

pytestmark = pytest.mark.usefixtures("emulator")


@pytest.mark.parametrize("impl", ["cupy", "auto"])
def test_a_layer_compiles_into_one_graph(impl):
    f = setup_filter([1, 3, 3, 1])

    def layer(x, b):
        return bias_act(upsample2d(x, f, impl=impl), b, act="lrelu", impl=impl)

    # "aot_eager" traces forward and backward as every backend does, and needs no C++ compiler.
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x, b = draw(2, 3, 4, 4).requires_grad_(), draw(3, seed=1).requires_grad_()
    for run in (compiled, layer):
        y = run(x, b)
        found = (y, *torch.autograd.grad(y.square().sum(), (x, b)))
        if run is compiled:
            expected = found
    for one, other in zip(found, expected):
        assert torch.equal(one, other)
