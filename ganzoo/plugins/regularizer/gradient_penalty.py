"""Gradient penalty: a critic has slope one between reals and fakes (Gulrajani et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.ops.root import root
from ganzoo.registry.contracts import Moment

__all__ = ["GradientPenalty"]


class GradientPenalty(nn.Module):
    """``(|grad_x D(x)| - t)^2 / t^2`` at ``x = real + u (fake - real)``, ``u ~ U(0, 1)`` a sample.

    ``weight`` is the paper's lambda, published as 10. The norm goes over channels and pixels, and
    the gradient is that of the sum of the batch's logits. Real i is mixed with fake i, both held
    fixed, and the mixture has the label of the real. While networks grow, the image is the full
    one, pixels repeated, as published. The division by ``t^2`` is ProGAN's.

    Deviation: where the gradient is exactly zero, the published root has no derivative and gives
    NaN; here that sample pushes no weight.

    Args:
        target: the slope t.
    """

    trains = "discriminator"

    def __init__(self, site: None = None, *, target: float = 1.0) -> None:
        super().__init__()
        del site
        if not target > 0:
            raise BadValue(
                f"target is {target!r}; expected a slope above 0. Published: 1."
                " For a slope of 0 at reals or fakes there are ganzoo/r1 and ganzoo/r2",
                path="target",
            )
        self.target = target

    def forward(self, moment: Moment) -> Tensor:
        """[n] penalties.

        Raises:
            ValueError: there are no reals, or they have another shape than the fakes.
        """
        real, fake = moment["image"], moment.fake().image.detach()
        if real is None:
            raise ValueError(
                "a gradient penalty needs real images; this task's data has no field 'image'"
            )
        if real.shape != fake.shape:
            raise ValueError(
                f"a gradient penalty mixes reals {list(real.shape)} with as many fakes of their"
                f" size, not with {list(fake.shape)}"
            )
        amount = moment.uniform(len(real)).to(real).reshape(-1, 1, 1, 1)
        image = real.detach().lerp(fake.to(real), amount).requires_grad_()
        logits = moment.score(image, moment["label"])
        (gradient,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
        norm = root(gradient.square().sum(dim=(1, 2, 3))) / moment.enlargement  # [n]
        penalty = (norm - self.target).square() / self.target**2
        moment.observe("gradient_norm", norm)
        moment.observe("gradient_penalty", penalty)
        return penalty
