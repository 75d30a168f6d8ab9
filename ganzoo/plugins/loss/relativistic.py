"""Relativistic pairing loss: is this real more real than this fake? (Jolicoeur-Martineau 2018)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["RelativisticLoss"]


class RelativisticLoss:
    """The generator minimises ``sp(D(real) - D(fake))``, the discriminator the opposite difference.

    That is ``sp(D(fake) - D(real))``, with ``sp(x) = log(1 + exp(x))``: the logistic form (RSGAN;
    RpGAN in R3GAN, Huang et al. 2024). Real i of a batch is compared with fake i, so the
    generator's side scores reals too, and nothing here keeps all logits from drifting together.
    R3GAN adds R1 and R2 of one gamma.
    """

    compares_pairs = True

    def __init__(self, site: None = None) -> None:
        del site

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] logits of fakes and of reals -> [N].

        Raises:
            ValueError: there are no logits of reals.
        """
        if real is None:
            raise ValueError(
                "a relativistic loss compares each fake with a real; hand it the logits of reals,"
                " as compares_pairs says"
            )
        return F.softplus(real - fake)

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N] logits of fakes and of reals -> [N]."""
        return F.softplus(fake - real)
