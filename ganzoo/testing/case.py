"""One situation that a part of a network is checked in, and the noise it is given there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzoo.registry.contracts import Noise
from ganzoo.testing.failure import CheckFailure
from ganzoo.testing.subject import Subject

Tensors = tuple[Tensor | None, ...]
Sizes = tuple[tuple[int, ...] | None, ...]


class SeededNoise:
    """N(0, 1) maps that depend on layer and size alone, the same for every sample.

    Args:
        changed: this layer gets other maps than it would otherwise.
    """

    def __init__(self, changed: int | None = None) -> None:
        self.changed = changed
        self.asked: set[int] = set()

    def map(self, index: int, like: Tensor) -> Tensor:
        """[1, 1, H, W]."""
        self.asked.add(index)
        random = torch.Generator().manual_seed(2 * index + (index == self.changed))
        drawn = torch.randn(1, 1, *like.shape[2:], generator=random, dtype=torch.float64)
        return drawn.to(like)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a network, built, and how it is called.

    Args:
        module: an ``nn.Module``, with what its kind adds.
        call: with the module (it may be a copy), inputs and noise; gives the outputs.
        takes: sizes of one sample of each input; None: this input is None.
        gives: sizes of one sample of each output. All but the first output may be None.
        noise: the indices that it may ask maps of.
    """

    module: Any
    call: Callable[[Any, Tensors, Noise], Tensors]
    takes: Sizes
    gives: Sizes
    noise: tuple[int, ...] = ()

    def inputs(self, count: int = 2, seed: int = 1) -> Tensors:
        """N(0, 1) inputs for ``count`` samples, float64."""
        random = torch.Generator().manual_seed(seed)

        def drawn(sizes: tuple[int, ...]) -> Tensor:
            return torch.randn(count, *sizes, generator=random, dtype=torch.float64)

        return tuple(None if sizes is None else drawn(sizes) for sizes in self.takes)

    def run(
        self, inputs: Tensors, noise: Noise | None = None, module: nn.Module | None = None
    ) -> tuple[Tensor, ...]:
        """The outputs that are not None, with seeded noise unless another is given."""
        given = SeededNoise() if noise is None else noise
        outputs = self.call(self.module if module is None else module, inputs, given)
        return tuple(output for output in outputs if output is not None)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A way to build a part.

    Args:
        label: what failures call it.
        make: draws its weights from torch's global generator.
    """

    label: str
    make: Callable[[], Part]

    def built(self, seed: int = 0) -> Part:
        """The part in float64, all parameters moved a little, so that none is zero by design."""
        torch.manual_seed(seed)
        part = self.make()
        part.module.double().train()
        with torch.no_grad():
            for parameter in part.module.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return part


def labelled(*parts: object) -> str:
    """The parts of a label that are not empty, in a row."""
    return ", ".join(str(part) for part in parts if part)


def in_every_case(
    cases: Callable[[Subject], Iterable[Case]], *functions: Callable[[Case], None]
) -> tuple[Callable[[Subject], None], ...]:
    """Checks of a component, from checks of one case; a failure says in which case it happened."""
    return tuple(_in_every_case(cases, function) for function in functions)


def _in_every_case(
    cases: Callable[[Subject], Iterable[Case]], function: Callable[[Case], None]
) -> Callable[[Subject], None]:
    def check(subject: Subject) -> None:
        for case in cases(subject):
            try:
                function(case)
            except CheckFailure as failure:
                raise CheckFailure(f"{str(failure).rstrip('.')} ({case.label})") from failure
            except Exception as error:  # the boundary: code of strangers
                raise CheckFailure(
                    f"it raised {type(error).__name__}: {str(error).rstrip('.')} ({case.label})"
                ) from error

    check.__name__, check.__doc__ = function.__name__, function.__doc__
    return check


def outputs_of(result: object, count: int, wanted: str) -> Tensors:
    """What a part returned, if it is a tuple of so many tensors or Nones.

    Args:
        wanted: how the contract writes it, ``"(x, image)"``.

    Raises:
        CheckFailure: it is something else.
    """
    if isinstance(result, tuple) and len(result) == count:
        parts = cast("tuple[object, ...]", result)
        if all(part is None or isinstance(part, Tensor) for part in parts):
            return cast(Tensors, result)
    raise CheckFailure(f"it returned {_shown(result)}; the contract says {wanted}")


def tensor_of(result: object, wanted: str) -> Tensor:
    """What a part returned, if it is a tensor.

    Raises:
        CheckFailure: it is something else.
    """
    if not isinstance(result, Tensor):
        raise CheckFailure(f"it returned {_shown(result)}; the contract says {wanted}")
    return result


def logits_of(result: object) -> Tensors:
    """What a discriminator or its head returned: the scores first, then what else it says.

    Raises:
        CheckFailure: it is neither a tensor nor tensors by name with a ``score``.
    """
    if isinstance(result, Mapping):
        named = cast("Mapping[str, object]", result)
        if "score" in named and all(isinstance(value, Tensor) for value in named.values()):
            others = {name: value for name, value in named.items() if name != "score"}
            return cast(Tensors, (named["score"], *others.values()))
    return (tensor_of(result, "logits [N], or tensors by name with 'score' among them"),)


def _shown(result: object) -> str:
    if isinstance(result, Tensor):
        return f"a tensor {list(result.shape)}"
    if isinstance(result, tuple):
        return f"({', '.join(map(_shown, result))})"
    return "None" if result is None else f"a {type(result).__name__}"
