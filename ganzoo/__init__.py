"""A zoo of GAN architectures in which every animal is a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.registry.component import Component
from ganzoo.registry.hookspecs import hookimpl
from ganzoo.registry.manifest import components_in

if TYPE_CHECKING:
    from ganzoo.assembly.load import LoadedRun
    from ganzoo.registry.catalogue import Registry

__version__ = "0.1.0"

__all__ = ["Component", "__version__", "components_in", "hookimpl", "load"]


def load(path: str | Path, *, device: str = "cpu", registry: Registry | None = None) -> LoadedRun:
    """Open a run folder, one of its checkpoints, or imported weights, ready to sample.

    ``ganzoo.load("runs/NAME").sample(seeds=range(4))`` is a tensor [4, I, R, R] of images; see
    ``LoadedRun.sample`` for latents, styles, labels, truncation and noise.

    Args:
        path: ``runs/<name>``, a checkpoint file inside it, or a folder that ``ganzoo import`` or
            ``ganzoo export`` wrote.
        device: where the networks go.
        registry: of the plugins to use; None: those that are installed.

    Raises:
        DataError: there is no such run, or no checkpoint of it can be read.
        PluginError: a plugin that the run's recipe names is missing here.
    """
    from ganzoo.assembly.load import load as load_run

    return load_run(path, device=device, registry=registry)
