"""Hinge loss: scores beyond the margin count no further (Lim and Ye 2017; SAGAN, Eq. 4)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["HingeLoss"]


class HingeLoss:
    """The discriminator minimises ``max(0, 1 + D(fake)) + max(0, 1 - D(real))``.

    The generator minimises ``-D(fake)``. A logit on its margin gets no gradient.
    """

    compares_pairs = False

    def __init__(self, site: None = None) -> None:
        del site

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] logits of fakes -> [N]; ``real`` is not read."""
        return -fake

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N] logits of fakes and of reals -> [N]."""
        return F.relu(1 + fake) + F.relu(1 - real)
