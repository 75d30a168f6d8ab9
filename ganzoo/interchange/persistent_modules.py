"""PyTorch modules that pickled themselves together with their source (StyleGAN2-ADA, StyleGAN3).

The source is never looked at: tensors and plain attributes of every module stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ganzoo.errors import DataError
from ganzoo.interchange.recorded import Recorded

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"


@dataclass(frozen=True, slots=True, kw_only=True)
class PickledModule:
    """One module tree as the file records it.

    Args:
        class_name: of its class, without the module: ``"Generator"``.
        tensors: the state dict.
        attributes: plain attributes of every module, by its path; the root's is "".
        arguments: keyword arguments that the root was constructed with.
    """

    class_name: str
    tensors: Mapping[str, Tensor]
    attributes: Mapping[str, Mapping[str, Any]]
    arguments: Mapping[str, Any]

    def attribute(self, path: str, name: str, default: Any = None) -> Any:
        """An attribute of a module, or the default where either is missing."""
        return self.attributes.get(path, {}).get(name, default)

    def argument(self, *names: str, default: Any = None) -> Any:
        """The argument ``names[-1]``, looked for in the mappings that the names before it name."""
        found: Any = self.arguments
        for name in names:
            if not isinstance(found, Mapping) or name not in found:
                return default
            found = found[name]
        return found


def is_module(value: Any) -> bool:
    """Whether a value of a file is such a module."""
    return isinstance(value, Recorded) and value.class_name == PERSISTENT


def read_module(recorded: Recorded, what: str) -> PickledModule:
    """The tensors and attributes of a module and of all that it holds.

    Args:
        what: the network, for errors: ``"G_ema"``.

    Raises:
        DataError: the record has another form than a module's.
    """
    tensors: dict[str, Tensor] = {}
    attributes: dict[str, Mapping[str, Any]] = {}
    for path, state in _walk(_state(recorded, what), "", what):
        hidden = state.get("_non_persistent_buffers_set") or ()
        for room in ("_parameters", "_buffers"):
            for name, value in _mapping(state.get(room), what).items():
                if isinstance(value, Tensor) and name not in hidden:
                    tensors[f"{path}.{name}" if path else name] = value
        attributes[path] = {
            name: value
            for name, value in state.items()
            if not name.startswith("_") and not isinstance(value, (Tensor, Recorded))
        }
    meta = _meta(recorded, what)
    arguments = _state(recorded, what).get("_init_kwargs")
    return PickledModule(
        class_name=str(meta.get("class_name", "")),
        tensors=tensors,
        attributes=attributes,
        arguments=arguments if isinstance(arguments, Mapping) else {},
    )


def _walk(
    state: Mapping[str, Any], path: str, what: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, state
    for name, child in _mapping(state.get("_modules"), what).items():
        if child is not None:
            inner = f"{path}.{name}" if path else str(name)
            yield from _walk(_state(child, f"{what}.{inner}"), inner, what)


def _meta(recorded: Any, what: str) -> Mapping[str, Any]:
    if is_module(recorded) and recorded.args and isinstance(recorded.args[0], Mapping):
        meta: Mapping[str, Any] = recorded.args[0]
        return meta
    raise DataError(
        f"{what} is {_named(recorded)}; expected a module as StyleGAN2-ADA and StyleGAN3 pickle"
        " theirs"
    )


def _state(recorded: Any, what: str) -> Mapping[str, Any]:
    return _mapping(_meta(recorded, what).get("state"), what)


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise DataError(f"{what} is damaged: a mapping was expected where {_named(value)} stands")


def _named(value: Any) -> str:
    return value.class_name if isinstance(value, Recorded) else f"a {type(value).__name__}"
