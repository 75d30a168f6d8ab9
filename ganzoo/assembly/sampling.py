"""Sampling maths over styles: labels of classes, style mixing and interpolation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor

from ganzoo.nn.latents import lerp, loop, slerp

__all__ = ["batches", "interpolated_styles", "mix_styles", "mixing_table", "one_hot", "slerp_path"]


def one_hot(classes: Sequence[int], width: int) -> Tensor | None:
    """float32 [N, K] with a one at each class; None where ``width`` is 0."""
    if not width:
        return None
    label = torch.zeros(len(classes), width)
    label[torch.arange(len(classes)), torch.tensor(classes, dtype=torch.long)] = 1
    return label


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` that cover ``0 .. count`` in order."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def mix_styles(base: Tensor, donor: Tensor, layers: Collection[int]) -> Tensor:
    """The base's styles, those of ``layers`` replaced by the donor's (StyleGAN, Fig. 3).

    Args:
        base: [..., L, D].
        donor: as ``base``, or broadcastable to it.
        layers: rows of the styles, each in ``0 .. L - 1``; none gives the base, all the donor.
    """
    taken = torch.zeros(base.shape[-2], dtype=torch.bool, device=base.device)
    taken[sorted(layers)] = True
    return torch.where(taken[:, None], donor, base)


def mixing_table(rows: Tensor, columns: Tensor, layers: Collection[int]) -> Tensor:
    """Every row mixed with every column: rows are the base, columns donate ``layers``.

    Args:
        rows: [A, L, D].
        columns: [B, L, D].
        layers: rows of the styles that the columns donate.

    Returns:
        [A * B, L, D], the columns changing fastest.
    """
    return mix_styles(rows[:, None], columns[None, :], layers).flatten(0, 1)


def interpolated_styles(keyframes: Tensor, frames: int) -> Tensor:
    """A closed path, linear in W, through styles [K, L, D]: [K * frames, L, D]."""
    return loop(keyframes, frames, lerp)


def slerp_path(latents: Tensor, label: Tensor | None, frames: int) -> tuple[Tensor, Tensor | None]:
    """A closed path over great circles of Z; the label, where there is one, moves in a line.

    Args:
        latents: [K, Z].
        label: [K, C] or None.
        frames: frames from one latent to the next.

    Returns:
        Latents [K * frames, Z] and labels [K * frames, C] or None.
    """
    moved = None if label is None else loop(label, frames, lerp)
    return loop(latents, frames, slerp), moved
