"""A block whose module seeds torch when it is imported."""

from __future__ import annotations

import torch
from faulty_parts import SoundBlock

from ganzoo.registry.contracts import GeneratorSite

torch.manual_seed(1234)


class SeedingBlock(SoundBlock):
    """Sound in itself."""

    def __init__(self, site: GeneratorSite) -> None:
        super().__init__(site)
