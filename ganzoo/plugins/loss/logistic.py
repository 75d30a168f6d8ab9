"""Non-saturating logistic loss (Goodfellow et al. 2014), the default of StyleGAN and StyleGAN2."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["LogisticLoss"]


class LogisticLoss:
    """The generator minimises ``sp(-D(fake))``, the discriminator ``sp(D(fake)) + sp(-D(real))``.

    ``sp(x) = log(1 + exp(x))``.
    """

    compares_pairs = False

    def __init__(self, site: None = None) -> None:
        del site

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] logits of fakes -> [N]; ``real`` is not read."""
        return F.softplus(-fake)

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N] logits of fakes and of reals -> [N]."""
        return F.softplus(fake) + F.softplus(-real)
