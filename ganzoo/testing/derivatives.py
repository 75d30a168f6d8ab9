"""First and second derivatives of a network part, against finite differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganzoo.testing.case import Part
from ganzoo.testing.failure import CheckFailure, expect

STEP = 1e-6  # of each tensor's own size
TOLERANCE = 1e-4  # float64 leaves about 1e-7 at this step; a missing branch is far larger
POINTS = 3  # a kink of an activation may lie within a step at one of them


def check_first_derivative(part: Part) -> None:
    """Compare the gradient with the slope along a direction.

    Raises:
        CheckFailure: they differ, wherever one looks.
    """
    _somewhere(part, lambda derivatives: derivatives.check_first())


def check_second_derivative(part: Part) -> None:
    """Compare the derivative of a directional derivative with its slope.

    Raises:
        CheckFailure: they differ, or a backward pass cannot itself be differentiated.
    """
    _somewhere(part, lambda derivatives: derivatives.check_second())


def _somewhere(part: Part, check: Callable[[_Derivatives], None]) -> None:
    """Try a few points; a derivative that is wrong is wrong at all of them."""
    for seed in range(1, POINTS + 1):
        try:
            return check(_Derivatives(part, seed))
        except CheckFailure:
            if seed == POINTS:
                raise
    return None


class _Derivatives:
    """The derivatives of a random projection of a part's outputs at one point.

    All inputs and parameters are moved at once, each along a random direction of its own size, so
    that those of different scale weigh the same.
    """

    def __init__(self, part: Part, seed: int) -> None:
        self._part = part
        self._inputs = part.inputs(seed=seed)
        inputs = [x.requires_grad_() for x in self._inputs if x is not None]
        self._tensors = [*inputs, *(p for p in part.module.parameters() if p.requires_grad)]
        self._random = torch.Generator().manual_seed(seed)
        self._projection = [self._normal(output) for output in part.run(self._inputs)]
        self._direction = self._directions()
        self._second = self._directions()

    def check_first(self) -> None:
        gradients = torch.autograd.grad(
            self._value(), self._tensors, allow_unused=True, materialize_grads=True
        )
        self._compare(gradients, self._value_number, "the gradient")

    def check_second(self) -> None:
        slope = self._slope()
        if slope.requires_grad:
            try:
                gradients = torch.autograd.grad(
                    slope, self._tensors, allow_unused=True, materialize_grads=True
                )
            except RuntimeError as error:
                raise CheckFailure(
                    f"it cannot be differentiated twice, as R1 and path length do: {error}"
                ) from error
        else:
            gradients = tuple(torch.zeros_like(tensor) for tensor in self._tensors)
        self._compare(gradients, lambda: float(self._slope().detach()), "the second derivative")

    def _compare(
        self, gradients: Sequence[Tensor], number: Callable[[], float], subject: str
    ) -> None:
        parts = [float((g * d).sum()) for g, d in zip(gradients, self._direction)]
        analytic, size = sum(parts), sum(abs(part) for part in parts)
        expect(all(torch.isfinite(g).all() for g in gradients), f"{subject} is not finite")
        numeric = (self._moved(number, STEP) - self._moved(number, -STEP)) / (2 * STEP)
        expect(
            abs(numeric - analytic) <= TOLERANCE * max(size, abs(numeric)) + 1e-6,
            f"{subject} along a random direction is {analytic:.6g}, but finite differences say"
            f" {numeric:.6g}. Something is detached, or a backward pass is wrong",
        )

    def _moved(self, number: Callable[[], float], step: float) -> float:
        kept = [tensor.detach().clone() for tensor in self._tensors]
        with torch.no_grad():
            for tensor, direction in zip(self._tensors, self._direction):
                tensor.add_(direction, alpha=step)
        try:
            return number()
        finally:
            with torch.no_grad():
                for tensor, before in zip(self._tensors, kept):
                    tensor.copy_(before)

    def _value(self) -> Tensor:
        outputs = self._part.run(self._inputs)
        total = torch.zeros((), dtype=torch.float64)
        for output, projection in zip(outputs, self._projection):
            total = total + (output * projection).sum()
        return total

    def _value_number(self) -> float:
        with torch.no_grad():
            return float(self._value())

    def _slope(self) -> Tensor:
        """The derivative of the value along the second direction, as a function that can move."""
        gradients = torch.autograd.grad(
            self._value(),
            self._tensors,
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        total = torch.zeros((), dtype=torch.float64)
        for gradient, direction in zip(gradients, self._second):
            total = total + (gradient * direction).sum()
        return total

    def _directions(self) -> list[Tensor]:
        found = []
        for tensor in self._tensors:
            size = float(tensor.detach().square().mean().sqrt()) if tensor.numel() else 0.0
            found.append(self._normal(tensor) * (size or 1.0))
        return found

    def _normal(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self._random, dtype=like.dtype)
