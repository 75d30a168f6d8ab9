"""A run ready to be sampled from the command line: seeds and classes in, uint8 pictures out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ganzoo.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ganzoo.assembly.load import LoadedRun

BATCH = 16
# Fewer pictures than this are made before anyone would read a bar.
_BAR_FROM = 3 * BATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """Draws samples of one run in batches.

    Args:
        run: as ``ganzoo.load`` opens it.
        psi: truncation; 1 is off.
        cutoff: number of first layers that are truncated; None: all.
        noise: the network's fixed maps, fresh ones, or none.
    """

    run: LoadedRun
    psi: float = 1.0
    cutoff: int | None = None
    noise: Literal["fixed", "fresh", "none"] = "fixed"

    @property
    def label_width(self) -> int:
        """Number of classes the networks see; 0: none."""
        return self.run.label_width

    def styled_generator(self, wish: str) -> Any:
        """The generator, where it speaks of styles.

        Args:
            wish: what the user asked for.

        Raises:
            UsageError: it does not.
        """
        generator: Any = self.run.networks.get("generator")
        if not all(hasattr(generator, name) for name in ("styles", "truncate", "synthesize")):
            raise UsageError(
                f"{wish} needs a generator with styles, and this run's recipe has none. "
                "Plain samples work: leave it out."
            )
        return generator

    def images(self, seeds: Sequence[int], classes: Sequence[int]) -> np.ndarray[Any, Any]:
        """uint8 [N, I, R, R], one for each pair of a seed and a class."""
        conditional = self.label_width > 0

        def draw(part: slice) -> Tensor:
            return self.run.sample(
                seeds=seeds[part],
                label=classes[part] if conditional else None,
                truncation=self.psi,
                cutoff=self.cutoff,
                noise=self.noise,
            )

        return self._in_batches(len(seeds), draw)

    def styles(self, seeds: Sequence[int], classes: Sequence[int], wish: str) -> Tensor:
        """Truncated styles [N, L, D]."""
        from ganzoo.assembly.sampling import one_hot
        from ganzoo.nn.latents import latents_from_seeds

        width = self.styled_generator(wish).latent_width
        return self.styles_at(
            latents_from_seeds(seeds, width), one_hot(classes, self.label_width), wish
        )

    def styles_at(self, latents: Tensor, label: Tensor | None, wish: str) -> Tensor:
        """Truncated styles [N, L, D] of latents [N, Z] and labels [N, K] or None."""
        import torch

        generator, like = self.styled_generator(wish), self._like()
        with torch.no_grad():
            styles = generator.styles(latents.to(like), None if label is None else label.to(like))
            if self.psi != 1:
                styles = generator.truncate(styles, self.psi, self.cutoff)
        found: Tensor = styles
        return found

    def render(self, styles: Tensor, wish: str) -> np.ndarray[Any, Any]:
        """uint8 [N, I, R, R] of styles [N, L, D]."""
        self.styled_generator(wish)
        return self._in_batches(
            len(styles), lambda part: self.run.sample(styles=styles[part], noise=self.noise)
        )

    def _like(self) -> Tensor:
        generator: Any = self.run.networks.get("generator")
        networks = [generator] if generator is not None else list(self.run.networks.values())
        like: Tensor = next(iter(networks[0].parameters()))
        return like

    def _in_batches(self, count: int, draw: Any) -> np.ndarray[Any, Any]:
        import numpy as np
        import torch
        from tqdm import tqdm

        from ganzoo.assembly.sampling import batches
        from ganzoo.data.images import to_uint8

        made: list[np.ndarray[Any, Any]] = []
        with (
            torch.no_grad(),
            tqdm(total=count, unit="image", leave=False, disable=count < _BAR_FROM or None) as bar,
        ):
            for part in batches(count, BATCH):
                made.append(to_uint8(draw(part)))
                bar.update(len(made[-1]))
        return np.concatenate(made)
