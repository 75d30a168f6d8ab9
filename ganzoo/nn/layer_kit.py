"""The kit that answers one question the same way for a whole network: how are layers made."""

from __future__ import annotations

from ganzoo.errors import BadValue
from ganzoo.nn.activation import Gain
from ganzoo.nn.convolution import SplitConvolution
from ganzoo.nn.dense import EqualizedDense
from ganzoo.nn.resampling import Downsample, Taps, Upsample, filter_of


class LayerKit:
    """Makes the layers of one network; every site carries it.

    ``upsample`` and ``downsample`` are modules, shared by all who keep them, so that their filters
    move with the network.

    Args:
        gain: where sqrt(2) is applied: behind the ``activation`` (StyleGAN2), or on the ``weight``
            (ProGAN, StyleGAN).
        resample: taps inside up- and down-sampling convolutions; [1, 1] is nearest up, box down.
        image_resample: taps of the image path; None: as ``resample``.
        blur: taps of an extra filter at the larger resolution, with its own zero border, or None.
        clamp: largest magnitude after every layer with a bias, or None.
    """

    def __init__(
        self,
        *,
        gain: Gain = "activation",
        resample: Taps = (1, 3, 3, 1),
        image_resample: Taps | None = None,
        blur: Taps | None = None,
        clamp: float | None = None,
    ) -> None:
        if clamp is not None and clamp <= 0:
            raise BadValue(f"clamp is {clamp!r}; expected more than 0, or null", path="clamp")
        if blur is not None:
            filter_of("blur", blur)  # refuses taps that are none
        self.gain: Gain = gain
        self.resample = resample
        self.image_resample = image_resample
        self.blur = blur
        self.clamp = clamp
        name, taps = "image_resample", image_resample
        if taps is None:
            name, taps = "resample", resample
        self.upsample = Upsample(name, taps)
        self.downsample = Downsample(name, taps)

    def conv(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        up: int = 1,
        down: int = 1,
        activation: str = "lrelu",
        bias: bool = True,
    ) -> SplitConvolution:
        """Return an equalized convolution; kernel 0 is the layer without its convolution."""
        return SplitConvolution(
            in_channels,
            out_channels,
            kernel,
            up=up,
            down=down,
            activation=activation,
            bias=bias,
            gain=self.gain,
            resample=self.resample,
            blur=self.blur,
            clamp=self.clamp,
        )

    def dense(
        self,
        in_features: int,
        out_features: int,
        activation: str = "lrelu",
        lr_scale: float = 1.0,
        bias_init: float = 0.0,
    ) -> EqualizedDense:
        """Return an equalized fully connected layer; never clamped, as published."""
        return EqualizedDense(
            in_features,
            out_features,
            activation=activation,
            lr_scale=lr_scale,
            bias_init=bias_init,
            gain=self.gain,
        )

    def unclamped(self) -> LayerKit:
        """The same kit without a clamp."""
        return LayerKit(
            gain=self.gain,
            resample=self.resample,
            image_resample=self.image_resample,
            blur=self.blur,
        )
