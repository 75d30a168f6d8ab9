"""The members of a zip archive in memory, under stricter rules than zip has.

Members are stored, never compressed: then an archive cannot hold more than its own size. Nothing is
written to the disk, and names that could leave a folder are refused all the same. Checksums are not
looked at, because torch can be told not to write them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ganzoo.interchange.ledger import Refused, quoted
from ganzoo.interchange.limits import Limits

_LOCAL = b"PK\x03\x04"
_END_START = b"PK\x05\x06"
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED = 1
_IN_EXTRA = 0xFFFFFFFF
_DAMAGED = "is a damaged zip archive; it is incomplete or was changed, so download it again."


class _Member(NamedTuple):
    name: str
    header: int
    size: int


def is_zip(data: memoryview) -> bool:
    """Whether the file starts as a zip archive does."""
    return bytes(data[:4]) in (_LOCAL, _END_START)


def members(data: memoryview, limits: Limits) -> dict[str, memoryview]:
    """The content of every member, as views of the archive.

    Raises:
        Refused: the archive is damaged, compressed, encrypted, too large, or ambiguous.
    """
    try:
        return _contents(data, list(_entries(data, limits)))
    except (struct.error, UnicodeDecodeError) as error:
        raise Refused(_DAMAGED) from error


def _contents(data: memoryview, entries: list[_Member]) -> dict[str, memoryview]:
    found: dict[str, memoryview] = {}
    free = 0  # members must not lie over one another: that is how small archives become large
    for member in sorted(entries, key=lambda entry: entry.header):
        if member.name in found:
            raise Refused(f"is a zip archive with two members named {quoted(member.name)}.")
        if member.header > len(data):
            raise Refused(_DAMAGED)
        signature, *_, name_length, extra_length = _HEADER.unpack_from(data, member.header)
        name_start = member.header + _HEADER.size
        start = name_start + name_length + extra_length
        name = bytes(data[name_start : name_start + name_length]).decode("utf-8")
        if signature != _LOCAL or name != member.name:
            raise Refused(_DAMAGED)
        if member.header < free or start + member.size > len(data):
            raise Refused("is a zip archive whose members lie over one another or outside of it.")
        free = start + member.size
        found[name] = data[start:free]
    return found


def _entries(data: memoryview, limits: Limits) -> Iterator[_Member]:
    count, position, end = _directory(data)
    if count > limits.members:
        raise Refused(
            f"is a zip archive of {count:,} members; ganzoo reads at most {limits.members:,}."
        )
    for _ in range(count):
        fields = _ENTRY.unpack_from(data, position)
        signature, flags, method = fields[0], fields[3], fields[4]
        packed, size, name_length, extra_length, comment_length = fields[8:13]
        header = fields[16]
        position += _ENTRY.size
        name = bytes(data[position : position + name_length]).decode("utf-8")
        extra = data[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        if signature != b"PK\x01\x02":
            raise Refused(_DAMAGED)
        if flags & _ENCRYPTED:
            raise Refused(f"is a zip archive whose member {quoted(name)} is encrypted.")
        if method:
            raise Refused(
                f"is a zip archive whose member {quoted(name)} is compressed; torch stores members"
                " as they are, and ganzoo unpacks nothing."
            )
        _check_name(name)
        size, packed, header = _wide((size, packed, header), extra)
        if size != packed:
            raise Refused(_DAMAGED)
        yield _Member(name, header, size)
    if position != end:
        raise Refused(_DAMAGED)


def _directory(data: memoryview) -> tuple[int, int, int]:
    """Number of entries, where they start and where they end."""
    last = len(data) - _END.size
    if last < 0 or bytes(data[last : last + 4]) != _END_START:
        raise Refused("is a zip archive without its end; it is incomplete, so download it again.")
    *_, count, length, start, comment = _END.unpack_from(data, last)
    end = last
    locator = last - _LOCATOR.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == b"PK\x06\x07":
        _, _, end, _ = _LOCATOR.unpack_from(data, locator)
        signature, *_, count, length, start = _END64.unpack_from(data, min(end, len(data)))
        if signature != b"PK\x06\x06":
            raise Refused(_DAMAGED)
    if comment or start + length != end:
        raise Refused(_DAMAGED)
    return count, start, end


def _wide(values: tuple[int, int, int], extra: memoryview) -> tuple[int, ...]:
    """Sizes and place of a member, from the 64-bit field where 32 bits say so."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == 1:
            wide = [
                n for (n,) in struct.iter_unpack("<Q", extra[position : position + length // 8 * 8])
            ]
            return tuple(
                (wide.pop(0) if wide else value) if value == _IN_EXTRA else value
                for value in values
            )
        position += length
    return values


def _check_name(name: str) -> None:
    parts = name.split("/")
    if (
        not name.isprintable()
        or "\\" in name
        or ":" in name
        or ".." in parts
        or "" in parts
        or "." in parts
    ):
        raise Refused(
            f"is a zip archive with a member named {quoted(name)}, which could lead out of a"
            " folder or hide another one."
        )
