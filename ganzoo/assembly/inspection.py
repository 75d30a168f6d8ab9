"""What a recipe's networks are made of: every layer with its supplier, shape and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from ganzoo.assembly.build import Supplied, build, supplier_of
from ganzoo.assembly.forward_pass import trace_of
from ganzoo.assembly.precision import expect_honoured, layout_of
from ganzoo.assembly.pretended import LOOKED_AT, Pretence
from ganzoo.assembly.tracing import CANVAS, Step, Trace
from ganzoo.errors import ContractError
from ganzoo.nn.layout import lay_out
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.load import LoadedRecipe
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Task, TaskSite


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """A module that holds parameters of its own, or multiplies.

    Args:
        path: in its network, as its state dict has it.
        component: the innermost component that encloses it, or the network's own class.
        kind: of that component, or empty.
        distribution: what supplied the component, as ``"acme-blocks 0.3"``.
        output_shape: without the batch; None where the pass did not reach it, as the to-RGB
            layers that a grown network has left behind, or where there was no pass.
        parameters: its own, not those of modules inside it.
        multiply_adds: for one sample, by convolutions and matrix products; FIR filters apart.
        dtype: of the output, as ``"float32"``; of what multiplies where only parts of the module
            were called, and of the parameters where nothing was.
        memory_format: of the output where it is a map, ``"channels_last"`` or ``"contiguous"``.
    """

    path: str
    component: str
    kind: str
    distribution: str
    output_shape: tuple[int, ...] | None
    parameters: int
    multiply_adds: int
    dtype: str
    memory_format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTable:
    """One network of a task.

    Args:
        rows: in the order of construction.
        filter_multiply_adds: of fixed filters (up- and downsampling, blur), for one sample; no
            part of ``multiply_adds``.
        trace: what a forward pass did; None where nobody but its task knows how to call it.
        units: from modules inside a normalization to it: it is one convolution and what belongs
            to that.
        mixing: modules of components that compare the samples of a batch.
    """

    name: str
    rows: tuple[LayerRow, ...]
    filter_multiply_adds: int
    trace: Trace | None
    units: Mapping[str, str]
    mixing: frozenset[str]

    @property
    def parameters(self) -> int:
        """How many parameters the network has."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Of convolutions and matrix products, for one sample."""
        return sum(row.multiply_adds for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A recipe at a size: one table a network.

    Args:
        grows: networks change their size in training; the tables are of the last one.
    """

    name: str
    hash: str
    resolution: tuple[int, int]
    channels: int
    label_width: int
    grows: bool
    networks: Mapping[str, NetworkTable]

    @property
    def parameters(self) -> int:
        """Of all networks."""
        return sum(table.parameters for table in self.networks.values())

    @property
    def multiply_adds(self) -> int:
        """Of all networks, for one sample."""
        return sum(table.multiply_adds for table in self.networks.values())


def inspect_recipe(
    recipe: Recipe | LoadedRecipe,
    registry: Registry,
    *,
    resolution: int | tuple[int, int],
    channels: int = 3,
    label_width: int = 0,
) -> Inspection:
    """Build the networks of a recipe without their memory, run each once, and tell what happened.

    Nothing of them takes memory, so a network of any size takes a second or two. They run in the
    precision and the layout of the recipe, as on a CPU. Growing networks are run at their last
    level.

    Args:
        resolution: height and width of the images; one number for both.
        channels: of the images.
        label_width: classes, 0 where nothing is conditional.

    Raises:
        RecipeError: the recipe cannot be built at this size.
        ContractError: a component looks at values while it is built or run, or raises a
            ``TypeError`` while it runs.
    """
    recipe = recipe.recipe if isinstance(recipe, LoadedRecipe) else recipe
    size = (resolution, resolution) if isinstance(resolution, int) else resolution
    site = TaskSite(
        resolution=size,
        channels=channels,
        label_width=label_width,
        images=recipe.training.images,
        precision=recipe.training.precision,
    )
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            task: Task = build(recipe.task, registry, "task")(site)
            expect_honoured(task.networks, recipe.training.precision)
            networks = {}
            for name, network in task.networks.items():
                lay_out(network, layout_of(recipe.training))
                networks[name] = _table(name, network.eval(), site, registry)
    except (NotImplementedError, *LOOKED_AT) as error:
        raise ContractError(_looks_at_values(error)) from error
    except RuntimeError as error:
        if "meta tensor" not in str(error).lower():
            raise
        raise ContractError(_looks_at_values(error)) from error
    return Inspection(
        name=recipe.name,
        hash=recipe_hash(recipe),
        resolution=size,
        channels=channels,
        label_width=label_width,
        grows=any(getattr(network, "grows", False) for network in task.networks.values()),
        networks=networks,
    )


def _looks_at_values(error: Exception) -> str:
    return (
        "a component looks at the values of tensors while it is built or run, so it cannot be "
        f"inspected: {str(error).splitlines()[0]}\n  Expected shapes alone to decide, without "
        ".item() or bool(tensor); --traceback says where."
    )


def _table(name: str, network: nn.Module, site: TaskSite, registry: Registry) -> NetworkTable:
    pretence = Pretence()
    pretence.move(network)
    trace = trace_of(network, site, pretence)
    suppliers = _suppliers(network)
    steps = trace.steps if trace else ()
    made: dict[str, Step] = {}
    work: dict[str, int] = {}
    largest: dict[str, Step] = {}  # of the steps that do this work
    filters = 0
    for step in steps:
        if step.label == CANVAS:
            made[step.caller] = step
        if step.name in ("input", "parameter", "buffer"):
            continue
        for owner in step.owners:
            if step.reads or owner not in made or not made[owner].reads:
                made[owner] = step
        if step.fixed:
            filters += step.multiply_adds
        elif step.multiply_adds:
            owner = step.holder or step.caller
            work[owner] = work.get(owner, 0) + step.multiply_adds
            if owner not in largest or step.multiply_adds > largest[owner].multiply_adds:
                largest[owner] = step
            made.setdefault(owner, step)
    rows = []
    for path, module in network.named_modules():
        own = list(module.parameters(recurse=False))
        if not own and path not in work:
            continue
        result = _result(path, made, trace)
        typed = result if trace and path in trace.returned else largest.get(path, result)
        dtype = typed.dtype if typed else own[0].dtype
        supplied = suppliers[path]
        rows.append(
            LayerRow(
                path=path or "(itself)",
                component=supplied.component.name if supplied else type(network).__name__,
                kind=supplied.component.kind if supplied else "",
                distribution=registry.distribution_of(supplied.component) if supplied else "",
                output_shape=result.shape[1:] if result else None,
                parameters=sum(parameter.numel() for parameter in own),
                multiply_adds=work.get(path, 0),
                dtype=str(dtype).removeprefix("torch."),
                memory_format=result.layout if result else "",
            )
        )
    return NetworkTable(
        name=name,
        rows=tuple(rows),
        filter_multiply_adds=filters,
        trace=trace,
        units=_units(network),
        mixing=frozenset(
            path
            for path, module in _around(network)
            if getattr(network.get_submodule(module), "mixes_batch", False)
        ),
    )


def _result(path: str, made: Mapping[str, Step], trace: Trace | None) -> Step | None:
    """What a module returned, or where nobody called it, the last thing made with its weights."""
    if trace is not None and path in trace.returned:
        return trace.steps[trace.returned[path]]
    return made.get(path)


def _around(network: nn.Module) -> list[tuple[str, str]]:
    """For each module the path of the innermost one around it that a component supplied."""
    found: dict[str, str] = {}
    for path, module in network.named_modules():
        supplied = supplier_of(module) is not None or not path
        found[path] = path if supplied else found[path.rpartition(".")[0]]
    return list(found.items())


def _units(network: nn.Module) -> dict[str, str]:
    found = {}
    for path, around in _around(network):
        supplied = supplier_of(network.get_submodule(around))
        if supplied is not None and supplied.component.kind == "normalization":
            found[path] = around
    return found


def _suppliers(network: nn.Module) -> dict[str, Supplied | None]:
    """For each module its own component, or that of the nearest module around it."""
    found: dict[str, Supplied | None] = {}
    for path, module in network.named_modules():
        around = found.get(path.rpartition(".")[0]) if path else None
        found[path] = supplier_of(module) or around
    return found
