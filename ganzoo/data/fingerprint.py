"""One short name for a data set's content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def fingerprint_of(parts: Iterable[bytes | str | int]) -> str:
    """32 hex digits of BLAKE2b over the parts, each prefixed with its length."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
