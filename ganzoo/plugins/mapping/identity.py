"""No mapping: the style is the normalized latent (ProGAN, 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.ops.second_moment_norm import second_moment_norm
from ganzoo.registry.contracts import MappingSite

__all__ = ["IdentityMapping"]


class IdentityMapping(nn.Module):
    """Latent and label side by side, scaled together to unit mean square."""

    def __init__(self, site: MappingSite) -> None:
        super().__init__()
        self.width = site.latent_width + site.label_width
        self.label_width = site.label_width

    def forward(self, z: Tensor | None, label: Tensor | None) -> Tensor:
        """[N, Z], [N, K] -> [N, Z + K].

        Raises:
            ValueError: there is no label, but the mapping is conditional.
        """
        parts = [] if z is None else [z]
        if self.label_width:
            if label is None:
                raise ValueError(f"a conditional mapping needs labels [N, {self.label_width}]")
            parts.append(label)
        return second_moment_norm(torch.cat(parts, dim=1))
