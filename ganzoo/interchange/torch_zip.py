"""Files of ``torch.save`` since torch 1.6: a zip archive of a pickle and its storages."""

from __future__ import annotations

from typing import Any

from ganzoo.interchange.foreign_tensors import Storage, StorageTable
from ganzoo.interchange.known_globals import KNOWN
from ganzoo.interchange.ledger import Ledger, Refused
from ganzoo.interchange.restricted_pickle import PickleMachine
from ganzoo.interchange.torch_identity import persistent_storage
from ganzoo.interchange.zip_directory import is_zip, members

__all__ = ["is_zip", "read_torch_zip"]

_BESIDE = ("version", "byteorder", ".format_version", ".storage_alignment")


def read_torch_zip(data: memoryview, ledger: Ledger) -> Any:
    """What the archive's pickle holds, tensors filled, before ``settle`` has looked at it.

    Raises:
        Refused: it is no such archive, or holds anything but plain data.
    """
    found = members(data, ledger.limits)
    folder = _folder(found)
    for name in found:
        _check_member(name.removeprefix(f"{folder}/"))
    if bytes(found.get(f"{folder}/byteorder", b"little")[:16]) != b"little":
        raise Refused(
            "was saved on a machine with the other byte order; save it again on this one."
        )
    table = StorageTable()

    def storage(identity: Any) -> Storage:
        name, dtype, count = persistent_storage(identity)
        content = found.get(f"{folder}/data/{name}")
        if content is None:
            raise Refused("names a storage that is not in it; it is damaged.")
        made = table.storage(name, dtype, count, len(content))
        if made.num_bytes != len(content):
            raise Refused(
                f"declares a storage of {made.num_bytes:,} bytes and holds {len(content):,} bytes"
                " for it."
            )
        made.fill(content)
        return made

    pickled = found[f"{folder}/data.pkl"]
    machine = PickleMachine(pickled, ledger, KNOWN, storage=storage)
    value = machine.run()
    if machine.position != len(pickled):
        raise Refused("has a pickle that goes on after its end.")
    return value


def _folder(found: dict[str, memoryview]) -> str:
    """The one folder that all members are in."""
    folders = {name.partition("/")[0] for name in found}
    (folder, *others) = folders or {""}
    if others or f"{folder}/data.pkl" not in found:
        raise Refused(
            "is a zip archive, but not one of torch.save; if weights are inside, unpack it first."
        )
    return folder


def _check_member(name: str) -> None:
    if name.startswith("code/") or name == "constants.pkl":
        raise Refused(
            "is a TorchScript program, and ganzoo never runs code from a file; save the state dict"
            " of the module instead."
        )
    folder = name.rpartition("/")[0]
    if name != "data.pkl" and name not in _BESIDE and folder not in ("data", ".data"):
        raise Refused("is a zip archive with members that torch.save does not write.")
