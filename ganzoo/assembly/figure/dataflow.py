"""From the operations of a pass to what a figure shows: convolutions, styles, noise, sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ganzoo.assembly.tracing import CONVOLUTION, PRODUCTS, REDUCTIONS, Step, Trace

Role = Literal[
    "source",
    "output",
    "layer",
    "resample",
    "modulation",
    "norm",
    "noise",
    "pointwise",
    "join",
    "other",
]

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"

# Operations that a figure passes over: they move values about, or bound them.
_SILENT = frozenset(
    {
        "view",
        "reshape",
        "unsafe_view",
        "expand",
        "permute",
        "transpose",
        "t",
        "clone",
        "to_copy",
        "slice",
        "select",
        "split",
        "split_with_sizes",
        "unbind",
        "unsqueeze",
        "squeeze",
        "alias",
        "detach",
        "constant_pad_nd",
        "clamp",
        "clamp_min",
        "flip",
        "copy",
        "lift_fresh",
        "repeat",
        "index",
        "narrow",
        "as_strided",
        "unflatten",
        "neg",
    }
)
_ACTIVATIONS = {
    "leaky_relu": "LReLU",
    "relu": "ReLU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "silu": "SiLU",
    "gelu": "GELU",
    "elu": "ELU",
    "softplus": "softplus",
    "softmax": "softmax",
    "safe_softmax": "softmax",
}
NORM_MEAN, NORM_STD = "Norm mean", "Norm std"
_NORMS = {
    "native_group_norm": "Group norm",
    "native_layer_norm": "Layer norm",
    "native_batch_norm": "Batch norm",
    "native_batch_norm_legit_no_training": "Batch norm",
}
_JOINS = {"add": "+", "sub": MINUS, "mul": TIMES, "div": "÷", "lerp": "~", "cat": "cat"}
_ARITHMETIC = frozenset({"add", "sub", "rsub", "mul", "div", "addcmul", "lerp"})
_STYLE_SOURCES = frozenset({"w", "z", "label"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to draw.

    Args:
        number: of the step that it ends with.
        text: what is written on it.
        inputs: numbers of the items whose values it reads, styles and noise apart.
        unit: path of the module that the figure puts it in.
        owner: path of the module whose weights it uses, or empty.
        affines: paths of the layers that turn a style into what modulates here.
        bare_style: a style modulates here as it is, without a layer between.
        size: height and width of its result, or None; ``read_size`` of its input.
        channels: of its result.
    """

    number: int
    text: str
    role: Role
    inputs: tuple[int, ...] = ()
    unit: str = ""
    owner: str = ""
    affines: tuple[str, ...] = ()
    bare_style: bool = False
    size: tuple[int, int] | None = None
    read_size: tuple[int, int] | None = None
    channels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How a step is to be understood: what follows from it, and which values it takes up."""

    items: tuple[tuple[str, Role], ...]
    follow: tuple[int, ...]
    styles: tuple[int, ...] = ()


class Dataflow:
    """Reads a trace as a figure does.

    Args:
        units: from modules to those that the figure draws as one; others stand for themselves.
        mixing: modules that compare the samples of a batch.
    """

    def __init__(self, trace: Trace, *, units: Mapping[str, str], mixing: frozenset[str]) -> None:
        self.steps = trace.steps
        self.units = units
        self.mixing = mixing
        self._kernels = {
            step.label.rpartition(".")[0]
            for step in trace.steps
            if step.name == "parameter" and len(step.shape) == 4
        }
        # the scores of an attention have four dimensions, too, but are no picture
        self._sizes = {
            value.size
            for step in trace.steps
            if step.name in (CONVOLUTION, "input")
            for value in (step, *(trace.steps[i] for i in step.inputs[:1]))
        }

    def items(self, outputs: Mapping[str, int]) -> tuple[Item, ...]:
        """What leads to these values, in the order of making, and at last the values themselves."""
        readings: dict[int, _Reading] = {}
        wanted = list(outputs.values())
        while wanted:
            number = wanted.pop()
            if number not in readings:
                readings[number] = self._read(self.steps[number])
                wanted += readings[number].follow
        found: dict[int, Item] = {}
        ends: dict[int, int] = {}  # from a step to the item that its value is seen as
        told: set[str] = set()
        for number in sorted(readings):
            reading, step = readings[number], self.steps[number]
            inputs = tuple(dict.fromkeys(ends[i] for i in reading.follow if i in ends))
            if not reading.items:
                if inputs:
                    ends[number] = inputs[0]
                continue
            affines = [path for path in self._affines(reading.styles) if path not in told]
            told.update(affines)
            for place, (text, role) in enumerate(reading.items):
                last = place == len(reading.items) - 1
                key = number if last else -(10 * number + place)
                item = self._item(step, text, role, inputs, key)
                if role == "modulation":
                    bare = bool(reading.styles) and not self._affines(reading.styles)
                    item = replace(item, affines=tuple(affines), bare_style=bare)
                    affines = []
                found[key] = item
                inputs = (key,)
            ends[number] = number
        for place, (name, number) in enumerate(outputs.items()):
            step = self.steps[number]
            item = self._item(step, name, "output", (ends[number],), len(self.steps) + place)
            found[item.number] = item
        return tuple(found.values())

    def _item(self, step: Step, text: str, role: Role, inputs: tuple[int, ...], key: int) -> Item:
        data = [self.steps[i] for i in step.inputs if self.steps[i].reads]
        read = next((value.size for value in data if value.size in self._sizes), None)
        size = step.size if step.size in self._sizes else None
        return Item(
            number=key,
            text=text,
            role=role,
            inputs=inputs,
            unit=self.units.get(step.caller, step.caller),
            owner=step.holder,
            size=size,
            read_size=read or size,
            channels=step.shape[1] if len(step.shape) > 1 else 1,
        )

    def _read(self, step: Step) -> _Reading:
        values = [self.steps[i] for i in step.inputs]
        data = [value for value in values if value.reads]
        if step.name == "input":
            return _Reading(items=((step.label, "source"),), follow=())
        if not data:
            return _Reading(items=(), follow=())
        if step.name == CONVOLUTION:
            return self._read_convolution(step, data)
        if step.name in PRODUCTS:
            return self._read_product(step, values, data)
        if step.name in _NORMS:
            return _Reading(items=((_NORMS[step.name], "norm"),), follow=_numbers(data[:1]))
        if step.name in _ACTIVATIONS:
            text = _ACTIVATIONS[step.name]
            return _Reading(items=((text, "pointwise"),), follow=_numbers(data))
        if step.name == "cat":
            return self._read_cat(step, data)
        if step.name in _ARITHMETIC:
            return self._read_arithmetic(step, values, data)
        if step.name in _SILENT or (step.statistic and step.name not in REDUCTIONS):
            return _Reading(items=(), follow=_numbers(data[:1]))
        words = step.name.replace("_", " ")
        role: Role = "resample" if "pool" in words or "upsample" in words else "other"
        return _Reading(items=((words.capitalize(), role),), follow=_numbers(data))

    def _read_convolution(self, step: Step, data: list[Step]) -> _Reading:
        x, *own_weights = data
        if step.fixed:
            stride, up = step.options["stride"][0], step.options["transposed"]
            text = "Blur" if stride == 1 else "Upsample" if up else "Downsample"
            return _Reading(items=((text, "resample"),), follow=(x.number,))
        height, width = step.options["kernel"]
        convolution: tuple[str, Role] = (f"Conv {height}{TIMES}{width}", "layer")
        if own_weights:  # one kernel a sample: the style has come in through the weights
            return _Reading(
                items=(("Mod", "modulation"), convolution),
                follow=(x.number,),
                styles=_numbers(own_weights),
            )
        return _Reading(items=(convolution,), follow=(x.number,))

    def _read_product(self, step: Step, values: list[Step], data: list[Step]) -> _Reading:
        features = [value for value in data if not value.scaled]
        if len(features) < len(data) and features:
            return _Reading(
                items=(("Mod", "modulation"), (f"Conv 1{TIMES}1", "layer")),
                follow=_numbers(features[:1]),
                styles=_numbers([value for value in data if value.scaled]),
            )
        if len(data) < len(values):
            return _Reading(items=(("FC", "layer"),), follow=_numbers(data))
        return _Reading(items=(("@", "join"),), follow=_numbers(data))

    def _read_cat(self, step: Step, data: list[Step]) -> _Reading:
        features = [value for value in data if not value.statistic]
        if features and len(features) < len(data):
            text = "Minibatch stddev" if step.caller in self.mixing else "Statistics"
            return _Reading(items=((text, "other"),), follow=_numbers(features))
        if len(features or data) == 1:
            return _Reading(items=(), follow=_numbers(features or data))
        return _Reading(items=((_JOINS["cat"], "join"),), follow=_numbers(features or data))

    def _read_arithmetic(self, step: Step, values: list[Step], data: list[Step]) -> _Reading:
        noise = [value for value in data if all(name.startswith("noise") for name in value.reads)]
        statistics = [value for value in data if value.statistic]
        rest = [value for value in data if value not in noise and value not in statistics]
        features = [value for value in rest if value.is_map or not step.is_map]
        vectors = [value for value in rest if value not in features]
        if step.statistic or not features:
            return _Reading(items=(), follow=_numbers((features or data)[:1]))
        follow = _numbers(features[:1])
        if noise:
            before = (("Demod", "modulation"),) if vectors else ()
            items: tuple[tuple[str, Role], ...] = (*before, ("noise", "noise"))
            return _Reading(items=items, follow=follow, styles=_numbers(vectors))
        if statistics and len(features) == 1:
            return _Reading(items=((self._norm(step, statistics[0]), "norm"),), follow=follow)
        if vectors and all(value.reads <= _STYLE_SOURCES for value in vectors):
            text = self._modulation(step, vectors)
            return _Reading(items=((text, "modulation"),), follow=follow, styles=_numbers(vectors))
        several = {value.number for value in features} | {value.number for value in vectors}
        if len(several) > 1:
            text = _JOINS.get("mul" if step.name == "addcmul" else step.name, step.name)
            return _Reading(items=((text, "join"),), follow=_numbers([*features, *vectors]))
        if len(values) > len(data):
            learned = [value for value in values if not value.reads]
            text = "bias" if step.name in ("add", "sub", "rsub") else "scale"
            text = f"{text} of each pixel" if any(value.is_map for value in learned) else text
            return _Reading(items=((text, "pointwise"),), follow=follow)
        return _Reading(items=(), follow=follow)

    def _modulation(self, step: Step, vectors: list[Step]) -> str:
        """Demodulation is known by the kernel that its factors were made from."""
        if any(owner in self._kernels for value in vectors for owner in value.through):
            return "Demod"
        if step.name == "addcmul":
            return "Style"
        return "Mod" if step.name in ("mul", "div") else "Style shift"

    def _norm(self, step: Step, statistic: Step) -> str:
        found = statistic
        while found.name not in REDUCTIONS:
            earlier = [self.steps[i] for i in found.inputs if self.steps[i].statistic]
            if not earlier:
                return "Norm"
            found = earlier[0]
        dims = found.options.get("dims", ())
        if dims == (1,):
            return "Pixel norm" if step.is_map else "Normalize"
        if dims == (2, 3):  # over a sample's own map: the words of StyleGAN2, Fig. 2
            return NORM_MEAN if step.name in ("sub", "rsub") else NORM_STD
        return "Norm"

    def _affines(self, styles: Iterable[int]) -> tuple[str, ...]:
        """The nearest layers behind the values that modulate."""
        found: dict[str, None] = {}
        wanted, seen = list(styles), set()
        while wanted:
            step = self.steps[wanted.pop(0)]
            if step.number in seen or not step.reads:
                continue
            seen.add(step.number)
            owner = step.holder
            if step.name in PRODUCTS and owner and owner not in self._kernels:
                found[owner] = None
            else:
                wanted += step.inputs
        return tuple(found)


def _numbers(values: Iterable[Step]) -> tuple[int, ...]:
    return tuple(value.number for value in values)


def consumers(items: Iterable[Item]) -> Mapping[int, tuple[int, ...]]:
    """For each item the items that read it."""
    found: dict[int, list[int]] = {}
    for item in items:
        for number in item.inputs:
            found.setdefault(number, []).append(item.number)
    return {number: tuple(readers) for number, readers in found.items()}
