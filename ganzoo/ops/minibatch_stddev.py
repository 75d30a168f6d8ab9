"""How much the samples of a group differ, as a feature map (ProGAN, Sec. 3)."""

from __future__ import annotations

import torch
from torch import Tensor


def minibatch_stddev(x: Tensor, group: int | None, channels: int = 1) -> Tensor:
    """Standard deviation over groups of samples, averaged over pixels and feature channels.

    With N samples in groups of g, group i has the samples i, i + N/g, i + 2N/g, and so on. The
    variance is the biased one.

    Args:
        x: [N, C, H, W].
        group: samples in a group, at most the batch; None or 0 for the whole batch.
        channels: statistics to make, each over C / channels feature channels.

    Returns:
        [N, channels, H, W], constant over the pixels and the same for all members of a group.

    Raises:
        ValueError: the batch is larger than the group and not divisible by it, or ``channels``
            does not divide C.
    """
    number, features, height, width = x.shape
    size = min(group, number) if group else number
    if size < 0 or (size and number % size):
        raise ValueError(
            f"the batch has {number!r} samples, which do not divide into groups of {group!r}; "
            "take a positive group size that divides the batch"
        )
    if channels < 1 or features % channels:
        raise ValueError(
            f"channels is {channels!r}; expected a number that divides the {features!r} feature "
            "channels"
        )
    if number == 0:
        return x.new_zeros(0, channels, height, width)
    y = x if x.dtype is torch.float64 else x.float()
    y = y.reshape(size, number // size, channels, features // channels, height, width)
    y = (y - y.mean(0)).square().mean(0)
    y = (y + 1e-8).sqrt().mean((2, 3, 4)).to(x.dtype)  # [N / g, channels]
    return y.repeat(size, 1)[:, :, None, None].expand(-1, -1, height, width)
