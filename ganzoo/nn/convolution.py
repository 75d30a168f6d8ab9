"""The equalized convolution in two halves, with resampling inside."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.nn.activation import Gain, gains
from ganzoo.nn.resampling import Blur, Taps, filter_of
from ganzoo.ops.layer_epilogue import layer_epilogue
from ganzoo.ops.resample_conv2d import resample_conv2d


class SplitConvolution(nn.Module):
    """``linear`` convolves and resamples, ``finish`` adds the bias and activates.

    Weights are correlation weights, stored as N(0, 1), and multiplied by g_w / sqrt(in k^2) when
    used (ProGAN, 4.1). Up: filtered upsampling, then the convolution; down: filter, then a strided
    convolution (StyleGAN2, App. B). Borders are zero everywhere.

    Args:
        kernel: odd, or 0 for the layer without its convolution.
        up: 1 or 2.
        down: 1 or 2.
        bias: without one there is no clamp either.
        gain: which of g_w and the gain behind the activation is sqrt(2).
        resample: taps of the filter that resamples.
        blur: taps of an extra filter at the larger resolution, with a border of its own.
        clamp: largest magnitude of the output.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    filter: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        up: int = 1,
        down: int = 1,
        activation: str = "lrelu",
        bias: bool = True,
        gain: Gain = "activation",
        resample: Taps = (1, 3, 3, 1),
        blur: Taps | None = None,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        if kernel < 0 or (kernel and kernel % 2 == 0):
            raise BadValue(f"a kernel is {kernel!r} wide; expected an odd number, or 0 for none")
        if not kernel and (in_channels, up, down) != (out_channels, 1, 1):
            raise BadValue(
                "a layer without a convolution keeps its channels and its resolution, but was "
                f"asked for {in_channels} -> {out_channels} channels, up {up}, down {down}"
            )
        weight_gain, self.activation_gain = gains(activation, gain)
        self.kernel, self.up, self.down = kernel, up, down
        self.activation = activation
        self.clamp = clamp if bias else None
        self.scale = weight_gain / math.sqrt(in_channels * kernel * kernel) if kernel else 1.0
        shape = (out_channels, in_channels, kernel, kernel)
        self.register_parameter("weight", nn.Parameter(torch.randn(shape)) if kernel else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_channels)) if bias else None)
        resamples = up * down > 1
        self.register_buffer(
            "filter", filter_of("resample", resample) if resamples else None, persistent=False
        )
        # A 1x1 convolution only carries the residual past the layers that blur.
        self.blur = Blur("blur", blur) if blur and resamples and kernel > 1 else None

    def linear(self, x: Tensor, scale: float | Tensor | None = None) -> Tensor:
        """[N, in, H, W] -> [N, out, H * up / down, W * up / down]; no bias, no activation.

        ``scale`` takes the place of the equalized factor on the weight.
        """
        if not self.kernel:
            return x
        if scale is None:
            scale = self.scale
        weight = self.weight if isinstance(scale, float) and scale == 1 else self.weight * scale
        if self.blur is not None and self.down > 1:
            x = self.blur(x)
        x = resample_conv2d(
            x, weight, self.filter, up=self.up, down=self.down, padding=self.kernel // 2
        )
        if self.blur is not None and self.up > 1:
            x = self.blur(x)
        return x

    def finish(
        self,
        x: Tensor,
        *,
        factors: Tensor | None = None,
        noise: Tensor | None = None,
        strength: Tensor | None = None,
    ) -> Tensor:
        """Factors [N, out], noise times strength, bias, activation, gain, clamp.

        All of it in one step; see `ganzoo.ops.layer_epilogue`.
        """
        return layer_epilogue(
            x,
            factors=factors,
            noise=noise,
            strength=strength,
            bias=self.bias,
            act=self.activation,
            gain=self.activation_gain,
            clamp=self.clamp,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Both halves.

        The gain behind the activation, which is homogeneous, is multiplied into weight and bias,
        which are smaller than the features.
        """
        if self.bias is None or not self.kernel:
            return self.finish(self.linear(x))
        gain = self.activation_gain
        return layer_epilogue(
            self.linear(x, self.scale * gain),
            bias=self.bias * gain,
            act=self.activation,
            gain=1.0,
            clamp=self.clamp,
        )
