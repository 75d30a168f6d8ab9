"""What ``GANZOO_OPS`` demands of a device, looked at before anything is built or written."""

from __future__ import annotations

import torch

from ganzoo.backends.cupy_kernels.engine import why_not
from ganzoo.errors import BackendError
from ganzoo.ops.implementation import VARIABLE, forced_by_environment


def check_demand(device: torch.device) -> None:
    """Refuse an environment that no operation could run in.

    Raises:
        UsageError: ``GANZOO_OPS`` says nothing that is known.
        BackendError: it demands kernels, and none can run on the device.
    """
    unmet = unmet_demand(device)
    if unmet is not None:
        raise BackendError(". ".join(unmet))


def unmet_demand(device: torch.device) -> tuple[str, str] | None:
    """What ``GANZOO_OPS`` demands in vain, and the remedy; None where nothing is.

    Raises:
        UsageError: it says nothing that is known.
    """
    reason = why_not(device) if forced_by_environment() == "cupy" else None
    if reason is None:
        return None
    what, _, remedy = reason.rpartition(". ")
    # what a device of another kind wants is said to who holds tensors, not to who typed a command
    remedy = f"{remedy}, or unset {VARIABLE}" if device.type == "cuda" else f"Unset {VARIABLE}"
    return f"{VARIABLE}=cupy demands kernels, and none can run on {device}: {what}", remedy
