"""Pixel norm: features of unit second moment (ProGAN, Sec. 4.2)."""

from __future__ import annotations

from torch import Tensor


def second_moment_norm(x: Tensor, eps: float = 1e-8) -> Tensor:
    """x / sqrt(mean of x squared over axis 1, plus eps).

    Args:
        x: [N, C] latents or [N, C, H, W] features.
        eps: keeps a zero vector finite.

    Returns:
        The shape of ``x``.
    """
    return x * (x.square().mean(1, keepdim=True) + eps).rsqrt()
