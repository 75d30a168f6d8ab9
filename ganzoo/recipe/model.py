"""A resolved recipe: every slot filled, every default written out, nothing left to look up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ganzoo.recipe.settings import TrainingSettings, WatchSettings
from ganzoo.registry.types import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One component of a recipe with all its parameters.

    Args:
        kind: of the component.
        use: ``"vendor/name"``; None only for data that the recipe leaves to its user.
        parameters: what stands after the star: plain values, slots, or mappings of slots.
        settings: the kind's own keys (``weight`` and ``every`` of a regularizer).
    """

    kind: str
    use: str | None
    parameters: Mapping[str, Value]
    settings: Mapping[str, Value]

    def walk(self, path: str) -> Iterator[tuple[str, Slot]]:
        """This slot and every slot inside it, with their dotted paths."""
        yield path, self
        for name, value in self.parameters.items():
            if isinstance(value, Slot):
                yield from value.walk(f"{path}.{name}")
            elif isinstance(value, Mapping):
                for key, inner in value.items():
                    if isinstance(inner, Slot):
                        yield from inner.walk(f"{path}.{name}.{key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is to be done, completely."""

    name: str
    about: str
    task: Slot
    data: Slot
    training: TrainingSettings
    watch: WatchSettings
    schema: int = 1
