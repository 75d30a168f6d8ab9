"""A pickle machine that builds plain data and can build nothing else.

It is not Python's unpickler with a filter: it has its own instructions (``opcodes.py``), its own
names (``known_globals.py``) and its own loop. No module is imported, no attribute is looked up and
no object of the file is called, so there is nothing for a file to reach.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from ganzoo.interchange.foreign_arrays import PendingArray, PendingType, finished_array
from ganzoo.interchange.foreign_tensors import Storage
from ganzoo.interchange.known_globals import DTYPE_NAMES, Global, key, refusal
from ganzoo.interchange.ledger import Ledger, Refused
from ganzoo.interchange.opcodes import instructions
from ganzoo.interchange.recorded import Recorded

_MOST_MARKS = 1000


class PickleMachine:
    """Runs one pickle.

    Args:
        data: the file, or a part of it.
        ledger: the account of the reading.
        table: the globals it may name.
        storage: gives the storage of a persistent id; None where there may be none.
        start: where the pickle starts.

    Attributes:
        position: after ``run``, where the pickle ended.
    """

    def __init__(
        self,
        data: memoryview,
        ledger: Ledger,
        table: Mapping[tuple[str, str], Global],
        *,
        storage: Callable[[Any], Storage] | None = None,
        start: int = 0,
    ) -> None:
        self.position = start
        self._data = data
        self._ledger = ledger
        self._table = table
        self._storage = storage
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """What the pickle holds, before ``settle`` has looked at it.

        Raises:
            Refused: it is damaged, or holds anything but plain data.
        """
        most = self._ledger.limits.stack
        for code, argument, position in instructions(self._data, self.position, self._ledger):
            self.position = position
            if code == pickle.STOP:
                break
            if code in _PUSHES:
                self._stack.append(argument)
            else:
                _STEPS[code](self, argument)
            if len(self._stack) > most:
                raise Refused(f"keeps more than {most:,} values waiting; it is damaged.")
        if len(self._stack) != 1 or self._below:
            raise Refused("ends with values left over; it is damaged.")
        return self._stack.pop()

    def _pop(self) -> Any:
        if not self._stack:
            raise Refused("takes a value where there is none; it is damaged.")
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack:
            raise Refused("takes a value where there is none; it is damaged.")
        return self._stack[-1]

    def _mark(self, argument: Any) -> None:
        if len(self._below) >= _MOST_MARKS:
            raise Refused(f"opens more than {_MOST_MARKS:,} containers inside one another.")
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        """The values since the last mark, which goes."""
        if not self._below:
            raise Refused("closes a container that was never opened; it is damaged.")
        values, self._stack = self._stack, self._below.pop()
        return values

    def _pop_top(self, argument: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._marked()

    def _drop(self, argument: Any) -> None:
        self._marked()

    def _duplicate(self, argument: Any) -> None:
        self._stack.append(self._top())

    def _none(self, argument: Any) -> None:
        self._stack.append(None)

    def _true(self, argument: Any) -> None:
        self._stack.append(True)

    def _false(self, argument: Any) -> None:
        self._stack.append(False)

    def _tuple(self, argument: Any) -> None:
        values = tuple(self._marked())
        self._stack.append(values)

    def _short_tuple(self, count: int) -> None:
        values = tuple(reversed([self._pop() for _ in range(count)]))
        self._stack.append(values)

    def _append(self, argument: Any) -> None:
        self._extend([self._pop()])

    def _appends(self, argument: Any) -> None:
        self._extend(self._marked())

    def _extend(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is not list:
            raise Refused("appends to something that is no list.")
        target.extend(values)

    def _set_item(self, argument: Any) -> None:
        value, name = self._pop(), self._pop()
        self._update([name, value])

    def _set_items(self, argument: Any) -> None:
        self._update(self._marked())

    def _update(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) not in (dict, OrderedDict) or len(values) % 2:
            raise Refused("sets items of something that is no dict.")
        for name, value in zip(values[::2], values[1::2]):
            target[key(name)] = value

    def _add_items(self, argument: Any) -> None:
        values, target = self._marked(), self._top()
        if type(target) is not set:
            raise Refused("adds elements to something that is no set.")
        target.update(key(value) for value in values)

    def _frozen_set(self, argument: Any) -> None:
        values = frozenset(key(value) for value in self._marked())
        self._stack.append(values)

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise Refused("refers to a value that it never gave; it is damaged.")
        self._stack.append(self._memo[index])

    def _memoize(self, argument: Any) -> None:
        self._put(len(self._memo))

    def _put(self, index: int) -> None:
        if index > self._ledger.limits.operations:
            raise Refused(f"numbers a value {index:,}, more values than it can hold.")
        value = self._top()
        self._memo[index] = value
        if type(value) is PendingArray:
            value.memo.append(index)

    def _global(self, names: tuple[str, str]) -> None:
        module, name = names
        found = self._table.get(names)
        if found is not None:
            self._ledger.classes.add(found.name)
            self._stack.append(found)
        elif module == "torch" and name in DTYPE_NAMES:
            self._ledger.classes.add(f"torch.{name}")
            self._stack.append(f"torch.{name}")
        else:
            raise Refused(refusal(module, name))

    def _stack_global(self, argument: Any) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise Refused("names a global by something that is no text; it is damaged.")
        self._global((module, name))

    def _reduce(self, argument: Any) -> None:
        args, function = self._pop(), self._pop()
        if type(function) is not Global or function.call is None or type(args) is not tuple:
            raise Refused(f"calls {_described(function)}, and ganzoo never runs code from a file.")
        self._stack.append(function.call(self._ledger, args))

    def _new(self, argument: Any) -> None:
        args, cls = self._pop(), self._pop()
        if type(cls) is not Global or cls.new is None or type(args) is not tuple:
            raise Refused(
                f"makes an object of {_described(cls)}, which is no class that weights are kept in."
            )
        self._stack.append(cls.new(self._ledger, args))

    def _build(self, argument: Any) -> None:
        state, target = self._pop(), self._top()
        if type(target) is PendingArray:
            array = finished_array(self._ledger, state)
            self._stack[-1] = array
            for index in target.memo:
                if self._memo[index] is target:
                    self._memo[index] = array
            target.memo.clear()
        elif type(target) is PendingType:
            target.set_state(state)
        elif type(target) is Recorded and target.state is None and type(state) in _DICTS:
            # A pickle makes an object first and gives it its state later; nobody has seen it yet.
            object.__setattr__(target, "state", state)
        elif type(target) is OrderedDict and type(state) in _DICTS:
            pass  # what torch hangs on a state dict (versions of modules) says nothing of weights
        elif type(target) is dict and type(state) is dict and not state:
            pass  # older Pythons give the EasyDict its empty __dict__
        else:
            raise Refused(
                f"gives a state to {_described(target)}, which has none; ganzoo never runs the code"
                " that would take it."
            )

    def _persistent(self, argument: Any) -> None:
        identity = self._pop()
        if self._storage is None:
            raise Refused("names a persistent id, which only a torch file may.")
        self._stack.append(self._storage(identity))


def _described(value: Any) -> str:
    if type(value) is Global:
        return value.name
    return f"something of type {type(value).__name__}"


_DICTS = (dict, OrderedDict)
_PUSHES = frozenset(
    (
        *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.BINFLOAT),
        *(pickle.BINSTRING, pickle.SHORT_BINSTRING),
        *(pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8),
        *(pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8),
    )
)
_STEPS: dict[bytes, Callable[[PickleMachine, Any], None]] = {
    pickle.PROTO: lambda machine, argument: None,
    pickle.FRAME: lambda machine, argument: None,
    pickle.MARK: PickleMachine._mark,
    pickle.POP: PickleMachine._pop_top,
    pickle.POP_MARK: PickleMachine._drop,
    pickle.DUP: PickleMachine._duplicate,
    pickle.NONE: PickleMachine._none,
    pickle.NEWTRUE: PickleMachine._true,
    pickle.NEWFALSE: PickleMachine._false,
    pickle.EMPTY_LIST: lambda machine, argument: machine._stack.append([]),
    pickle.EMPTY_DICT: lambda machine, argument: machine._stack.append({}),
    pickle.EMPTY_SET: lambda machine, argument: machine._stack.append(set()),
    pickle.EMPTY_TUPLE: lambda machine, argument: machine._stack.append(()),
    pickle.TUPLE: PickleMachine._tuple,
    pickle.TUPLE1: lambda machine, argument: machine._short_tuple(1),
    pickle.TUPLE2: lambda machine, argument: machine._short_tuple(2),
    pickle.TUPLE3: lambda machine, argument: machine._short_tuple(3),
    pickle.APPEND: PickleMachine._append,
    pickle.APPENDS: PickleMachine._appends,
    pickle.SETITEM: PickleMachine._set_item,
    pickle.SETITEMS: PickleMachine._set_items,
    pickle.ADDITEMS: PickleMachine._add_items,
    pickle.FROZENSET: PickleMachine._frozen_set,
    pickle.BINGET: PickleMachine._get,
    pickle.LONG_BINGET: PickleMachine._get,
    pickle.BINPUT: PickleMachine._put,
    pickle.LONG_BINPUT: PickleMachine._put,
    pickle.MEMOIZE: PickleMachine._memoize,
    pickle.GLOBAL: PickleMachine._global,
    pickle.STACK_GLOBAL: PickleMachine._stack_global,
    pickle.REDUCE: PickleMachine._reduce,
    pickle.NEWOBJ: PickleMachine._new,
    pickle.BUILD: PickleMachine._build,
    pickle.BINPERSID: PickleMachine._persistent,
}
