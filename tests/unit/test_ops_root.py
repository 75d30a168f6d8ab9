"""The square root that can be differentiated at zero."""

from __future__ import annotations

import torch

from ganzoo.ops.root import root


def test_the_root_is_that_of_torch_bit_for_bit():
    x = torch.logspace(-300, 300, 1001, dtype=torch.float64)
    assert torch.equal(root(x), x.sqrt())
    x.requires_grad_()
    (ours,) = torch.autograd.grad(root(x).sum(), x)
    (theirs,) = torch.autograd.grad(x.sqrt().sum(), x)
    assert torch.equal(ours, theirs)


def test_its_first_and_second_derivatives_are_those_of_finite_differences():
    x = torch.tensor([0.5, 1.0, 7.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(root, x)
    assert torch.autograd.gradgradcheck(root, x)


def test_the_length_of_a_zero_vector_has_no_slope_and_no_curvature():
    x = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    length = root(x.square().sum(dim=1))
    (slope,) = torch.autograd.grad(length.sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    assert length.tolist() == [0, 0]
    assert slope.abs().sum() == 0
    assert curvature.abs().sum() == 0


def test_a_zero_beside_others_leaves_their_slopes_alone():
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    (slope,) = torch.autograd.grad(root(x).sum(), x)
    assert slope.tolist() == [0, 0.25]


def test_nan_and_negative_numbers_are_not_hidden():
    assert root(torch.tensor([float("nan"), -1.0])).isnan().all()
