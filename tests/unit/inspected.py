"""A plugin with parts that are awkward to inspect, and short ways to inspect a small recipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ganzoo.assembly.inspection import Inspection, inspect_recipe
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry

TINY = """\
ganzoo: 1
extends: ganzoo.recipes:stylegan2-e.yaml
about: A small one.
task:
  generator: {channels_base: 64, channels_max: 8, latent_width: 6, mapping: {width: 5, depth: 2}}
  discriminator: {channels_base: 64, channels_max: 8}
"""
FILES = {
    "__init__": (
        '"""Odd."""\nfrom ganzoo import components_in, hookimpl\n\n\n'
        "@hookimpl\ndef ganzoo_components():\n    return components_in(__package__)\n"
    ),
    "generator_block/__init__": '"""Blocks."""\n',
    "generator_block/curious": '''\
"""A block that looks at the values of its features."""
from torch import nn

__all__ = ["CuriousGeneratorBlock"]


class CuriousGeneratorBlock(nn.Module):
    """A block."""

    num_styles = 1

    def __init__(self, site) -> None:
        super().__init__()
        self.up = site.styled_conv(site.in_channels, site.out_channels, 3, up=2)

    def forward(self, x, image, styles, noise):
        x = self.up(x, styles[:, 0], noise)
        return x if x.mean().item() > 0 else -x, None
''',
    "normalization/__init__": '"""Normalizations."""\n',
    "normalization/grouped": '''\
"""Weights of each sample's own, all samples in one grouped convolution."""
import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["GroupedNormalization"]


class GroupedNormalization(nn.Module):
    """A normalization."""

    reads_style = True

    def __init__(self, site) -> None:
        super().__init__()
        self.up, self.kernel = site.up, site.kernel
        self.weight = nn.Parameter(
            torch.randn(site.out_channels, site.in_channels, site.kernel, site.kernel)
        )
        self.affine = nn.Linear(site.style_width, site.in_channels)

    def forward(self, x, style, noise):
        n = len(x)
        if self.up > 1:
            x = F.interpolate(x, scale_factor=2)
        w = self.weight[None] * self.affine(style)[:, None, :, None, None]
        w = w * w.square().sum(dim=(2, 3, 4), keepdim=True).add(1e-8).rsqrt()
        y = x.reshape(1, -1, *x.shape[2:])
        y = F.conv2d(y, w.flatten(0, 1), padding=self.kernel // 2, groups=n)
        return F.leaky_relu(y.reshape(n, -1, *x.shape[2:]), 0.2)
''',
    "discriminator_block/__init__": '"""Blocks."""\n',
    "discriminator_block/attentive": '''\
"""Torch's own layers: normalization, attention over all pixels, pooling."""
import torch.nn.functional as F
from torch import nn

__all__ = ["AttentiveDiscriminatorBlock"]


class AttentiveDiscriminatorBlock(nn.Module):
    """A block."""

    def __init__(self, site) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, site.in_channels)
        self.attention = nn.MultiheadAttention(site.in_channels, 2, batch_first=True)
        self.conv = nn.utils.parametrizations.spectral_norm(
            nn.Conv2d(site.in_channels, site.out_channels, 3, padding=1)
        )

    def forward(self, x, image):
        y = self.norm(x).flatten(2).mT
        y = y + self.attention(y, y, y, need_weights=False)[0]
        return F.avg_pool2d(F.silu(self.conv(y.mT.reshape(x.shape))), 2), None
''',
    "head/__init__": '"""Heads."""\n',
    "head/choosy": '''\
"""A head that no batch pleases."""
from torch import nn

__all__ = ["ChoosyHead"]


class ChoosyHead(nn.Module):
    """A head."""

    def __init__(self, site) -> None:
        super().__init__()

    def forward(self, x, label):
        raise ValueError(f"a batch of {len(x)} does not please me")
''',
    "head/clumsy": '''\
"""A head that adds a number and nothing."""
from torch import nn

__all__ = ["ClumsyHead"]


class ClumsyHead(nn.Module):
    """A head."""

    def __init__(self, site) -> None:
        super().__init__()

    def forward(self, x, label):
        return x + label
''',
    "generator_block/lonely": '''\
"""A block that takes no noise, though every block is given some."""
from torch import nn

__all__ = ["LonelyGeneratorBlock"]


class LonelyGeneratorBlock(nn.Module):
    """A block."""

    num_styles = 1

    def __init__(self, site) -> None:
        super().__init__()
        self.up = site.styled_conv(site.in_channels, site.out_channels, 3, up=2)

    def forward(self, x, image, styles):
        return x, image
''',
    "task/__init__": '"""Tasks."""\n',
    "task/pairs": '''\
"""A network that takes two images, as only this task knows."""
from torch import nn

__all__ = ["PairsTask"]


class Comparison(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, first, second, *, how):
        return self.conv(first) - self.conv(second)


class PairsTask:
    """A task."""

    averages = ()

    def __init__(self, site) -> None:
        self.networks = {"comparison": Comparison()}
        self.state = nn.Module()
''',
}


@contextmanager
def inspecting(folder: Path) -> Iterator[Callable[..., Inspection]]:
    """Inspect the small recipe, or another, with overrides, acme's and the odd plugin at hand."""
    package = folder / "odd_parts"
    for name, text in FILES.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    registry = Registry()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.syspath_prepend(str(Path(__file__).parents[1] / "fixtures"))
        registry.register("ganzoo", "ganzoo.plugins", "ganzoo", "9.9")
        registry.register("acme", "acme_blocks", "acme-blocks", "0.3")
        registry.register("odd", "odd_parts")
        assert not registry.failures, registry.failures

        def inspect(
            *overrides: str,
            source: str | Path = folder / "tiny.yaml",
            resolution: int = 16,
            label_width: int = 0,
        ) -> Inspection:
            return inspect_recipe(
                load_recipe(source, overrides, registry=registry),
                registry,
                resolution=resolution,
                label_width=label_width,
            )

        yield inspect
    for name in [name for name in sys.modules if name.partition(".")[0] == "odd_parts"]:
        del sys.modules[name]
