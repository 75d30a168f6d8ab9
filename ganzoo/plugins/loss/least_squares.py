"""Least-squares loss: scores are drawn to 1 and to 0 (LSGAN, Mao et al. 2017, Eq. 9)."""

from __future__ import annotations

from torch import Tensor

__all__ = ["LeastSquaresLoss"]


class LeastSquaresLoss:
    """The discriminator minimises ``1/2 D(fake)^2 + 1/2 (D(real) - 1)^2``.

    The generator minimises ``1/2 (D(fake) - 1)^2``. These are the paper's 0-1 targets and its
    halves; implementations that leave the halves out have gradients twice as large.
    """

    compares_pairs = False

    def __init__(self, site: None = None) -> None:
        del site

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] scores of fakes -> [N]; ``real`` is not read."""
        return (fake - 1).square() / 2

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N] scores of fakes and of reals -> [N]."""
        return (fake.square() + (real - 1).square()) / 2
