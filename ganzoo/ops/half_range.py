"""Weights and styles of a demodulated convolution, scaled to where float16 sums stay finite."""

from __future__ import annotations

from torch import Tensor


def half_range(w: Tensor, styles: Tensor, factors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Divide weights and styles by their largest magnitudes, and undo it in the factors.

    ``factors * conv(styles * x, w)`` stays what it was, but its sums stay below ``max |x|``, times
    the root of the fan-in, instead of growing with weights and styles. Meant for float16, whose
    largest number is 65504; bfloat16 has float32's range and needs none of it (StyleGAN2-ADA's
    code does likewise, before it demodulates). The scales cancel, so they are constants to the
    gradient.

    Args:
        w: [O, I, k, k].
        styles: [N, I].
        factors: [N, O], of the weights and styles as they were.

    Returns:
        What to multiply the weights by, [O, 1, 1, 1]; the styles; the factors; all in float32.
    """
    fan_in = w[0].numel()
    w, styles = w.float(), styles.float()
    scale_w = w.detach().abs().amax((1, 2, 3)).clamp(min=1e-8) * fan_in**0.5
    scale_s = styles.detach().abs().amax(1).clamp(min=1e-8)
    factors = factors * scale_w[None, :] * scale_s[:, None]
    return 1 / scale_w[:, None, None, None], styles / scale_s[:, None], factors
