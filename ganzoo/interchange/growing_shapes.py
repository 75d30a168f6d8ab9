"""From the variables of a ProGAN or StyleGAN network to the recipe that builds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ganzoo.errors import DataError
from ganzoo.interchange.tensorflow_network import TensorflowNetwork
from ganzoo.interchange.widths import channel_schedule

_EXPECTED = {
    "use_wscale": (True,),
    "use_pixelnorm": (True,),
    "use_leakyrelu": (True,),
    "normalize_latents": (True,),
    "nonlinearity": ("lrelu",),
    "mapping_nonlinearity": ("lrelu",),
    "use_instance_norm": (True,),
    "fmap_decay": (1, 1.0),
}
_STYLEGAN_B = {"use_instance_norm": (False,), "use_pixelnorm": (True,)}
_STYLEGAN_C_TO_F = {"use_pixelnorm": (False,), "use_instance_norm": (True,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Number of doublings, and widths by resolution."""

    top: int
    widths: dict[int, int]

    @property
    def resolution(self) -> int:
        """Side of the images."""
        return 4 << self.top


def refuse_growing(network: TensorflowNetwork | None) -> None:
    """Refuse a network in the middle of growing, None aside.

    Raises:
        DataError: its level of detail is not 0.
    """
    if network is None:
        return
    for name in ("lod", "synthesis/lod"):
        value = network.variables.get(name)
        if value is not None and float(value) != 0:
            raise DataError(
                f"the networks are still growing ({name} is {float(value):g}); expected 0, as in a"
                " file of the end of training"
            )


def generator_size(network: TensorflowNetwork, prefix: str) -> Size:
    """Doublings and widths of a generator whose variables begin with a prefix."""
    top = _top(network, rf"{prefix}ToRGB_lod(\d+)/weight")
    widths = {4: network.shape(f"{prefix}4x4/Conv/weight")[-1]}
    for side in (4 << k for k in range(1, top + 1)):
        widths[side] = network.shape(f"{prefix}{side}x{side}/Conv1/weight")[-1]
    return Size(top=top, widths=widths)


def _top(network: TensorflowNetwork, pattern: str) -> int:
    found = network.resolutions(pattern)
    if len(found) < 2 or found != list(range(len(found))):
        raise DataError(
            f"the network has images at the levels of detail {found}; expected 0, 1, 2 and so on,"
            " one for each resolution"
        )
    return found[-1]


def stylegan_slot(network: TensorflowNetwork, size: Size) -> tuple[dict[str, Any], int]:
    """The recipe of a StyleGAN generator, configurations B to F, and its number of classes.

    Raises:
        DataError: it is of a kind that no recipe describes.
    """
    variables = network.variables
    styles = any(name.endswith("/StyleMod/weight") for name in variables)
    network.refuse_unless({**_EXPECTED, **(_STYLEGAN_C_TO_F if styles else _STYLEGAN_B)})
    starts_constant = "synthesis/4x4/Const/const" in variables
    depth = len(network.resolutions(r"mapping/Dense(\d+)/weight"))
    label_width, latent_width = 0, 0
    mapping: dict[str, Any] = {"use": "ganzoo/identity"}
    if depth:
        latent_width, hidden = network.shape("mapping/Dense0/weight")
        width = network.shape(f"mapping/Dense{depth - 1}/weight")[1]
        lr_scale = float(network.arguments.get("mapping_lrmul", 0.01))
        mapping = {"use": "ganzoo/mlp", "depth": depth, "width": width, "lr_scale": lr_scale}
        mapping |= {"label": "matrix", "hidden": hidden if hidden != width else None}
    elif styles:
        latent_width = network.shape("synthesis/4x4/Conv/StyleMod/weight")[0]
    else:
        latent_width = network.shape("synthesis/4x4/Dense/weight")[0]
    if "mapping/LabelConcat/weight" in variables:
        label_width, embedded = network.shape("mapping/LabelConcat/weight")
        latent_width -= embedded
    stem: Any = {"use": "ganzoo/constant", "finished": True} if starts_constant else "ganzoo/dense"
    base, most = channel_schedule(size.widths, "generator", _channels(network))
    slot = {
        "use": "ganzoo/style-generator",
        "mapping": mapping,
        "stem": stem,
        "block": "ganzoo/original",
        "normalization": "ganzoo/adain" if styles else "ganzoo/pixel",
        "channels_base": base,
        "channels_max": most,
        "noise": any(name.endswith("/Noise/weight") for name in variables),
        "gain": "weight",
        "resample": [1, 1],
        "blur": _blur(network),
        "latent_width": latent_width,
        "w_mean_beta": float(network.arguments.get("dlatent_avg_beta", 0.995)),
    }
    return slot, label_width


