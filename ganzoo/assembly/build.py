"""From the slots of a resolved recipe to factories of live components."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from torch import nn

from ganzoo.errors import BadValue, GanzooError, RecipeError
from ganzoo.recipe.model import Slot
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.component import Component
from ganzoo.registry.types import OneOf, Record, TypeForm

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """Which component made a module, and the dotted path of the slot that asked for it."""

    component: Component
    path: str


# Beside the modules, not in them: what a component keeps in its own attributes is its own affair.
_MADE: WeakKeyDictionary[nn.Module, Supplied] = WeakKeyDictionary()


def supplier_of(module: nn.Module) -> Supplied | None:
    """What made this module; None where a component made it for itself."""
    return _MADE.get(module)


class BoundFactory(Generic[T]):
    """A component with its parameters bound, waiting for its site.

    Args:
        path: dotted path of the slot, for errors.
    """

    def __init__(self, slot: Slot, registry: Registry, path: str) -> None:
        if slot.use is None:
            raise BadValue("no component is named here", path=path)
        self.component = slot.use
        self.settings: Mapping[str, Any] = slot.settings
        self._path = path
        component = registry.find(slot.kind, slot.use)
        self._supplied = Supplied(component=component, path=path)
        self._target = registry.load(component)
        forms = registry.schema(component).parameters
        module = sys.modules[self._target.__module__]
        self._parameters = {
            name: _live(value, forms[name].type, module, registry, f"{path}.{name}")
            for name, value in slot.parameters.items()
        }

    def __call__(self, *site: Any) -> T:
        """Construct the component at this site.

        Raises:
            RecipeError: the component refuses its parameters; the error names the key.
        """
        try:
            made: T = self._target(*site, **self._parameters)
        except RecipeError as error:
            inside = error.path or ""
            room = self._path.partition(".")[0]
            if not inside.startswith(f"{room}."):  # else a slot inside has said the whole path
                error.path = f"{self._path}.{inside}" if inside else self._path
            raise
        except GanzooError:
            raise
        except ValueError as error:
            raise BadValue(str(error), path=self._path) from error
        if isinstance(made, nn.Module):
            _MADE[made] = self._supplied
        return made


def build(slot: Slot, registry: Registry, path: str) -> BoundFactory[Any]:
    """The factory of a slot, and of every slot inside it."""
    return BoundFactory(slot, registry, path)


def _live(value: Any, form: TypeForm, module: ModuleType, registry: Registry, path: str) -> Any:
    """A resolved value as the constructor wants it: slots as factories, records as dataclasses."""
    if isinstance(value, Slot):
        return build(value, registry, path)
    if isinstance(value, Mapping):
        record = _record_in(form)
        inner = {
            key: _live(
                item,
                form if record is None else record.fields[key].type,
                module,
                registry,
                f"{path}.{key}",
            )
            for key, item in value.items()
        }
        return inner if record is None else getattr(module, record.name)(**inner)
    return value


def _record_in(form: TypeForm) -> Record | None:
    options = form.options if isinstance(form, OneOf) else (form,)
    return next((option for option in options if isinstance(option, Record)), None)
