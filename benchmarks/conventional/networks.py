"""A skip generator and a residual discriminator (StyleGAN2, Fig. 7), conventionally arranged."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TAPS = (1.0, 3.0, 3.0, 1.0)


def resample(x: Tensor, taps: Tensor, *, up: int, down: int, pad: tuple[int, int]) -> Tensor:
    """Insert zeros, pad, correlate every channel with [k, k] taps, keep every down-th sample."""
    number, channels, height, width = x.shape
    if up > 1:
        x = x.reshape(number, channels, height, 1, width, 1)
        x = F.pad(x, [0, up - 1, 0, 0, 0, up - 1])
        x = x.reshape(number, channels, height * up, width * up)
    x = F.pad(x, [pad[0], pad[1], pad[0], pad[1]])
    weight = (taps * up**2).flip((0, 1))[None, None].repeat(channels, 1, 1, 1)
    x = F.conv2d(x, weight, groups=channels)
    return x[:, :, ::down, ::down] if down > 1 else x


def activated(x: Tensor, bias: Tensor, *, linear: bool = False) -> Tensor:
    """Bias, and leaky ReLU with the gain sqrt(2)."""
    x = x + bias.reshape(1, -1, *[1] * (x.ndim - 2))
    return x if linear else F.leaky_relu(x, 0.2) * math.sqrt(2)


class Filtered(nn.Module):
    """Holds the filter."""

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        f = torch.tensor(TAPS, dtype=torch.get_default_dtype())
        self.register_buffer("taps", torch.outer(f, f) / f.sum() ** 2, persistent=False)


class Dense(nn.Module):
    """Equalized fully connected layer."""

    def __init__(
        self, inputs: int, outputs: int, *, linear: bool = False, lr_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_scale)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.linear, self.lr_scale = linear, lr_scale
        self.scale = lr_scale / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs] -> [N, outputs]."""
        y = F.linear(x, self.weight * self.scale)
        return activated(y, self.bias * self.lr_scale, linear=self.linear)


class Conv(Filtered):
    """Equalized convolution, with a filter and stride 2 where it goes down."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        down: int = 1,
        linear: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.kernel, self.down, self.linear = kernel, down, linear
        self.scale = 1 / math.sqrt(inputs * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, R, R] -> [N, outputs, R / down, R / down]."""
        weight = self.weight * self.scale
        if self.down == 1:
            x = F.conv2d(x, weight, padding=self.kernel // 2)
        elif self.kernel == 1:
            x = F.conv2d(resample(x, self.taps, up=1, down=2, pad=(1, 1)), weight)
        else:
            x = F.conv2d(resample(x, self.taps, up=1, down=1, pad=(2, 2)), weight, stride=2)
        return x if self.bias is None else activated(x, self.bias, linear=self.linear)


class NoiseStrength(nn.Module):
    """One learned strength a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))


class Weights(nn.Module):
    """Weight and bias of a modulated convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))


class StyledConv(Filtered):
    """Modulated convolution, unfused: scaled input, shared weights, scaled output."""

    def __init__(self, inputs: int, outputs: int, width: int, *, up: int = 1) -> None:
        super().__init__()
        self.conv = Weights(inputs, outputs, 3)
        self.affine = Dense(width, inputs, linear=True)
        nn.init.ones_(self.affine.bias)
        self.noise = NoiseStrength()
        self.up = up

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """[N, inputs, R, R], [N, D], [N or 1, 1, R up, R up] -> [N, outputs, R up, R up]."""
        scale = self.affine(style)
        weights = self.conv.weight[None] * scale[:, None, :, None, None]  # [N, O, I, k, k]
        factors = (weights.square().sum((2, 3, 4)) + 1e-8).rsqrt()
        x = x * scale[:, :, None, None]
        weight = self.conv.weight
        if self.up == 1:
            x = F.conv2d(x, weight, padding=1)
        else:
            x = F.conv_transpose2d(x, weight.flip((2, 3)).transpose(0, 1), stride=2)
            x = resample(x, self.taps * 4, up=1, down=1, pad=(1, 1))
        x = x * factors[:, :, None, None]
        x = x + (noise * self.noise.strength)
        return activated(x, self.conv.bias)


class ToRgb(nn.Module):
    """Modulated 1x1 convolution without demodulation."""

    layer: ImageLayer

    def __init__(self, inputs: int, image_channels: int, width: int) -> None:
        super().__init__()
        self.layer = ImageLayer(inputs, image_channels, width)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, inputs, R, R], [N, D] -> [N, I, R, R]."""
        scale = self.layer.affine(style)
        weight = self.layer.conv.weight / math.sqrt(x.shape[1])
        y = F.conv2d(x * scale[:, :, None, None], weight)
        return activated(y, self.layer.conv.bias, linear=True)


class ImageLayer(nn.Module):
    """Parameters of a to-RGB."""

    def __init__(self, inputs: int, image_channels: int, width: int) -> None:
        super().__init__()
        self.conv = Weights(inputs, image_channels, 1)
        self.affine = Dense(width, inputs, linear=True)
        nn.init.ones_(self.affine.bias)


class GeneratorBlock(Filtered):
    """To-RGB at the lower resolution, two styled convolutions, upsampled image."""

    def __init__(self, inputs: int, outputs: int, image_channels: int, width: int) -> None:
        super().__init__()
        self.to_rgb = ToRgb(inputs, image_channels, width)
        self.up = StyledConv(inputs, outputs, width, up=2)
        self.refine = StyledConv(outputs, outputs, width)

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Tensor, noise: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Features and image at R/2 to those at R; styles [N, 2, D]."""
        rgb = self.to_rgb(x, styles[:, 0])
        image = rgb if image is None else image + rgb
        image = resample(image, self.taps, up=2, down=1, pad=(2, 1))
        x = self.up(x, styles[:, 0], noise[0])
        return self.refine(x, styles[:, 1], noise[1]), image


