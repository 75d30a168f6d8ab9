"""From a run, a checkpoint or a folder of weights back to networks that make images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.assembly.build import build
from ganzoo.assembly.precision import layout_of, usable_on
from ganzoo.assembly.sampling import one_hot
from ganzoo.assembly.weights import load_into, read_weights, recipe_of, task_site
from ganzoo.errors import DataError
from ganzoo.nn.layout import lay_out
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import SampleRequest, Task

__all__ = ["LoadedRun", "NoiseChoice", "load", "task_site"]

NOISE_WORDS = ("fixed", "fresh", "none")
NoiseChoice = Literal["fixed", "fresh", "none"] | Sequence[Tensor | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRun:
    """A trained task, ready to sample from.

    Args:
        networks: by name; the averaged ones where an average is stored. A network of the task of
            which nothing is stored (imported files often lack the discriminator) is absent.
        class_names: of the data it was trained on; empty where it is not conditional, or where
            nobody wrote them down.
        images: real images shown so far; None: not known.
        path: the checkpoint, or the folder of weights, it came from.
        note: damaged newer checkpoints that were passed over, or empty.
        licence: of imported weights, or empty.
    """

    recipe: Recipe
    task: Task
    networks: Mapping[str, nn.Module]
    class_names: tuple[str, ...]
    images: int | None
    path: Path
    note: str = ""
    licence: str = ""

    @property
    def label_width(self) -> int:
        """Number of classes the networks see; 0: none."""
        generator: Any = self.networks.get("generator")
        return int(getattr(generator, "label_width", 0))

    def sample(
        self,
        *,
        seeds: Sequence[int] | None = None,
        latents: Tensor | None = None,
        styles: Tensor | None = None,
        label: Tensor | Sequence[int | str] | int | str | None = None,
        truncation: float = 1.0,
        cutoff: int | None = None,
        noise: NoiseChoice = "fixed",
    ) -> Tensor:
        """Make images, of seeds, of latents, or of styles.

        Gradients flow to latents, styles, labels and given noise that ask for them; the networks
        themselves are frozen.

        Args:
            seeds: one an image; its latent is the first draw of a generator seeded with it.
            latents: [N, Z].
            styles: [N, L, D], taken as they are, untruncated.
            label: [N, K], or the class of each image, by number or name, or one for all; None
                where nothing is conditional.
            truncation: psi; 1 is off.
            cutoff: number of first layers that are truncated; None: all.
            noise: the network's fixed maps, fresh ones, none, or a map a layer in construction
                order: [H, W], [N or 1, 1, H, W], or None.

        Returns:
            [N, I, R, R], float; [-1, 1] is the range of pictures, and nothing is clamped to it.

        Raises:
            ValueError: not exactly one of seeds, latents and styles is given; or labels or noise
                do not fit the networks.
        """
        given = {"seeds": seeds, "latents": latents, "styles": styles}
        named = [name for name, value in given.items() if value is not None]
        if len(named) != 1:
            raise ValueError(
                f"sample makes images of seeds, latents or styles; expected one of them, found"
                f" {' and '.join(named) or 'none'}"
            )
        if isinstance(seeds, int):
            raise ValueError(f"seeds is {seeds}; expected one an image, as [{seeds}] or range(4)")
        if isinstance(noise, str) and noise not in NOISE_WORDS:
            raise ValueError(
                f"noise is {noise!r}; expected {', '.join(map(repr, NOISE_WORDS))} or maps"
            )
        like = self._like()
        count = next(len(value) for value in (seeds, latents, styles) if value is not None)
        request = SampleRequest(
            seeds=() if seeds is None else tuple(int(seed) for seed in seeds),
            latents=None if latents is None else latents.to(like),
            styles=None if styles is None else styles.to(like),
            label=self._label(label, count, styles is None, like),
            truncation=truncation,
            cutoff=cutoff,
            noise=noise if isinstance(noise, str) else tuple(noise),
            images=self.images,
        )
        return self.task.sample(self.networks, request)

    def _label(
        self,
        label: Tensor | Sequence[int | str] | int | str | None,
        count: int,
        needed: bool,
        like: Tensor,
    ) -> Tensor | None:
        width = self.label_width
        if label is None:
            if width and needed:
                raise ValueError(
                    f"these networks see classes; expected label [N, {width}] or a class 0 to"
                    f" {width - 1} for each image"
                )
            return None
        if not width:
            raise ValueError("these networks see no classes; leave label out")
        if isinstance(label, Tensor) and label.dim() == 2:
            return label.to(like)
        given = [label] * count if isinstance(label, (int, str)) else list(label)
        if len(given) != count:
            raise ValueError(
                f"label has {len(given)} classes for {count} images; expected one for each, or one"
                " class for all"
            )
        classes = [self._class(each) for each in given]
        made = one_hot(classes, width)
        return None if made is None else made.to(like)

    def _class(self, each: Any) -> int:
        if isinstance(each, str) and each in self.class_names:
            return self.class_names.index(each)
        number = -1 if isinstance(each, str) else int(each)
        if not 0 <= number < self.label_width:
            names = f", or one of {', '.join(self.class_names)}" if self.class_names else ""
            raise ValueError(
                f"there is no class {each!r}; expected a number from 0 to"
                f" {self.label_width - 1}{names}"
            )
        return number

    def _like(self) -> Tensor:
        generator = self.networks.get("generator") or next(iter(self.networks.values()))
        return next(generator.parameters())


def load(
    path: str | Path, *, device: str | torch.device = "cpu", registry: Registry | None = None
) -> LoadedRun:
    """Open a run folder (its newest checkpoint), one checkpoint file, or a folder of weights.

    Networks run in the precision of their recipe, but for float16 on a CPU, which is float32 there.

    Raises:
        DataError: there is no such run, or it cannot be read.
        PluginError: a plugin that the recipe names is missing here.
    """
    stored = read_weights(path, device)
    if registry is None:
        from ganzoo.registry.discovery import discover

        registry = discover()
    recipe = recipe_of(stored, registry)
    precision = usable_on(recipe.training.precision, device)
    site = replace(task_site(stored.data), precision=precision)
    with torch.random.fork_rng(devices=[]):
        task: Task = build(recipe.task, registry, "task")(site)
    networks: dict[str, nn.Module] = {}
    for name, network in task.networks.items():
        averaged = name in task.averages and name in stored.averages
        source = (stored.averages if averaged else stored.networks).get(name)
        if source is None:
            continue
        load_into(network, source, what=name, path=stored.path)
        network.to(device)
        lay_out(network, layout_of(recipe.training))
        networks[name] = network.eval().requires_grad_(False)
    if not networks:
        raise DataError(
            f"{stored.path}: holds the weights of no network that its recipe builds"
            f" ({', '.join(task.networks)}). Import or export it again.",
            path=stored.path,
        )
    return LoadedRun(
        recipe=recipe,
        task=task,
        networks=networks,
        class_names=tuple(stored.data["class_names"]),
        images=stored.images,
        path=stored.path,
        note=stored.note,
        licence=stored.licence,
    )
