"""torch's storages and tensors, rebuilt from their descriptions in a pickle."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor

from ganzoo.interchange.ledger import Ledger, Refused

_MOST_DIMENSIONS = 32
_LARGEST = 1 << 40

DTYPES = {
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ShortStorage": torch.int16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
}


class Storage:
    """A run of numbers in the file, and the tensors that are waiting for them.

    Older torch files hold the numbers behind everything else, so tensors may be made first and
    filled last.

    Args:
        dtype: of every number.
        count: how many.
    """

    def __init__(self, dtype: torch.dtype, count: int) -> None:
        self.dtype = dtype
        self.count = count
        self._data: memoryview | None = None
        self._views: list[tuple[Tensor, int, tuple[int, ...]]] = []

    @property
    def num_bytes(self) -> int:
        """Length of the numbers in the file."""
        return self.count * self.dtype.itemsize

    def tensor(
        self, ledger: Ledger, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
    ) -> Tensor:
        """A tensor of its own memory, with its numbers once ``fill`` has given them.

        Raises:
            Refused: the view leaves the storage, meets a number twice, or is too large.
        """
        if 0 not in size:
            axes = [(step, length) for step, length in zip(stride, size) if length > 1]
            extent = 1
            for step, length in sorted(axes):
                if step < extent:
                    raise Refused(
                        f"holds a tensor of size {list(size)} and strides {list(stride)}, whose"
                        " elements overlap in memory."
                    )
                extent += step * (length - 1)
            if offset + extent > self.count:
                raise Refused(
                    f"holds a tensor that reads up to number {offset + extent:,} of a storage of"
                    f" {self.count:,}."
                )
            # The bytes that fill() will touch, which are at least those of the tensor.
            ledger.allow_bytes(extent * self.dtype.itemsize)
        try:
            made = torch.empty(size, dtype=self.dtype)
        except RuntimeError as error:  # torch's word for a full memory
            raise Refused(f"needs more memory than there is, for a tensor of {size}.") from error
        if made.numel():
            self._views.append((made, offset, stride))
        if self._data is not None:
            self.fill(self._data)
        return made

    def fill(self, data: memoryview) -> None:
        """Give the storage its numbers, little-endian, for the tensors before and after."""
        self._data = data
        for tensor, offset, stride in self._views:
            reach = 1 + sum(step * (n - 1) for step, n in zip(stride, tensor.shape))
            item = self.dtype.itemsize
            raw = torch.frombuffer(data[offset * item : (offset + reach) * item], dtype=torch.uint8)
            if self.dtype == torch.bool:
                raw = raw != 0  # a bool of any other byte is undefined in C
            if reach == tensor.numel() and tensor.stride() == stride:
                tensor.reshape(-1).view(raw.dtype).copy_(raw)
            else:
                # cloned first: the bytes in the file may not be aligned to the dtype
                tensor.copy_(raw.clone().view(self.dtype).as_strided(tensor.shape, stride))
        self._views.clear()


def rebuilt_tensor(ledger: Ledger, args: tuple[Any, ...]) -> Tensor:
    """``torch._utils._rebuild_tensor[_v2](storage, offset, size, stride, ...)``."""
    if not 4 <= len(args) <= 7 or type(args[0]) is not Storage:
        raise Refused("describes a tensor in a form that ganzoo does not know.")
    storage, offset, size, stride = args[:4]
    if not all(map(_is_nothing, args[5:])):
        raise Refused("holds a tensor with hooks or metadata, which are code to be run.")
    if (
        type(size) is not tuple
        or type(stride) is not tuple
        or len(size) != len(stride)
        or len(size) > _MOST_DIMENSIONS
        or any(type(n) is not int or not 0 <= n < _LARGEST for n in (offset, *size, *stride))
        or math.prod(n for n in size if n) >= _LARGEST
    ):
        raise Refused("gives a tensor an offset, a size or strides that are none.")
    return storage.tensor(ledger, offset, size, stride)


def rebuilt_parameter(ledger: Ledger, args: tuple[Any, ...]) -> Tensor:
    """``torch._utils._rebuild_parameter(tensor, requires_grad, hooks)``, as a plain tensor."""
    if len(args) != 3 or not isinstance(args[0], Tensor):
        raise Refused("describes a parameter in a form that ganzoo does not know.")
    if not _is_nothing(args[2]):
        raise Refused("holds a parameter with hooks, which are code to be run.")
    return args[0]


def _is_nothing(hooks: Any) -> bool:
    return hooks is None or (type(hooks) in (dict, OrderedDict) and not hooks)


class StorageTable:
    """The storages that the persistent ids of one torch file name."""

    def __init__(self) -> None:
        self.storages: dict[str, Storage] = {}

    def storage(self, name: Any, dtype: torch.dtype, count: int, room: int) -> Storage:
        """The storage of a key, the same one each time.

        Args:
            name: its key.
            dtype: of its numbers.
            count: of its numbers.
            room: bytes that it can have at most.

        Raises:
            Refused: it was declared differently before, or cannot fit into the file.
        """
        known = self.storages.get(name)
        if known is None:
            known = self.storages[name] = Storage(dtype, count)
            if known.num_bytes > room:
                raise Refused(
                    f"declares a storage of {known.num_bytes:,} bytes and has {room:,} bytes for"
                    " it."
                )
        if known.dtype != dtype or known.count != count:
            raise Refused("declares one storage twice, with two types or two lengths.")
        return known
