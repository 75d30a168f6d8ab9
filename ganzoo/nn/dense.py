"""The equalized fully connected layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganzoo.nn.activation import Gain, gains
from ganzoo.ops.bias_act import bias_act
from ganzoo.ops.full_precision import autocast_off


class EqualizedDense(nn.Module):
    """A fully connected layer whose weights are stored as N(0, 1) (ProGAN, 4.1).

    ``y = act(x W^T * lr_scale * g_w / sqrt(in) + b * lr_scale) * g_a``. Stored weights start as
    N(0, 1 / lr_scale), so that ``lr_scale`` changes the size of steps, not the first function.

    Args:
        bias_init: stored, before ``lr_scale``.
        gain: which of g_w and g_a is sqrt(2).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activation: str = "lrelu",
        lr_scale: float = 1.0,
        bias_init: float = 0.0,
        gain: Gain = "activation",
    ) -> None:
        super().__init__()
        weight_gain, activation_gain = gains(activation, gain)
        self.activation = activation
        # The gain behind a homogeneous activation may as well be multiplied in before it.
        self.weight_scale = weight_gain * activation_gain * lr_scale / math.sqrt(in_features)
        self.bias_scale = activation_gain * lr_scale
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_scale)
        self.bias = nn.Parameter(torch.full((out_features,), float(bias_init)))

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_features] -> [N, out_features], in the type of the weights.

        Styles, their affine maps and logits keep that precision under autocast, too.
        """
        with autocast_off(x):
            y = torch.addmm(
                self.bias,
                x.to(self.weight.dtype),
                self.weight.t(),
                beta=self.bias_scale,
                alpha=self.weight_scale,
            )
            return y if self.activation == "linear" else bias_act(y, act=self.activation, gain=1.0)
