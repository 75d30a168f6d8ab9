"""Pure functions on tensors: resampling, bias and activation, modulated convolution, statistics.

Every function here works on any device and in any floating type, keeps NCHW or channels_last as
it finds it, has exact first and second derivatives, and draws no random numbers.
"""

from __future__ import annotations

from ganzoo.ops.adain import adain
from ganzoo.ops.bias_act import ACTIVATIONS, Activation, bias_act
from ganzoo.ops.layer_epilogue import layer_epilogue
from ganzoo.ops.minibatch_stddev import minibatch_stddev
from ganzoo.ops.modulate import modulate
from ganzoo.ops.modulated_conv2d import demodulation_factors, modulated_conv2d
from ganzoo.ops.resample_conv2d import resample_conv2d
from ganzoo.ops.second_moment_norm import second_moment_norm
from ganzoo.ops.setup_filter import setup_filter
from ganzoo.ops.upfirdn2d import downsample2d, filter2d, upfirdn2d, upsample2d

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "adain",
    "bias_act",
    "demodulation_factors",
    "downsample2d",
    "filter2d",
    "layer_epilogue",
    "minibatch_stddev",
    "modulate",
    "modulated_conv2d",
    "resample_conv2d",
    "second_moment_norm",
    "setup_filter",
    "upfirdn2d",
    "upsample2d",
]
