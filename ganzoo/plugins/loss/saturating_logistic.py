"""Saturating logistic loss, the minimax game as it was first written (Goodfellow et al. 2014)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["SaturatingLogisticLoss"]


class SaturatingLogisticLoss:
    """The generator minimises ``-sp(D(fake))``, the discriminator ``sp(D(fake)) + sp(-D(real))``.

    ``sp(x) = log(1 + exp(x))``, so that ``-sp(x) = log(1 - sigmoid(x))`` (Eq. 1). The generator's
    gradient is ``-sigmoid(D(fake))``: it vanishes where the discriminator is sure, which is why
    the paper trains with the non-saturating form.
    """

    compares_pairs = False
    saturates = True

    def __init__(self, site: None = None) -> None:
        del site

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] logits of fakes -> [N]; ``real`` is not read."""
        return -F.softplus(fake)

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N] logits of fakes and of reals -> [N]."""
        return F.softplus(fake) + F.softplus(-real)
