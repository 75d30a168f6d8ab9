"""Seconds of the first call of each kernel in this process.

``python -m benchmarks.first_call`` prints JSON: the forward of each operation in float32 and in
bfloat16, on a CUDA device that is awake, by kernels that are compiled where the cache folder
(``CUPY_CACHE_DIR``) does not hold them yet.
"""

from __future__ import annotations

import json
import time

import torch

from ganzoo.training.bench.operations import OPERATIONS, problem

SIZE = (2, 32, 32, 32)
DTYPES = (torch.float32, torch.bfloat16)


def main() -> None:
    """Wake the device, call everything once, print."""
    device = torch.device("cuda")
    seconds = {}
    given = {
        (each.name, dtype): problem(each, SIZE, dtype, torch.channels_last, device)
        for each in OPERATIONS
        for dtype in DTYPES
    }
    torch.cuda.synchronize()
    for (name, dtype), one in given.items():
        inputs = [tensor.detach() for tensor in one.inputs]
        start = time.perf_counter()
        one.call(*inputs, impl="cupy")
        torch.cuda.synchronize()
        seconds[f"{name} {str(dtype).removeprefix('torch.')}"] = time.perf_counter() - start
    print(
        json.dumps({"first": next(iter(seconds.values())), "all": sum(seconds.values()), **seconds})
    )


if __name__ == "__main__":
    main()
