"""A moment of training around two given networks, for whoever checks a term of a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.nn.noise import FreshNoise
from ganzoo.registry.contracts import Fake


class ToyMoment:
    """The contract ``Moment``: real samples as given, fakes and scores by the networks.

    All draws come from one seeded generator in the order of asking, so two moments of one seed
    that are asked the same give the same.

    Args:
        networks: ``generator`` (``styles``, ``synthesize``, ``latent_width``) and
            ``discriminator`` (logits, or outputs by name), as far as they are asked for.
        image: [N, I, R, R] real images.
        label: [N, K] of the real images, and of the fakes too.
        images: shown before this step.
        enlargement: how many times wider than ``image`` the full image is.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        image: Tensor,
        label: Tensor | None = None,
        *,
        images: int = 0,
        enlargement: int = 1,
        seed: int = 0,
    ) -> None:
        self.images = images
        self.enlargement = enlargement
        self.size = len(image)
        self.random = torch.Generator().manual_seed(seed)
        self.observed: dict[str, Tensor] = {}
        self._networks = networks
        self._fields = {"image": image, "label": label}
        self._latents: Tensor | None = None
        self._fakes: dict[int, Fake] = {}

    def __getitem__(self, name: str) -> Tensor | None:
        return self._fields.get(name)

    def fake(self, first: int | None = None) -> Fake:
        """Generated samples of the first latents; made once per count."""
        count = self.size if first is None else first
        if count not in self._fakes:
            generator: Any = self._networks["generator"]
            if self._latents is None:
                like = self._fields["image"]
                assert like is not None
                self._latents = self.normal_like(like.new_empty(self.size, generator.latent_width))
            label = self._fields["label"]
            label = None if label is None else label[:count]
            styles = generator.styles(self._latents[:count], label)
            image = generator.synthesize(styles, FreshNoise(self.random))
            self._fakes[count] = Fake(image=image, styles=styles, label=label)
        return self._fakes[count]

    def normal_like(self, x: Tensor) -> Tensor:
        """N(0, 1) of the shape of ``x``."""
        return torch.randn(x.shape, generator=self.random, dtype=x.dtype)

    def uniform(self, count: int) -> Tensor:
        """[count] numbers, uniform in [0, 1)."""
        like = self._fields["image"]
        assert like is not None
        return torch.rand(count, generator=self.random, dtype=like.dtype)

    def score(self, image: Tensor, label: Tensor | None, parts: int = 1) -> Tensor:
        """[n] logits of the discriminator."""
        return self.outputs(image, label, parts)["score"]

    def outputs(self, image: Tensor, label: Tensor | None, parts: int = 1) -> Mapping[str, Tensor]:
        """All that the discriminator says of images; a tensor alone is the score."""
        more = {"parts": parts} if parts > 1 else {}
        said = self._networks["discriminator"](image, label, **more)
        outputs: Mapping[str, Tensor] = said if isinstance(said, Mapping) else {"score": said}
        return outputs

    def observe(self, name: str, value: Tensor) -> None:
        """Keep the value under its name."""
        self.observed[name] = value.detach().clone()

    def batch_mean(self, value: Tensor) -> Tensor:
        """Mean over this moment, which is the whole batch."""
        return value.mean()
