"""How much a foreign file may ask of the machine that reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that published weight files keep with a wide margin.

    Args:
        file_bytes: size of the file.
        operations: pickle instructions, those of nested archives included, and elements that a call
            copies.
        stack: values that wait on the stack of the pickle machine, and marks between them.
        depth: how deep containers may stand in one another.
        nodes: values in the result, each counted as often as it can be reached.
        text_bytes: length of one string in the file.
        loose_bytes: length of bytes that belong to no tensor and no array.
        members: members of a zip archive, storages of an older torch file.
        expansion: bytes of all tensors and arrays together, in sizes of the file. More than 1,
            because state dicts may name one storage under several names.
    """

    file_bytes: int = 4 << 30
    operations: int = 1_000_000
    stack: int = 100_000
    depth: int = 100
    nodes: int = 10_000_000
    text_bytes: int = 64 << 20
    loose_bytes: int = 256 << 10
    members: int = 20_000
    expansion: int = 3
