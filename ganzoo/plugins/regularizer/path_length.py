"""Path length: steps in W should move the image by a fixed amount (StyleGAN2, Eq. 4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.nn.running_mean import RunningMean
from ganzoo.ops.root import root
from ganzoo.registry.contracts import Moment

__all__ = ["PathLength"]


class PathLength(nn.Module):
    """``(|J^T y| - a)^2``, with ``a`` the running mean of the length; published with weight 2.

    ``y`` is N(0, 1) of the image's shape over ``sqrt(H W)``; the length is the root of the mean
    over layers of the squared norm of each layer's gradient. As published, the ``a`` in the penalty
    is the mean already moved towards this batch, still in the graph; only the stored one is
    detached.

    With micro-batches each share moves ``a`` in its own penalty by its own lengths, while the
    stored mean moves once, by the mean of the whole batch. At least one latent is always used: a
    batch of one must not leave an empty half, whose mean is NaN for good.

    While networks grow, the image is the present one: noise on the full one, pixels repeated, sums
    to the same distribution.

    Deviation: where the gradient is exactly zero, the published root has no derivative and gives
    NaN; here such a length pushes no weight.

    Args:
        decay: how far the running mean moves a visit, above 0 and at most 1.
        batch_fraction: share of the batch that is regularized, above 0 and at most 1; the published
            code uses half.
    """

    trains = "generator"

    def __init__(
        self, site: None = None, *, decay: float = 0.01, batch_fraction: float = 0.5
    ) -> None:
        super().__init__()
        del site
        for name, share in (("decay", decay), ("batch_fraction", batch_fraction)):
            if not 0 < share <= 1:
                raise BadValue(
                    f"{name} is {share!r}; expected a share above 0 and at most 1", path=name
                )
        self.decay = decay
        self.batch_fraction = batch_fraction
        self.mean = RunningMean((), beta=1 - decay)

    def forward(self, moment: Moment) -> Tensor:
        """[n] penalties, n = batch x ``batch_fraction``, at least 1."""
        fake = moment.fake(first=max(1, int(moment.size * self.batch_fraction)))
        pixels = fake.image.shape[2] * fake.image.shape[3]
        y = moment.normal_like(fake.image) / math.sqrt(pixels)
        (gradient,) = torch.autograd.grad((fake.image * y).sum(), fake.styles, create_graph=True)
        length = root(gradient.square().sum(dim=2).mean(dim=1))  # [n, L, D] -> [n]
        batch_mean = moment.batch_mean(length)
        moved = self.mean.value.lerp(batch_mean, self.decay)
        self.mean.observe(length.detach().mean(), count=len(length))
        penalty = (length - moved).square()
        moment.observe("path_length", length)
        moment.observe("path_mean", moved)
        moment.observe("path_penalty", penalty)
        return penalty
