"""What a run is about to do, as lines of text: networks, parameters, phases, device, data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from ganzoo.recipe.model import Recipe
from ganzoo.registry.contracts import Stage


def plan_lines(
    recipe: Recipe,
    networks: Mapping[str, nn.Module],
    stage: Stage,
    *,
    device: torch.device,
    data: str,
    budget: int,
    batch: int,
) -> list[str]:
    """The summary that is printed before the first step, of ``batch`` images."""
    lines = [f"{recipe.name}: {recipe.about}" if recipe.about else recipe.name, f"Data: {data}"]
    for name, network in networks.items():
        lines.append(f"{name}: {count_parameters(network):,} parameters")
        rows = list(layer_rows(network))
        width = max((len(row[0]) for row in rows), default=0)
        kind_width = max((len(row[1]) for row in rows), default=0)
        for label, kind, parameters, shape in rows:
            lines.append(
                f"  {label:{width}}  {kind:{kind_width}}  {parameters:>12,}  {shape}".rstrip()
            )
    lines.append("Phases: " + ", ".join(_phase(p.name, p.every) for p in stage.phases))
    count = torch.get_num_threads()
    threads = f", {count} thread{'s' * (count > 1)}" if device.type == "cpu" else ""
    lines.append(
        f"Device: {device_name(device)}{threads}. Budget: {budget:,} images in batches of {batch}."
    )
    if device.type == "cpu" and torch.get_num_threads() > 1 and _is_busy():
        lines.append(
            "This machine is busy with other work, and threads that wait for one another are slow."
            " OMP_NUM_THREADS=1 may be many times faster."
        )
    return lines


def _is_busy() -> bool:
    # the load of the last minute, of which this process has had no part yet
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return load > 0.75 * (os.cpu_count() or 1)


def layer_rows(network: nn.Module) -> Iterator[tuple[str, str, int, str]]:
    """Name, class, parameter count and widest weight of each part of a network."""
    for name, part in network.named_children():
        inner: Sequence[tuple[str, nn.Module]] = [(name, part)]
        if isinstance(part, (nn.ModuleList, nn.ModuleDict)):
            inner = [(f"{name}.{key}", child) for key, child in part.named_children()]
        for label, module in inner:
            parameters = count_parameters(module)
            if parameters:
                largest = max(module.parameters(), key=lambda p: p.numel())
                yield label, type(module).__name__, parameters, " x ".join(map(str, largest.shape))


def count_parameters(module: nn.Module) -> int:
    """Trainable numbers of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


def device_name(device: torch.device) -> str:
    """The device as a person knows it."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def _phase(name: str, every: int) -> str:
    return name if every == 1 else f"{name} (every {every})"
