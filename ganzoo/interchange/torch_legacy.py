"""Files of ``torch.save`` before torch 1.6: pickles in a row, then the storages.

The row is a magic number, a version, facts of the machine, the object, and the keys of the storages
in the order in which their numbers follow. A tensor inside an ordinary pickle carries its storage
in an archive of the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.interchange.foreign_tensors import Storage, StorageTable
from ganzoo.interchange.known_globals import KNOWN, Global
from ganzoo.interchange.ledger import Ledger, Refused
from ganzoo.interchange.restricted_pickle import PickleMachine
from ganzoo.interchange.torch_identity import persistent_storage

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_COUNT_BYTES = 8
# Where the magic number can begin: behind the protocol, a frame and the opcode.
_HEAD = 16


def is_legacy(data: memoryview) -> bool:
    """Whether the file starts with the magic number of torch."""
    return bytes(data[:1]) == b"\x80" and _MAGIC.to_bytes(10, "little") in bytes(data[: _HEAD + 10])


def read_legacy(data: memoryview, ledger: Ledger) -> Any:
    """What the file holds, tensors filled, before ``settle`` has looked at it.

    Raises:
        Refused: it is damaged, or holds anything but plain data.
    """
    table = StorageTable()

    def storage(identity: Any) -> Storage:
        return table.storage(*persistent_storage(identity), len(data))

    position = 0
    parts = []
    for _ in range(5):
        machine = PickleMachine(data, ledger, KNOWN, storage=storage, start=position)
        parts.append(machine.run())
        position = machine.position
    magic, version, facts, value, keys = parts
    if (
        (type(magic), type(version), type(facts)) != (int, int, dict)
        or magic != _MAGIC
        or version != _VERSION
    ):
        raise Refused("has the form of an older torch file but not its version; it is damaged.")
    if facts.get("little_endian") is not True:
        raise Refused(
            "was saved on a machine with the other byte order; save it again on this one."
        )
    if type(keys) is list and len(keys) > ledger.limits.members:
        raise Refused(
            f"holds {len(keys):,} storages; ganzoo reads at most {ledger.limits.members:,}."
        )
    if (
        type(keys) is not list
        or any(type(name) is not str for name in keys)
        or sorted(keys) != sorted(table.storages)
    ):
        raise Refused("lists other storages than its tensors name; it is damaged.")
    for name in keys:
        made = table.storages[name]
        count = int.from_bytes(data[position : position + _COUNT_BYTES], "little", signed=True)
        start = position + _COUNT_BYTES
        position = start + made.num_bytes
        if position > len(data):
            raise Refused(
                f"declares a storage of {made.num_bytes:,} bytes and ends before them; it is"
                " incomplete, so download or copy it again."
            )
        if count != made.count:
            raise Refused(
                f"declares a storage of {made.count:,} numbers and holds {count:,} for it."
            )
        made.fill(data[start:position])
    if position != len(data):
        raise Refused(f"goes on for {len(data) - position:,} bytes after its last storage.")
    return value


def _nested(ledger: Ledger, args: tuple[Any, ...]) -> Storage:
    """``torch.storage._load_from_bytes(archive)``, where the archive holds one storage."""
    content = args[0] if len(args) == 1 else None
    if type(content) is bytes:
        ledger.allow_bytes(len(content))
        content = memoryview(bytearray(content))  # torch wants memory that it could write to
    if type(content) is not memoryview or not is_legacy(content):
        raise Refused("keeps a tensor in an archive of a form that ganzoo does not know.")
    value = read_legacy(content, ledger)
    if type(value) is not Storage:
        raise Refused("keeps a tensor in an archive that holds something else.")
    return value


NESTED: Mapping[tuple[str, str], Global] = {
    ("torch.storage", "_load_from_bytes"): Global(
        name="torch.storage._load_from_bytes", call=_nested
    )
}
