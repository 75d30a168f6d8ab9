"""Parts of networks with one fault each; the kit must find it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganzoo.nn.noise import NoNoise
from ganzoo.registry.contracts import ConvSite, GeneratorSite, HeadSite, Noise, StemSite


class SoundBlock(nn.Module):
    """An upsampling and a plain styled convolution, without a fault."""

    num_styles = 2

    def __init__(self, site: GeneratorSite, *, kernel_size: int = 3) -> None:
        super().__init__()
        self.up = site.styled_conv(site.in_channels, site.out_channels, kernel_size, up=2)
        self.refine = site.styled_conv(site.out_channels, site.out_channels, kernel_size)

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Tensor, noise: Noise
    ) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R/2, R/2], [N, 2, D] -> [N, Cout, R, R]; the image is None."""
        return self.refine(self.up(x, styles[:, 0], noise), styles[:, 1], noise), None


class DetachedStyle(SoundBlock):
    """No gradient flows into the style."""

    def forward(self, x, image, styles, noise):
        return super().forward(x, image, styles.detach(), noise)


class MixesBatch(SoundBlock):
    """Subtracts the mean of the batch, without saying so."""

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return y - y.mean(dim=0, keepdim=True), image


class SaysItMixes(SoundBlock):
    """Says that it mixes the batch, but does not."""

    mixes_batch = True


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x.cos()


class _Frozen(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x.detach().cos()


class DifferentiatesOnce(SoundBlock):
    """Its activation has a backward pass that cannot be differentiated."""

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return _Once.apply(y), image


class DetachedBackward(SoundBlock):
    """Its activation has a second derivative, which is wrong."""

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return _Frozen.apply(y), image


class DistanceBlock(SoundBlock):
    """Scales by how far pixels lie apart, with an operator that torch differentiates only once."""

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        pixels = y.flatten(2).transpose(1, 2)  # [N, R * R, Cout]
        apart = torch.cdist(pixels, pixels[:, :1] + 1, p=1.5).mean(dim=(1, 2))
        return y * apart[:, None, None, None], image


class OnlyFloat32(SoundBlock):
    """Casts its output."""

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return y.float(), image


class ForgetsBuffer(SoundBlock):
    """Keeps a random gain as a plain attribute."""

    def __init__(self, site: GeneratorSite) -> None:
        super().__init__(site)
        self.gain = 1 + torch.rand(()).item()

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return y * self.gain, image


class DrawsGlobally(SoundBlock):
    """Drops out features, with torch's global generator."""

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return nn.functional.dropout(y, 0.1), image


class TooSmall(SoundBlock):
    """Gives back the resolution it was given."""

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return y[:, :, ::2, ::2], image


class OnlyFeatures(SoundBlock):
    """Forgets that a block hands on the image."""

    def forward(self, x, image, styles, noise):
        return super().forward(x, image, styles, noise)[0]


class TakesAnything(SoundBlock):
    """Hides what a recipe may write."""

    def __init__(self, site: GeneratorSite, **kwargs: int) -> None:
        super().__init__(site, **kwargs)


class IdleParameter(SoundBlock):
    """Has a parameter that nothing reads."""

    def __init__(self, site: GeneratorSite) -> None:
        super().__init__(site)
        self.idle = nn.Parameter(torch.zeros(3))


class HeldByFunction(SoundBlock):
    """Keeps its convolution inside a function, which a deep copy shares."""

    def __init__(self, site: GeneratorSite) -> None:
        super().__init__(site)
        layer = site.layers.conv(site.out_channels, site.out_channels, 1)
        self.registered = layer
        self.function = lambda y: layer(y)

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return self.function(y), image


class ChangesInput(SoundBlock):
    """Scales its input in place."""

    def forward(self, x, image, styles, noise):
        with torch.no_grad():
            x.mul_(1.01)
        return super().forward(x, image, styles, noise)


class DeafToNoise(SoundBlock):
    """Asks for noise maps and does not hand them on."""

    def forward(self, x, image, styles, noise):
        return super().forward(x, image, styles, NoNoise())


class SeedsNumpy(SoundBlock):
    """Seeds numpy's global generator while it is built."""

    def __init__(self, site: GeneratorSite) -> None:
        import numpy as np

        super().__init__(site)
        np.random.seed(0)


class ReadsFile(SoundBlock):
    """Looks at a folder while it is built."""

    def __init__(self, site: GeneratorSite) -> None:
        import os

        super().__init__(site)
        self.count = len(os.listdir("."))


class DrawsTooMuch(SoundBlock):
    """Its first weights depend on more than torch's seed."""

    built = 0

    def __init__(self, site: GeneratorSite) -> None:
        super().__init__(site)
        type(self).built += 1
        self.gain = nn.Parameter(torch.tensor(float(self.built)))

    def forward(self, x, image, styles, noise):
        y, image = super().forward(x, image, styles, noise)
        return y * self.gain, image


class ComputedDefault(SoundBlock):
    """Has a default that Python changes after the file was read."""

    def __init__(self, site: GeneratorSite, *, kernel_size: int = 3) -> None:
        super().__init__(site, kernel_size=kernel_size)


ComputedDefault.__init__.__kwdefaults__["kernel_size"] = 5


class OpenGap(DifferentiatesOnce):
    """Says what it cannot do."""

    known_gaps: ClassVar = {"differentiates_twice": "the kernel has no second derivative yet"}


class ClosedGap(SoundBlock):
    """Says that it cannot do what it can."""

    known_gaps: ClassVar = {"differentiates_twice": "was so once"}


class UnknownGap(SoundBlock):
    """Names a check that there is not."""

    known_gaps: ClassVar = {"differentiates_thrice": "nobody asked"}


class LyingNormalization(nn.Module):
    """Says that it reads no style, but does."""

    reads_style = False

    def __init__(self, site: ConvSite) -> None:
        super().__init__()
        self.conv = site.layers.conv(site.in_channels, site.out_channels, site.kernel, site.up)
        self.affine = site.layers.dense(site.style_width, site.out_channels, activation="linear")

    def forward(self, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        """The convolution, each channel scaled by the style; activated even as a to-RGB."""
        return self.conv(x) * self.affine(style)[:, :, None, None]


class BatchNormStem(nn.Module):
    """Normalizes over the batch."""

    num_styles = 1

    def __init__(self, site: StemSite) -> None:
        super().__init__()
        self.dense = site.layers.dense(site.style_width, site.out_channels * math.prod((4, 4)))
        self.norm = nn.BatchNorm1d(site.out_channels * 16)
        self.size = (site.out_channels, 4, 4)

    def forward(self, styles: Tensor, noise: Noise) -> Tensor:
        """[N, 1, D] -> [N, C, 4, 4], whatever the base grid is."""
        return self.norm(self.dense(styles[:, 0])).unflatten(1, self.size)


class WideHead(nn.Module):
    """Gives [N, 1] instead of [N]."""

    def __init__(self, site: HeadSite) -> None:
        super().__init__()
        self.out = site.layers.dense(site.in_channels * math.prod(site.base), 1)

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        """[N, C, base] -> [N, 1]."""
        return self.out(x.flatten(1))


class ScorelessHead(WideHead):
    """Says what it sees by name, but has no score."""

    def forward(self, x: Tensor, label: Tensor | None) -> Mapping[str, Tensor]:
        """[N, C, base] -> [N] under another name."""
        return {"logit": self.out(x.flatten(1))[:, 0]}
