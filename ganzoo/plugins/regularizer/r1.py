"""R1: the squared gradient of the logits at real images (Mescheder et al. 2018, Eq. 9)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.registry.contracts import Moment

__all__ = ["R1"]


class R1(nn.Module):
    """``1/2 * |grad_x D(x)|^2`` at real images, summed over channels and pixels, never averaged.

    ``weight`` is the paper's gamma. The gradient is taken with respect to the image before any
    augmentation, and of the sum of the batch's logits: where the head mixes samples, so does R1.
    While networks grow, the image is the full one, pixels repeated, as published.
    """

    trains = "discriminator"

    def __init__(self, site: None = None) -> None:
        super().__init__()
        del site

    def forward(self, moment: Moment) -> Tensor:
        """[n] penalties."""
        real = moment["image"]
        if real is None:
            raise ValueError("R1 needs real images; this task's data has no field 'image'")
        image = real.detach().requires_grad_()
        logits = moment.score(image, moment["label"])
        (gradient,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
        penalty = gradient.square().sum(dim=(1, 2, 3)) / moment.enlargement**2
        moment.observe("r1_penalty", penalty)
        return penalty / 2
