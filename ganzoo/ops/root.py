"""A square root that can be differentiated at zero."""

from __future__ import annotations

from torch import Tensor


def root(x: Tensor) -> Tensor:
    """``sqrt(x)``, whose derivatives at 0 are 0, where those of ``sqrt`` are infinite.

    The length of a vector is the root of a sum of squares. Where the vector is zero, the chain rule
    multiplies that infinity by zero, and the NaN reaches every weight. Everywhere else value and
    derivatives are those of ``sqrt``, bit for bit, which an epsilon under the root would change.

    Args:
        x: of any shape, not negative; NaN stays NaN.
    """
    zero = x == 0
    return x.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)
