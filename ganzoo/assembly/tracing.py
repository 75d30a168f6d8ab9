"""Every operation of a forward pass, with what it read and whose parameters it used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends import mha
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.assembly.pretended import Pretence
from ganzoo.ops.implementation import by_definition, environment_ignored

Shape = tuple[int, ...]

REDUCTIONS = frozenset(
    {"mean", "sum", "var", "std", "var_mean", "amax", "amin", "linalg_vector_norm", "norm"}
)
PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm"})
CONVOLUTION = "convolution"
CANVAS = "const"
POINTWISE = ("layer_epilogue", "bias_act", "modulate", "adain", "pixel_norm")
"""Operations that are followed as their formula is written; filters and convolutions as they run,
since the work of those is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One value: a source (parameter, buffer, input), or the result of one operation.

    Args:
        number: its place in the trace.
        name: of the operation as torch calls it, in-place forms by the name of the plain one;
            ``parameter``, ``buffer`` or ``input`` for a source.
        inputs: numbers of the values it was made from.
        shape: the batch included.
        layout: order of a map in memory, as ``layout_of`` says it.
        caller: path of the innermost module whose call was running, empty for the network itself.
        owners: paths of the modules whose parameters entered it through nothing but other
            parameters: the weights of this very operation. Buffers count where they are alone.
        holder: the owner of the largest of these weights, or empty.
        scaled: weights that data has scaled, so that each sample has its own.
        reads: names of the inputs (``z``, ``image``, ...) that it depends on; empty for what is
            made of parameters alone.
        through: every module whose parameters a value without pixels has passed.
        statistic: a value reduced from data, and not yet put together with any.
        multiply_adds: of a convolution or matrix product, for one sample.
        fixed: the operation's weights are buffers alone, as the taps of a filter are.
        options: numbers that a label may want: ``dims`` of a reduction, ``kernel`` and ``stride``
            of a convolution.
        label: name of an input, or ``owner.name`` of a parameter or buffer.
    """

    number: int
    name: str
    inputs: tuple[int, ...] = ()
    shape: Shape
    dtype: torch.dtype
    layout: str = ""
    caller: str = ""
    owners: frozenset[str] = frozenset()
    holder: str = ""
    scaled: bool = False
    reads: frozenset[str] = frozenset()
    through: frozenset[str] = frozenset()
    statistic: bool = False
    multiply_adds: int = 0
    fixed: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    @property
    def is_map(self) -> bool:
        """Whether it has pixels: [N, C, H, W] with more than one."""
        return len(self.shape) == 4 and self.shape[2] * self.shape[3] > 1

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of a map, else None."""
        return (self.shape[2], self.shape[3]) if self.is_map else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The steps of one or more forward passes of one network, in their order.

    Args:
        outputs: numbers of the results, by name.
        returned: the number of what each module that was called gave back, the first tensor of
            several.
    """

    steps: tuple[Step, ...]
    outputs: Mapping[str, int]
    returned: Mapping[str, int]


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Watches operations below autograd, where every form of an operation has one name.

    Meant for networks without memory: all values are kept alive, so that an identity means one
    value.

    Args:
        network: whose modules are followed; its tensors are of the kind that ``pretence`` makes.
        batch: samples in the inputs.
        pretence: turns what is left on the meta device, as constants in closures, into that kind.
    """

    def __init__(self, network: nn.Module, batch: int, pretence: Pretence) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch = batch
        self.pretence = pretence
        self.steps: list[Step] = []
        self._kept: list[Tensor] = []
        self._numbers: dict[int, int] = {}
        self._calls: list[str] = [""]
        self.returned: dict[str, int] = {}
        self._paths = {module: path for path, module in network.named_modules()}
        for path, module in network.named_modules():
            for name, parameter in module.named_parameters(recurse=False):
                self._source("parameter", parameter, f"{path}.{name}", path)
            for name, buffer in module.named_buffers(recurse=False):
                self._source("buffer", buffer, f"{path}.{name}", path)

    def give(self, name: str, value: Tensor) -> Tensor:
        """Note an input, and return it."""
        self._enter(value, name, self._calls[-1])
        return value

    def number_of(self, value: Tensor) -> int:
        """The step that made a value."""
        return self._numbers[id(value)]

    @contextmanager
    def watching(self) -> Iterator[Tracer]:
        """Follow calls of modules and operations.

        Attention and ``POINTWISE`` operations are followed as what they are made of, not as the
        one step that they may run in; ``GANZOO_OPS`` changes nothing.
        """
        with ExitStack() as stack:
            stack.enter_context(environment_ignored())
            stack.enter_context(by_definition(*POINTWISE))
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            stack.callback(mha.set_fastpath_enabled, mha.get_fastpath_enabled())
            mha.set_fastpath_enabled(False)
            for module, path in self._paths.items():
                before = module.register_forward_pre_hook(self._entering(path))
                after = module.register_forward_hook(self._leaving, always_call=True)
                stack.callback(before.remove)
                stack.callback(after.remove)
            stack.enter_context(torch.no_grad())
            stack.enter_context(self.pretence.mode)
            stack.enter_context(torch.device("cpu"))
            stack.enter_context(self)
            yield self

    def _entering(self, path: str) -> Any:
        def enter(module: nn.Module, args: Any) -> None:
            self._calls.append(path)

        return enter

    def _leaving(self, module: nn.Module, args: Any, output: Any) -> None:
        path = self._calls.pop()
        value = next(_tensors(output), None)
        if value is not None and self.steps[self._known(value)].reads:
            self.returned[path] = self._known(value)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and note it."""
        args, kwargs = self.pretence.all_of((args, kwargs or {}))
        result = func(*args, **kwargs)
        made = list(_tensors(result))
        if made:
            given = [*_tensors(args), *_tensors(kwargs)]
            name = func.overloadpacket.__name__.removesuffix("_").lstrip("_")
            for value in made:
                self._note(name, args, given, value)
        return result

    def _note(self, name: str, args: Sequence[Any], given: list[Tensor], value: Tensor) -> None:
        inputs = [self.steps[self._known(tensor)] for tensor in given]
        inputs = self._with_canvas(name, inputs, given)
        data = [step for step in inputs if step.reads]
        weights = [step for step in inputs if not step.reads]
        pixels = any(step.is_map for step in data)
        # weights of a sample's own: parameters scaled by data that is smaller than they are
        scaled = [step for step in data if step.scaled]
        size = max((prod(step.shape) for step in data), default=0)
        large = [w for w in weights if name in ("mul", "div") and prod(w.shape[1:]) > size // 2]
        if name in ("expand", "repeat") and not data and self._spread(weights, value):
            return
        multiplies = name in PRODUCTS or name == CONVOLUTION
        keep = bool(data) and not pixels and not multiplies
        keep = keep and bool(scaled or (large and len(value.shape) > 2))
        learned = [step for step in weights if not step.fixed] or weights
        owners = frozenset().union(*(step.owners for step in learned + scaled))
        held = max(learned + scaled, key=lambda step: prod(step.shape), default=None)
        work = _multiply_adds(name, args, value) if data else 0
        self._keep(
            value,
            Step(
                number=len(self.steps),
                name=name,
                inputs=tuple(step.number for step in inputs),
                shape=tuple(value.shape),
                dtype=value.dtype,
                layout=layout_of(value),
                caller=self._calls[-1],
                owners=owners,
                holder=max(held.owners, default="") if held else "",
                scaled=keep,
                reads=frozenset().union(*(step.reads for step in inputs)),
                through=frozenset().union(*(step.through | step.owners for step in inputs))
                if not pixels
                else frozenset(),
                statistic=bool(data)
                and (name in REDUCTIONS or all(step.statistic for step in data))
                and not multiplies,
                multiply_adds=work // self.batch,
                fixed=bool(weights) and all(step.fixed for step in weights),
                options=_options(name, args),
            ),
        )

    def _spread(self, weights: list[Step], value: Tensor) -> bool:
        """Note a learned map that was just repeated for every sample: from here it is data."""
        learned = [step for step in weights if step.owners and not step.fixed]
        shape = tuple(value.shape)
        if not learned or len(shape) != 4 or shape[0] != self.batch or shape[2] * shape[3] == 1:
            return False
        self._enter(value, CANVAS, max(learned[0].owners))
        return True

    def _enter(self, value: Tensor, name: str, caller: str) -> None:
        """Note a value that comes from nowhere: data from here on."""
        self._keep(
            value,
            Step(
                number=len(self.steps),
                name="input",
                shape=tuple(value.shape),
                dtype=value.dtype,
                layout=layout_of(value),
                caller=caller,
                reads=frozenset({name}),
                label=name,
            ),
        )

    def _with_canvas(self, name: str, inputs: list[Step], given: Sequence[Tensor]) -> list[Step]:
        """Take maps that depend on no input, one a sample, for data where they meet data.

        Fourier features and other fixed maps that a generator starts from come in like this.
        """
        first_only = name == CONVOLUTION
        if not (first_only or any(step.reads for step in inputs)):
            return inputs
        found = list(inputs)
        for place, step in enumerate(inputs[:1] if first_only else inputs):
            if not step.reads and step.is_map and step.shape[0] == self.batch and step.owners:
                self._enter(given[place], CANVAS, max(step.owners))
                found[place] = self.steps[-1]
        return found

    def _known(self, value: Tensor) -> int:
        if id(value) not in self._numbers:
            # made where nobody watched, as a constant in a closure: a parameter of nobody
            self._source("buffer", value, "", self._calls[-1])
        return self._numbers[id(value)]

    def _source(self, name: str, value: Tensor, label: str, owner: str) -> None:
        self._keep(
            value,
            Step(
                number=len(self.steps),
                name=name,
                shape=tuple(value.shape),
                dtype=value.dtype,
                owners=frozenset({owner}),
                fixed=name == "buffer",
                label=label.lstrip("."),
            ),
        )

    def _keep(self, value: Tensor, step: Step) -> None:
        self._kept.append(value)
        self._numbers[id(value)] = step.number
        self.steps.append(step)


def layout_of(value: Tensor) -> str:
    """In which order the elements of a map lie in memory; empty for anything else.

    One with a single channel or a single pixel lies in both orders, and counts as channels_last.
    """
    if value.dim() != 4:
        return ""
    last = value.is_contiguous(memory_format=torch.channels_last)
    return "channels_last" if last else "contiguous" if value.is_contiguous() else "strided"


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _multiply_adds(name: str, args: Sequence[Any], result: Tensor) -> int:
    """Uses of a weight, or of one factor of a product, for the whole batch.

    A transposed convolution uses its kernel once for every pixel that it reads, a plain one once
    for every pixel that it makes; zeros of a border count like other pixels.
    """
    if name == CONVOLUTION:
        x, weight, transposed = args[0], args[1], args[6]
        pixels = (x if transposed else result).shape
        return int(pixels[0] * prod(pixels[2:]) * weight.numel())
    if name in ("mm", "bmm"):
        return int(result.numel() * args[0].shape[-1])
    if name in ("addmm", "baddbmm"):
        return int(result.numel() * args[1].shape[-1])
    return 0


def _options(name: str, args: Sequence[Any]) -> Mapping[str, Any]:
    if name == CONVOLUTION:
        weight = args[1]
        transposed = bool(args[6])
        return {
            "kernel": tuple(weight.shape[2:]),
            "stride": tuple(args[3]),
            "transposed": transposed,
        }
    if name in REDUCTIONS and len(args) > 1 and isinstance(args[1], (list, tuple, int)):
        dims = (args[1],) if isinstance(args[1], int) else tuple(args[1])
        return {"dims": tuple(dim % len(args[0].shape) for dim in dims if isinstance(dim, int))}
    return {}
