"""Latents: where they come from, and the paths between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["latents_from_seeds", "lerp", "loop", "slerp"]

# Below this sine two vectors are as good as parallel, and the great circle is not defined.
_SMALLEST_SINE = 1e-6

Between = Callable[[Tensor, Tensor, float], Tensor]


def latents_from_seeds(
    seeds: Sequence[int], width: int, *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """[N, Z] latents by the field's convention, one generator per seed.

    ``z(seed) = numpy.random.RandomState(seed).randn(1, Z)`` in float64, rounded to ``dtype``; a
    seed therefore means the same latent in every position of every batch.

    Args:
        seeds: N numbers in 0 .. 2**32 - 1.
        width: Z.
        dtype: of the result.
    """
    rows = [np.random.RandomState(seed).randn(1, width) for seed in seeds]
    latents = np.concatenate(rows) if rows else np.zeros((0, width))
    return torch.from_numpy(latents).to(dtype)


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at ``t`` of the straight line from ``a`` (0) to ``b`` (1)."""
    return a + (b - a) * t


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at ``t`` of the great circle from ``a`` to ``b`` (Shoemake 1985).

    ``sin((1 - t) O) / sin(O) a + sin(t O) / sin(O) b`` with the angle ``O`` between the vectors of
    the last dimension; lengths are not normalized. Parallel, opposite and zero vectors,
    where the great circle is undefined, take the straight line.

    Args:
        a: [..., Z].
        b: as ``a``.
        t: 0 .. 1.
    """
    lengths = a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(a.dtype).tiny
    cosine = (a * b).sum(dim=-1, keepdim=True) / lengths.clamp_min(tiny)
    angle = torch.acos(cosine.clamp(-1, 1))
    sine = torch.sin(angle)
    straight = (sine < _SMALLEST_SINE) | (lengths < tiny)
    safe = torch.where(straight, torch.ones_like(sine), sine)
    curved = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / safe
    return torch.where(straight, lerp(a, b, t), curved)


def loop(keyframes: Tensor, frames: int, between: Between = lerp) -> Tensor:
    """A closed path through the keyframes that ends one frame before it began.

    Args:
        keyframes: [K, ...]; the last one leads back to the first.
        frames: frames from one keyframe to the next, at least 1.
        between: ``lerp`` or ``slerp``.

    Returns:
        [K * frames, ...]; entry ``k * frames`` is keyframe ``k``.
    """
    following = keyframes.roll(-1, dims=0)
    steps = [between(keyframes, following, frame / frames) for frame in range(frames)]
    return torch.stack(steps, dim=1).flatten(0, 1)
