"""The four phases of a StyleGAN2 iteration, and what follows them, conventionally arranged."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.conventional.networks import Discriminator, Generator

R1_EVERY, PATH_EVERY = 16, 4


class Training:
    """Networks, optimizers and average; one method a phase, each a whole step of it.

    Args:
        gamma: weight of R1.
        half_life: of the average, in images.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        gamma: float = 10.0,
        half_life: float = 10_000.0,
        lr: float = 0.002,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.average = copy.deepcopy(generator).eval().requires_grad_(False)
        self.gamma, self.half_life = gamma, half_life
        self.path_mean = torch.zeros(())
        self.adam = {
            network: torch.optim.Adam(
                network.parameters(),
                lr=lr * every / (every + 1),
                betas=(0.0, 0.99 ** (every / (every + 1))),
                foreach=False,
                fused=False,
            )
            for network, every in ((generator, PATH_EVERY), (discriminator, R1_EVERY))
        }

    def phases(self) -> Mapping[str, tuple[Callable[[Tensor], None], int]]:
        """Each phase by name, with the steps between its visits."""
        return {
            "generator": (self.generator_step, 1),
            "generator/path": (self.path_step, PATH_EVERY),
            "discriminator": (self.discriminator_step, 1),
            "discriminator/r1": (self.r1_step, R1_EVERY),
            "average": (self.average_step, 1),
        }

    def fakes(self, count: int) -> tuple[Tensor, Tensor]:
        """Images and the styles they were made from, by fresh latents, mixing and noise."""
        generator = self.generator
        styles = generator.styles(torch.randn(count, generator.latent_width))
        if torch.rand(()) < 0.9:
            cut = int(torch.randint(1, generator.num_styles, ()))
            second = generator.mapping(torch.randn(count, generator.latent_width))
            second = second[:, None].repeat(1, generator.num_styles - cut, 1)
            styles = torch.cat([styles[:, :cut], second], dim=1)
        noise = [torch.randn(count, 1, side, side) for side in generator.sides]
        return generator.synthesize(styles, noise), styles

    def generator_step(self, real: Tensor) -> None:
        """Non-saturating logistic loss."""
        self._open(self.generator)
        image, _ = self.fakes(len(real))
        self._step(self.generator, F.softplus(-self.discriminator(image)).mean())

    def path_step(self, real: Tensor) -> None:
        """Path length on half a batch."""
        self._open(self.generator)
        image, styles = self.fakes(max(1, len(real) // 2))
        y = torch.randn_like(image) / math.sqrt(image.shape[2] * image.shape[3])
        (gradient,) = torch.autograd.grad((image * y).sum(), styles, create_graph=True)
        length = gradient.square().sum(2).mean(1).sqrt()
        mean = self.path_mean.lerp(length.mean(), 0.01)
        self.path_mean = mean.detach()
        self._step(self.generator, PATH_EVERY * 2 * (length - mean).square().mean())

    def discriminator_step(self, real: Tensor) -> None:
        """Logistic loss; fakes and reals each in a pass of their own."""
        self._open(self.discriminator)
        with torch.no_grad():
            image, _ = self.fakes(len(real))
        loss = F.softplus(self.discriminator(image)).mean()
        loss = loss + F.softplus(-self.discriminator(real)).mean()
        self._step(self.discriminator, loss)

    def r1_step(self, real: Tensor) -> None:
        """Squared gradient at reals."""
        self._open(self.discriminator)
        image = real.detach().requires_grad_()
        score = self.discriminator(image).sum()
        (gradient,) = torch.autograd.grad(score, image, create_graph=True)
        penalty = gradient.square().sum((1, 2, 3)).mean() / 2
        self._step(self.discriminator, R1_EVERY * self.gamma * penalty)

    @torch.no_grad()
    def average_step(self, real: Tensor) -> None:
        """Exponential moving average, tensor by tensor."""
        stays = 0.5 ** (len(real) / self.half_life)
        for mine, theirs in zip(self.average.parameters(), self.generator.parameters()):
            mine.copy_(theirs.lerp(mine, stays))
        for mine, theirs in zip(self.average.buffers(), self.generator.buffers()):
            mine.copy_(theirs)

    def _open(self, network: nn.Module) -> None:
        self.generator.requires_grad_(network is self.generator)
        self.discriminator.requires_grad_(network is self.discriminator)
        self.adam[network].zero_grad(set_to_none=True)

    def _step(self, network: nn.Module, loss: Tensor) -> None:
        loss.backward()
        for parameter in network.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.nan_to_num(parameter.grad, nan=0, posinf=1e5, neginf=-1e5, out=parameter.grad)
        self.adam[network].step()
