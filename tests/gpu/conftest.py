"""A CUDA device on which kernels can run, or the reason why there is none."""

from __future__ import annotations

import pytest
import torch

from ganzoo.backends.cupy_kernels.engine import why_not


@pytest.fixture(scope="session")
def device() -> torch.device:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device; `ganzoo doctor` says why")
    device = torch.device("cuda", torch.cuda.current_device())
    reason = why_not(device)
    if reason is not None:
        pytest.skip(f"kernels cannot run on {device}: {reason}")
    return device
