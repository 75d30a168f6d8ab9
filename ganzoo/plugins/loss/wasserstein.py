"""Wasserstein loss with a drift term (Arjovsky et al. 2017; ProGAN, App. A.1)."""

from __future__ import annotations

from torch import Tensor

from ganzoo.errors import BadValue

__all__ = ["WassersteinLoss"]


class WassersteinLoss:
    """The generator minimises ``-D(fake)``, the critic ``D(fake) - D(real) + drift D(real)^2``.

    It says something of a distance only where the critic's slope is bounded: ProGAN and StyleGAN's
    first configuration add ``ganzoo/gradient-penalty`` with weight 10.

    Args:
        drift: keeps the critic's output, which has no zero of its own, near zero; 0: no such term.
    """

    compares_pairs = False

    def __init__(self, site: None = None, *, drift: float = 0.001) -> None:
        del site
        if not drift >= 0:
            raise BadValue(
                f"drift is {drift!r}; expected 0 or more, as a negative one rewards reals whose"
                " scores run away. Published: 0.001",
                path="drift",
            )
        self.drift = drift

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] scores of fakes -> [N]; ``real`` is not read."""
        return -fake

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N] scores of fakes and of reals -> [N]."""
        return fake - real + self.drift * real.square()
