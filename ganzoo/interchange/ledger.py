"""What one reading of a foreign file has spent, met and still has to fill."""

from __future__ import annotations

from ganzoo.interchange.limits import Limits

# Room for the tensors of files so small that their size says little.
_SLACK = 1 << 20


class Refused(Exception):
    """Why a file is not read: one sentence that goes on after the name of the file."""


class Ledger:
    """The account of one reading, shared by the file and the archives nested in it.

    Args:
        limits: what may be spent.
        file_bytes: size of the file.
    """

    def __init__(self, limits: Limits, file_bytes: int) -> None:
        self.limits = limits
        self.classes: set[str] = set()
        self._operations = 0
        self._bytes = 0
        self._most_bytes = limits.expansion * file_bytes + _SLACK

    def count_operations(self, count: int = 1) -> None:
        """So many more pickle instructions, or elements that one instruction copies."""
        self._operations += count
        if self._operations > self.limits.operations:
            raise Refused(
                f"takes more than {self.limits.operations:,} pickle instructions, far more than"
                " weights need."
            )

    def allow_bytes(self, count: int) -> None:
        """Ask for memory before it is allocated."""
        self._bytes += count
        if self._bytes > self._most_bytes:
            raise Refused(
                f"asks for {self._bytes:,} bytes of tensors and arrays, more than"
                f" {self.limits.expansion} times what the file holds."
            )


def quoted(text: str) -> str:
    """A text of a file as it may stand in a message: escaped, and not endless."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
