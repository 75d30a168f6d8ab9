"""The persistent ids by which pickles of torch name their storages."""

from __future__ import annotations

from typing import Any

import torch

from ganzoo.interchange.known_globals import Global
from ganzoo.interchange.ledger import Refused


def persistent_storage(identity: Any) -> tuple[str, torch.dtype, int]:
    """Key, dtype and number of elements of ``("storage", type, key, location, count[, view])``.

    Raises:
        Refused: the id has another form.
    """
    if type(identity) is tuple and len(identity) in (5, 6):
        word, kind, name, location, count = identity[:5]
        if (
            type(word) is str
            and word == "storage"
            and type(kind) is Global
            and kind.dtype is not None
            and type(name) is str
            and type(location) is str
            and type(count) is int
            and count >= 0
            and all(view is None for view in identity[5:])
        ):
            return name, kind.dtype, count
    raise Refused("names a persistent id that is no storage of a tensor.")