class Stem(nn.Module):
    """Learned constant and a styled convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.randn(channels, 4, 4))
        self.conv = StyledConv(channels, channels, width)


class Mapping(nn.Module):
    """Pixel norm and dense layers with a hundredth of the learning rate."""

    def __init__(self, latent_width: int, width: int, depth: int) -> None:
        super().__init__()
        sizes = [latent_width] + [width] * depth
        self.layers = nn.ModuleList(Dense(i, o, lr_scale=0.01) for i, o in pairwise(sizes))

    def forward(self, z: Tensor) -> Tensor:
        """[N, Z] -> [N, D]."""
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            x = layer(x)
        return x


def widths_of(resolution: int, base: int, maximum: int) -> list[int]:
    """Feature maps at 4 x 4, 8 x 8, ... up to the resolution."""
    levels = resolution.bit_length() - 2
    return [min(base // (4 << level), maximum) for level in range(levels)]


class Generator(nn.Module):
    """Output skips, weight demodulation."""

    def __init__(
        self,
        resolution: int,
        *,
        base: int,
        maximum: int,
        latent_width: int,
        width: int,
        depth: int,
        channels: int = 3,
    ) -> None:
        super().__init__()
        widths = widths_of(resolution, base, maximum)
        self.latent_width, self.num_styles = latent_width, 2 * len(widths)
        self.mapping = Mapping(latent_width, width, depth)
        self.w_mean = nn.Module()
        self.w_mean.register_buffer("value", torch.zeros(width))
        self.stem = Stem(widths[0], width)
        self.blocks = nn.ModuleList(
            GeneratorBlock(i, o, channels, width) for i, o in pairwise(widths)
        )
        self.to_rgb = nn.ModuleDict({str(len(self.blocks)): ToRgb(widths[-1], channels, width)})
        sides = [4] + [8 << k for k in range(len(self.blocks)) for _ in range(2)]
        self.sides = tuple(sides)
        for index, side in enumerate(sides):
            self.register_buffer(f"noise{index}", torch.randn(side, side))

    def styles(self, z: Tensor) -> Tensor:
        """[N, Z] -> [N, L, D]; takes note of the mean style."""
        w = self.mapping(z)
        if self.training:
            with torch.no_grad():
                mean = self.w_mean.value
                mean.copy_(w.detach().mean(0).lerp(mean, 0.995))
        return w[:, None].repeat(1, self.num_styles, 1)

    def fixed_noise(self) -> list[Tensor]:
        """The buffers, [1, 1, R, R] each."""
        return [self.get_buffer(f"noise{i}")[None, None] for i in range(len(self.sides))]

    def synthesize(self, styles: Tensor, noise: list[Tensor]) -> Tensor:
        """[N, L, D] and a map a layer -> [N, I, R, R]."""
        x = self.stem.const[None].repeat(len(styles), 1, 1, 1)
        x, image = self.stem.conv(x, styles[:, 0], noise[0]), None
        for k, block in enumerate(self.blocks):
            pair = noise[2 * k + 1], noise[2 * k + 2]
            x, image = block(x, image, styles[:, 2 * k + 1 : 2 * k + 3], pair)
        rgb: Tensor = self.to_rgb[str(len(self.blocks))](x, styles[:, -1])
        return rgb if image is None else image + rgb


class DiscriminatorBlock(nn.Module):
    """Two convolutions beside a downsampled 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = Conv(inputs, inputs, 3)
        self.down = Conv(inputs, outputs, 3, down=2)
        self.skip = Conv(inputs, outputs, 1, down=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, R, R] -> [N, outputs, R/2, R/2]."""
        return (self.down(self.conv(x)) + self.skip(x)) * math.sqrt(0.5)


class Head(nn.Module):
    """Minibatch standard deviation, a convolution, two dense layers."""

    def __init__(self, channels: int, group: int) -> None:
        super().__init__()
        self.group = group
        self.conv = Conv(channels + 1, channels, 3)
        self.dense = Dense(channels * 16, channels)
        self.out = Dense(channels, 1, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, 4, 4] -> [N]."""
        number, channels, height, width = x.shape
        group = min(self.group, number)
        y = x.reshape(group, number // group, channels, height, width)
        y = ((y - y.mean(0)).square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))
        y = y.reshape(-1, 1, 1, 1).repeat(group, 1, height, width)
        x = self.conv(torch.cat([x, y], dim=1))
        return self.out(self.dense(x.flatten(1))).squeeze(1)


class Discriminator(nn.Module):
    """Residual blocks."""

    def __init__(
        self, resolution: int, *, base: int, maximum: int, group: int = 4, channels: int = 3
    ) -> None:
        super().__init__()
        widths = widths_of(resolution, base, maximum)[::-1]
        top = str(len(widths) - 1)
        self.from_rgb = nn.ModuleDict({top: Conv(channels, widths[0], 1)})
        self.blocks = nn.ModuleList(DiscriminatorBlock(i, o) for i, o in pairwise(widths))
        self.head = Head(widths[-1], group)

    def forward(self, image: Tensor) -> Tensor:
        """[N, I, R, R] -> [N]."""
        x = self.from_rgb[str(len(self.blocks))](image)
        for block in self.blocks:
            x = block(x)
        score: Tensor = self.head(x)
        return score
