"""Complaints about shapes, in one voice."""

from __future__ import annotations

from torch import Tensor


def expect_shape(name: str, x: Tensor, pattern: tuple[int | str, ...]) -> None:
    """Refuse a tensor that does not fit a pattern of sizes and named, free dimensions.

    Args:
        name: what the caller calls the tensor.
        x: the tensor.
        pattern: a number must match, a word matches any size, as ``("N", 3, "H", "W")``.

    Raises:
        ValueError: the number of dimensions or a fixed size differs.
    """
    fits = x.dim() == len(pattern) and all(
        isinstance(wanted, str) or wanted == size for wanted, size in zip(pattern, x.shape)
    )
    if not fits:
        expected = ", ".join(map(str, pattern))
        raise ValueError(f"{name} has shape {list(x.shape)}; expected [{expected}]")