def progan_slot(network: TensorflowNetwork, size: Size) -> tuple[dict[str, Any], int]:
    """The recipe of a ProGAN generator, and its number of classes.

    Raises:
        DataError: it is of a kind that no recipe describes.
    """
    network.refuse_unless(_EXPECTED)
    label_width = int(network.arguments.get("label_size") or 0)
    base, most = channel_schedule(size.widths, "generator", _channels(network))
    slot = {
        "use": "ganzoo/style-generator",
        "mapping": "ganzoo/identity",
        "stem": "ganzoo/dense",
        "block": "ganzoo/original",
        "normalization": "ganzoo/pixel",
        "channels_base": base,
        "channels_max": most,
        "noise": False,
        "gain": "weight",
        "resample": [1, 1],
        "latent_width": network.shape("4x4/Dense/weight")[0] - label_width,
    }
    return slot, label_width


def discriminator_slot(
    network: TensorflowNetwork, made: Size, stylegan: bool, label_width: int
) -> dict[str, Any]:
    """The recipe of a discriminator.

    Args:
        network: of the file.
        made: of the generator.
        stylegan: whether that is a StyleGAN; otherwise it is a ProGAN.
        label_width: number of classes that it sees.

    Raises:
        DataError: the two do not belong together, or no recipe describes this one.
    """
    expected = {key: _EXPECTED[key] for key in ("use_wscale", "nonlinearity", "fmap_decay")}
    network.refuse_unless(expected)
    top = _top(network, r"FromRGB_lod(\d+)/weight")
    if top != made.top:
        raise DataError(
            f"the generator makes images of {made.resolution} and the discriminator reads images"
            f" of {4 << top}; expected two networks that were trained together"
        )
    widths = {4: network.shape("8x8/Conv1_down/weight", "8x8/Conv1/weight")[-1]}
    for side in (4 << k for k in range(1, top + 1)):
        widths[side] = network.shape(f"{side}x{side}/Conv0/weight")[2]
    base, most = channel_schedule(widths, "discriminator", _channels(network))
    outputs = network.shape("4x4/Dense1/weight")[1]
    if outputs != (max(label_width, 1) if stylegan else 1 + label_width):
        raise DataError(
            f"the discriminator has {outputs} outputs, and the generator sees {label_width}"
            " classes; expected two networks that were trained together"
        )
    hidden = network.shape("4x4/Dense0/weight")[1]
    conditional = "one-hot" if stylegan else "auxiliary"
    block = {"use": "ganzoo/original", "pool": not fuses(network, "Conv1_down")}
    return {
        "use": "ganzoo/stack-discriminator",
        "block": block,
        "head": {
            "use": "ganzoo/minibatch-stddev",
            "group": int(network.arguments.get("mbstd_group_size", 4) or 0),
            "statistics": network.shape("4x4/Conv/weight")[2] - widths[4],
            "hidden": hidden if hidden != widths[4] else None,
            "label": conditional if label_width else "none",
        },
        "channels_base": base,
        "channels_max": most,
        "gain": "weight",
        "resample": [1, 1],
        **({"blur": _blur(network)} if stylegan else {}),
    }


def fuses(network: TensorflowNetwork, layer: str) -> bool:
    """Whether a network has layers of a name that fused convolutions alone have."""
    return any(name.endswith(f"/{layer}/weight") for name in network.variables)


def _blur(network: TensorflowNetwork) -> list[float] | None:
    taps = network.arguments.get("blur_filter", [1, 2, 1])
    if taps is None:
        return None
    return [float(tap) for tap in taps]


def _channels(network: TensorflowNetwork) -> tuple[int, int] | None:
    base = network.arguments.get("fmap_base")
    most = network.arguments.get("fmap_max", 512)
    return (2 * int(base), int(most)) if base is not None and most is not None else None
