"""A moment whose draws are given, so that losses can be compared with stored ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.registry.contracts import Fake

PUBLISHED_PHASES = {
    "generator": "Gmain",
    "generator/path": "Greg",
    "discriminator": "Dmain",
    "discriminator/r1": "Dreg",
}


class GivenMoment:
    """Real samples, latents, mixing and path-length noise from the arrays of one phase.

    Args:
        networks: generator and discriminator.
        arrays: ``z``, ``c``, ``mix_cutoff``, ``mix_z``, ``pl_noise`` of the phase, where it draws.
        image: [N, I, R, R] real images.
        label: [N, K] of the real images; no columns: none.
    """

    def __init__(self, networks, arrays, image, label, images=0):
        self.networks = networks
        self.arrays = arrays
        self.images = images
        self.enlargement = 1
        self.size = len(image)
        self.random = torch.Generator()
        self.seen: dict[str, Tensor] = {}
        self.scores: list[Tensor] = []
        self._real = {"image": image, "label": _some(label)}
        self._fakes: dict[int, Fake] = {}

    def __getitem__(self, name):
        return self._real.get(name)

    def fake(self, first=None):
        count = self.size if first is None else first
        if count not in self._fakes:
            generator = self.networks["generator"]
            label = _some(self.arrays["c"][:count])
            mixing, cut = None, int(self.arrays["mix_cutoff"])
            if cut < generator.num_styles:
                mixing = self.arrays["mix_z"][:count], cut
            styles = generator.styles(self.arrays["z"][:count], label, mixing)
            image = generator.synthesize(styles, generator.fixed_noise())
            self._fakes[count] = Fake(image=image, styles=styles, label=label)
        return self._fakes[count]

    def normal_like(self, x):
        assert self.arrays["pl_noise"].shape == x.shape
        return self.arrays["pl_noise"]

    def score(self, image, label, parts=1):
        scores = self.networks["discriminator"](image, label, parts=parts)
        self.scores += scores.detach().chunk(parts)
        return scores

    def observe(self, name, value):
        self.seen[name] = value.detach().clone()

    def batch_mean(self, value):
        return value.mean()


def _some(label):
    return label if label is not None and label.shape[1] else None
