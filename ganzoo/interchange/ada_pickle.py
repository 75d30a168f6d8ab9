"""The pickles of StyleGAN2-ADA and StyleGAN3 for PyTorch, as far as they hold StyleGAN2 networks.

A dict with ``G``, ``D`` and ``G_ema``, each a module that pickled itself. Block-wise float16 is an
affair of speed and is left out: everything here runs in the type that its user chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.errors import DataError
from ganzoo.interchange.imported import Imported
from ganzoo.interchange.persistent_modules import PickledModule, is_module, read_module
from ganzoo.interchange.stylegan2_plan import Found, plan_stylegan2
from ganzoo.interchange.stylegan2_shapes import Unsaid

LAYOUT = "StyleGAN2 pickle of StyleGAN2-ADA or StyleGAN3 (PyTorch)"
KEYS = ("G", "D", "G_ema")


def holds_modules(value: Any) -> bool:
    """Whether this is such a file."""
    return isinstance(value, Mapping) and any(is_module(value.get(key)) for key in KEYS)


def read_ada_pickle(value: Mapping[str, Any]) -> Imported:
    """Understand such a file.

    Raises:
        DataError: its networks are not of StyleGAN2, or of a kind that no recipe describes.
    """
    modules = {key: read_module(value[key], key) for key in KEYS if value.get(key) is not None}
    generators = {key: module for key, module in modules.items() if key != "D"}
    for key, module in generators.items():
        _refuse_alias_free(key, module)
    discriminator = modules.get("D")
    found = {key: _generator(key, module) for key, module in generators.items()}
    return plan_stylegan2(
        LAYOUT,
        generator=found.get("G"),
        average=found.get("G_ema"),
        discriminator=None if discriminator is None else _discriminator(discriminator),
    )


def _refuse_alias_free(key: str, module: PickledModule) -> None:
    if any(name.startswith("synthesis.input.") for name in module.tensors):
        raise DataError(
            f"{key} is an alias-free generator of StyleGAN3 (configuration T or R), not one of"
            " StyleGAN2. ganzoo has no such network; expected a file trained with --cfg=stylegan2"
        )


def _generator(key: str, module: PickledModule) -> Found:
    _refuse_others(key, module, "synthesis.b4.const")
    return Found(
        tensors=module.tensors,
        unsaid=Unsaid(
            clamp=_clamp(module, "synthesis.b4.conv1", ("synthesis_kwargs", "conv_clamp")),
            lr_scale=_lr_scale(module),
            w_mean_beta=float(module.attribute("mapping", "w_avg_beta") or 0.995),
            channels=_channels(module, "synthesis_kwargs"),
        ),
    )


def _discriminator(module: PickledModule) -> Found:
    _refuse_others("D", module, "b8.conv0.weight")
    return Found(
        tensors=module.tensors,
        unsaid=Unsaid(
            clamp=_clamp(module, "b8.conv0", ("conv_clamp",)),
            lr_scale=_lr_scale(module),
            group=_group(module),
            channels=_channels(module, ""),
        ),
    )


def _refuse_others(key: str, module: PickledModule, mark: str) -> None:
    if mark not in module.tensors:
        raise DataError(
            f"{key} is a module of the class {module.class_name!r} without the tensor {mark};"
            " expected a network of StyleGAN2"
        )
    for path, attributes in module.attributes.items():
        activation = attributes.get("activation")
        if activation not in (None, "lrelu", "linear"):
            raise DataError(
                f"{key}.{path} has the activation {activation!r}; ganzoo's StyleGAN2 networks know"
                " 'lrelu', as published"
            )


def _clamp(module: PickledModule, layer: str, argument: tuple[str, ...]) -> float | None:
    """The layers know their clamp; a file without that attribute has it in its arguments."""
    found = module.attribute(layer, "conv_clamp")
    if found is None:
        found = module.argument(*argument, default=module.argument("conv_clamp"))
    return None if found is None else float(found)


def _lr_scale(module: PickledModule) -> float:
    """A dense layer's factor on the bias is its learning rate's."""
    found = module.attribute("mapping.fc0", "bias_gain")
    if found is None:
        found = module.argument("mapping_kwargs", "lr_multiplier", default=0.01)
    return float(found)


def _group(module: PickledModule) -> int:
    """None, which is the whole batch, is 0 here; 4 is the default of the published code."""
    found = module.attribute(
        "b4.mbstd",
        "group_size",
        module.argument("epilogue_kwargs", "mbstd_group_size", default=4),
    )
    return 0 if found is None else int(found)


def _channels(module: PickledModule, room: str) -> tuple[int, int] | None:
    base, most = (
        module.argument(*(name for name in (room, key) if name), default=module.argument(key))
        for key in ("channel_base", "channel_max")
    )
    return (int(base), int(most)) if isinstance(base, int) and isinstance(most, int) else None
