"""Scale every feature map by its style."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.ops.implementation import Impl, choose
from ganzoo.ops.modulate_kernel import modulate_kernel, modulate_reference
from ganzoo.ops.piecewise_epilogue import piecewise_epilogue


def modulate(x: Tensor, styles: Tensor, impl: Impl = "auto") -> Tensor:
    """x * styles, per sample and channel (StyleGAN2, Eq. 1, on the image instead of the weights).

    Args:
        x: [N, C, H, W].
        styles: [N, C], in any floating type. The definition and the kernel multiply in at least
            float32; the arrangement in torch takes them in the type of ``x``.
        impl: who computes it; see `ganzoo.ops.implementation`.

    Returns:
        [N, C, H, W], in the type and layout of ``x``.

    Raises:
        ValueError: the styles do not fit the image.
        BackendError: ``impl="cupy"`` where the kernel cannot run.
    """
    if x.ndim != 4 or styles.shape != x.shape[:2]:
        raise ValueError(
            f"styles have the shape {tuple(styles.shape)!r} for an x of {tuple(x.shape)!r}; "
            "expected [N, C] and [N, C, H, W]"
        )
    choice = choose("modulate", x, impl)
    if choice == "cupy":
        return modulate_kernel(x, styles)
    if choice == "reference" or torch.compiler.is_compiling():
        return modulate_reference(x, styles)
    return piecewise_epilogue(x, styles, None, None, None)
