"""A mean that follows its batches slowly, and moves once a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RunningMean(nn.Module):
    """``value <- lerp(batch mean, value, beta)``, once for all the shares of a batch.

    Forward passes only ``observe``; whoever owns the step averages what is pending over shares and
    ranks and then calls ``settle``. So micro-batches and ranks move the mean as one batch would.
    In eval mode nothing is observed.

    Args:
        shape: of the value.
        beta: how much of the old value stays.
    """

    value: Tensor

    def __init__(self, shape: tuple[int, ...], beta: float) -> None:
        super().__init__()
        self.beta = beta
        self.register_buffer("value", torch.zeros(shape))
        self._sum: Tensor | None = None
        self._count = 0.0

    @torch.no_grad()
    def observe(self, batch_mean: Tensor, count: float = 1.0) -> None:
        """Take note of a mean over ``count`` samples, or of one equal share among many."""
        if self.training:
            total = batch_mean.detach() * count
            self._sum = total if self._sum is None else self._sum + total
            self._count += count

    def pending(self) -> tuple[Tensor, float]:
        """Sum and count of what was observed since the last ``settle``."""
        return torch.zeros_like(self.value) if self._sum is None else self._sum, self._count

    @torch.no_grad()
    def settle(self, sum: Tensor | None = None, count: float | None = None) -> None:
        """Move the value by what is pending, or by a sum and count gathered over ranks."""
        own_sum, own_count = self.pending()
        sum = own_sum if sum is None else sum
        count = own_count if count is None else float(count)
        self._sum, self._count = None, 0.0
        if count > 0:
            self.value.copy_((sum / count).to(self.value).lerp(self.value, self.beta))
