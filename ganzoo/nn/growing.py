"""Images between the present size of growing networks and the full one (ProGAN, 2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d


def shrink(image: Tensor, doublings: int) -> Tensor:
    """[N, I, H, W] -> [N, I, H / 2^doublings, W / 2^doublings], means over boxes."""
    return avg_pool2d(image, 1 << doublings) if doublings else image


def enlarge(image: Tensor, doublings: int) -> Tensor:
    """[N, I, H, W] -> [N, I, H * 2^doublings, W * 2^doublings], pixels repeated."""
    factor = 1 << doublings
    if not doublings:
        return image
    return image.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)


def fade_real(image: Tensor, fade: float) -> Tensor:
    """Mix real images with their own half resolution, as the networks mix theirs.

    ``lerp(nearest_up(box_down(x)), x, fade)``, so that reals and fakes lack the same detail.

    Args:
        image: [N, I, H, W] at the present size.
        fade: 1 changes nothing, 0 leaves the detail of half the resolution.
    """
    return image if fade == 1 else enlarge(shrink(image, 1), 1).lerp(image, fade)
