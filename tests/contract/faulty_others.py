"""Losses, regularizers, data sets and tasks with one fault each; the kit must find it."""

from __future__ import annotations

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.registry.contracts import (
    DatasetSite,
    Factory,
    GrowthSite,
    GrowthState,
    Moment,
    Network,
    NetworkSite,
    Phase,
    Stage,
    TaskSite,
)


class AveragingLoss:
    """Takes the mean itself."""

    compares_pairs = False

    def __init__(self, site: None) -> None:
        del site

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] -> []."""
        return F.softplus(-fake).mean()

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N], [N] -> []."""
        return (F.softplus(fake) + F.softplus(-real)).mean()


class SaturatingLoss:
    """The minimax loss, whose generator stops learning when the discriminator is sure."""

    compares_pairs = False

    def __init__(self, site: None) -> None:
        del site

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] -> [N]."""
        return -F.softplus(fake)

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N], [N] -> [N]."""
        return F.softplus(fake) + F.softplus(-real)


class CentringLoss(SaturatingLoss):
    """Compares each fake with the mean of the batch, without saying so."""

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] -> [N]."""
        return F.softplus(fake.mean().detach() - fake)


class OverflowingLoss(SaturatingLoss):
    """Exponentials instead of softplus."""

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] -> [N]."""
        return (1 + (-fake).exp()).log()


class UndecidedLoss(SaturatingLoss):
    """Says that it compares pairs with a word."""

    compares_pairs = "no"  # type: ignore[assignment]


class SwappedLoss(SaturatingLoss):
    """Its discriminator takes reals for fakes."""

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N], [N] -> [N]."""
        return F.softplus(real) + F.softplus(-fake)


class BoastfulLoss(SaturatingLoss):
    """Says that it saturates, and does not."""

    saturates = True

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] -> [N]."""
        return -fake


class PlainRegularizer:
    """R1 in a class that no checkpoint can keep."""

    trains = "discriminator"

    def __init__(self, site: None) -> None:
        del site

    def __call__(self, moment: Moment) -> Tensor:
        """[n]."""
        return moment.score(moment["image"], moment["label"]).square()


class AimlessRegularizer(nn.Module):
    """Trains a network that there is not."""

    trains = "critic"

    def __init__(self, site: None) -> None:
        super().__init__()

    def forward(self, moment: Moment) -> Tensor:
        """[n]."""
        return moment.score(moment["image"], moment["label"]).square()


class DrawnRegularizer(AimlessRegularizer):
    """Weighs the samples by draws of numpy's global generator."""

    trains = "discriminator"

    def __init__(self, site: None) -> None:
        super().__init__(site)

    def forward(self, moment: Moment) -> Tensor:
        """[n]."""
        return super().forward(moment) * np.random.rand()


class ForgetfulRegularizer(nn.Module):
    """R1 relative to its own last value, which no checkpoint keeps."""

    trains = "discriminator"

    def __init__(self, site: None) -> None:
        super().__init__()
        self.last = torch.zeros(())

    def forward(self, moment: Moment) -> Tensor:
        """[n]."""
        image = moment["image"].detach().requires_grad_()
        logits = moment.score(image, moment["label"])
        (gradient,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
        penalty = (gradient.square().sum(dim=(1, 2, 3)) - self.last).square()
        self.last = penalty.mean().detach()
        return penalty


class CutRegularizer(nn.Module):
    """R1 whose gradient does not reach the weights."""

    trains = "discriminator"

    def __init__(self, site: None) -> None:
        super().__init__()

    def forward(self, moment: Moment) -> Tensor:
        """[n]."""
        image = moment["image"].detach().requires_grad_()
        logits = moment.score(image, moment["label"])
        (gradient,) = torch.autograd.grad(logits.sum(), image, retain_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)) + 0 * logits


class LeakyRegularizer(nn.Module):
    """R2 that moves the fakes as well."""

    trains = "discriminator"

    def __init__(self, site: None) -> None:
        super().__init__()

    def forward(self, moment: Moment) -> Tensor:
        """[n]."""
        fake = moment.fake()
        logits = moment.score(fake.image, fake.label)
        (gradient,) = torch.autograd.grad(logits.sum(), fake.image, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3))


