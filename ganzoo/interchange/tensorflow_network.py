"""Networks as the TensorFlow code of ProGAN, StyleGAN and StyleGAN2 pickled them.

A network has variables of its own and, in StyleGAN, components that have theirs. The source text
beside them is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.errors import DataError
from ganzoo.interchange.recorded import Recorded

PROGAN = "tfutil.Network"
STYLEGAN = "dnnlib.tflib.network.Network"
CLASSES = (PROGAN, STYLEGAN)

_GLOBAL_NAMES = {"G_mapping/": "mapping/", "G_synthesis/": "synthesis/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorflowNetwork:
    """One network.

    Args:
        variables: by name, those of components behind the component's name and a slash.
        arguments: that it was built with where they differ from the defaults of its code,
            components' included.
    """

    variables: Mapping[str, np.ndarray]
    arguments: Mapping[str, Any]

    def shape(self, *names: str) -> tuple[int, ...]:
        """The shape of the first of these variables that there is.

        Raises:
            DataError: there is none.
        """
        for name in names:
            if name in self.variables:
                return tuple(self.variables[name].shape)
        raise DataError(
            f"the network has no variable {' or '.join(names)}; the file may be incomplete, or of"
            " another architecture"
        )

    def resolutions(self, pattern: str) -> list[int]:
        """The numbers that a pattern's first group takes over the variables, sorted."""
        found = {int(m[1]) for name in self.variables if (m := re.fullmatch(pattern, name))}
        return sorted(found)

    def refuse_unless(self, expected: Mapping[str, Sequence[Any]]) -> None:
        """Refuse arguments that change the function of the network.

        Args:
            expected: values that are no change, by argument.

        Raises:
            DataError: an argument has another value.
        """
        for name, values in expected.items():
            if name in self.arguments and self.arguments[name] not in values:
                raise DataError(
                    f"the network was built with {name}={self.arguments[name]!r}, of which ganzoo"
                    f" has no counterpart; expected {values[0]!r}"
                )


def is_network(value: Any) -> bool:
    """Whether a value of a file is such a network."""
    return isinstance(value, Recorded) and value.class_name in CLASSES


def read_network(recorded: Recorded, what: str) -> TensorflowNetwork:
    """The variables and arguments of a network and of its components.

    Args:
        what: the network, for errors: ``"Gs"``.

    Raises:
        DataError: the record has another form than a network's.
    """
    variables: dict[str, np.ndarray] = {}
    arguments: dict[str, Any] = {}
    for prefix, state in _walk(recorded, "", what):
        for name, value in _pairs(state.get("variables"), what):
            array = np.asarray(value)
            if array.dtype.kind not in "fiub":
                raise DataError(f"{what} is damaged: its variable {prefix}{name} is no number")
            variables[_local(prefix + name)] = array
        own = state.get("static_kwargs")
        if isinstance(own, Mapping):
            arguments = {**own, **arguments}
    if not variables:
        raise DataError(f"{what} has no variables")
    return TensorflowNetwork(variables=variables, arguments=arguments)


def _walk(recorded: Any, prefix: str, what: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    if not is_network(recorded) or not isinstance(recorded.state, Mapping):
        raise DataError(f"{what} is no network as the TensorFlow code of StyleGAN pickles it")
    yield prefix, recorded.state
    components = recorded.state.get("components")
    if isinstance(components, Mapping):
        for name, component in components.items():
            yield from _walk(component, f"{prefix}{name}/", f"{what}.{name}")


def _pairs(value: Any, what: str) -> list[tuple[str, Any]]:
    pairs = value if isinstance(value, (list, tuple)) else []
    if not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs):
        raise DataError(f"{what} is damaged: its variables are no list of names and arrays")
    return [(str(name), array) for name, array in pairs]


def _local(name: str) -> str:
    for long, short in _GLOBAL_NAMES.items():
        if name.startswith(long):
            return short + name.removeprefix(long)
    return name
