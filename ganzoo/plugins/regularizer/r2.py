"""R2: the squared gradient of the logits at generated images (Mescheder et al. 2018, Eq. 10)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.registry.contracts import Moment

__all__ = ["R2"]


class R2(nn.Module):
    """``1/2 * |grad_x D(x)|^2`` at fakes, summed over channels and pixels, never averaged.

    ``weight`` is the paper's gamma. It is R1 on the other side: of the discriminator alone, so the
    fakes are held fixed, and of the sum of the batch's logits. While networks grow, the image is
    the full one, pixels repeated.
    """

    trains = "discriminator"

    def __init__(self, site: None = None) -> None:
        super().__init__()
        del site

    def forward(self, moment: Moment) -> Tensor:
        """[n] penalties."""
        fake = moment.fake()
        image = fake.image.detach().requires_grad_()
        logits = moment.score(image, fake.label)
        (gradient,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
        penalty = gradient.square().sum(dim=(1, 2, 3)) / moment.enlargement**2
        moment.observe("r2_penalty", penalty)
        return penalty / 2