class SharpRegularizer(nn.Module):
    """The length of a gradient by a root that has no derivative at zero."""

    trains = "discriminator"

    def __init__(self, site: None) -> None:
        super().__init__()

    def forward(self, moment: Moment) -> Tensor:
        """[n]."""
        image = moment["image"].detach().requires_grad_()
        logits = moment.score(image, moment["label"])
        (gradient,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
        return (gradient.square().sum(dim=(1, 2, 3)).sqrt() - 1).square()


class LonelyRegularizer(nn.Module):
    """Remembers the deviation of the logits, which one sample alone has not."""

    trains = "discriminator"
    reads_outputs = ("colours",)

    def __init__(self, site: None) -> None:
        super().__init__()
        self.register_buffer("deviation", torch.zeros(()))

    def forward(self, moment: Moment) -> Tensor:
        """[n]."""
        logits = moment.score(moment["image"], moment["label"])
        self.deviation = logits.detach().var() if len(logits) > 1 else logits.detach().sum() / 0
        return logits.square()


class DotsDataset:
    """Four grey images, without a fault."""

    channels = 1
    label_width = 2
    class_names = ("dark", "light")
    fingerprint = "0123456789abcdef"

    def __init__(self, site: DatasetSite) -> None:
        self.resolution = site.resolution or (8, 8)
        self.channels = site.channels or 1

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        image = np.full((self.channels, *self.resolution), index * 60, dtype=np.uint8)
        return {"image": image, "label": self.label(index)}

    def label(self, index: int) -> np.ndarray:
        """One-hot float32 [2]."""
        return np.eye(2, dtype=np.float32)[index // 2]


class MisnamedDataset(DotsDataset):
    """Names more classes than it has."""

    class_names = ("dark", "grey", "light")


class UnstableDataset(DotsDataset):
    """Its fingerprint is another one each time."""

    _numbers = itertools.count()

    def __init__(self, site: DatasetSite) -> None:
        super().__init__(site)
        self.fingerprint = f"{next(self._numbers):016x}"


class RandomDataset(DotsDataset):
    """Its images are drawn when they are asked for."""

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        shape = (self.channels, *self.resolution)
        image = np.random.randint(256, size=shape, dtype=np.uint8)
        return {"image": image, "label": self.label(index)}


class MislabelledDataset(DotsDataset):
    """``label`` says something else than the items do."""

    def label(self, index: int) -> np.ndarray:
        """One-hot float32 [2]."""
        return np.eye(2, dtype=np.float32)[index % 2]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {**super().__getitem__(index), "label": np.eye(2, dtype=np.float32)[index // 2]}


class FloatDataset(DotsDataset):
    """Its images are floats already."""

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        item = super().__getitem__(index)
        return {**item, "image": item["image"].astype(np.float32) / 255}


class HeldDataset(DotsDataset):
    """Holds a function, which no other process can be sent."""

    def __init__(self, site: DatasetSite) -> None:
        super().__init__(site)
        self.function = lambda index: index


class DeafDataset(DotsDataset):
    """Keeps its own resolution, whatever the recipe fixes."""

    def __init__(self, site: DatasetSite) -> None:
        super().__init__(site)
        self.resolution = (8, 8)


class MeddlingTask:
    """One phase says that it trains the discriminator, and pushes the generator too."""

    averages = ("generator",)

    def __init__(
        self, site: TaskSite, *, generator: Factory[Network], discriminator: Factory[Network]
    ) -> None:
        where = NetworkSite(resolution=site.resolution, channels=site.channels)
        self.networks = {"generator": generator(where), "discriminator": discriminator(where)}
        self.state = nn.ModuleDict()

    def stages(self):
        """One stage of one phase."""
        phase = Phase(name="only", trains=("discriminator",), terms=self.terms)
        yield Stage(name="only", phases=(phase,))

    def moment(self, share):
        """The share itself."""
        return share

    def terms(self, share):
        """The logits of reals; and a nudge."""
        with torch.no_grad():
            next(self.networks["generator"].parameters()).add_(0.1)
        return {"logits": self.networks["discriminator"](share["image"])}

    def sample(self, networks, request):
        """As if there were no seeds."""
        generator = networks["generator"]
        return generator(torch.randn(len(request.seeds), generator.latent_width))


class TallGrowth:
    """Grows past the top."""

    def __init__(self, site: GrowthSite) -> None:
        self.top = site.top

    def at(self, images: int) -> GrowthState:
        """A level every 200,000 images, without end."""
        return GrowthState(level=images // 200_000)


class StartingOver:
    """Grows, and at a million images begins anew."""

    def __init__(self, site: GrowthSite) -> None:
        self.top = site.top

    def at(self, images: int) -> GrowthState:
        """By images modulo a million."""
        return GrowthState(level=min(self.top, images % 1_000_000 // 200_000))


class CountingGrowth:
    """Grows by how often it was asked."""

    def __init__(self, site: GrowthSite) -> None:
        self.top = site.top
        self.asked = 0

    def at(self, images: int) -> GrowthState:
        """A level more at every tenth call."""
        self.asked += 1
        return GrowthState(level=min(self.top, self.asked // 10))


class EndlessFade:
    """Never finishes its last fade."""

    def __init__(self, site: GrowthSite) -> None:
        self.top = site.top

    def at(self, images: int) -> GrowthState:
        """Fades in for ever."""
        return GrowthState(level=self.top, fade=(images + 1) / (images + 2))
