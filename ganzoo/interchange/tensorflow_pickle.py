"""The TensorFlow pickles of ProGAN, StyleGAN, StyleGAN2 and StyleGAN2-ADA.

A tuple of generator, discriminator and averaged generator, or one network alone, which is then
taken for the averaged one where it is a generator.
"""

from __future__ import annotations

from typing import Any

from ganzoo.errors import DataError
from ganzoo.interchange.growing_plan import is_discriminator, is_generator, plan_growing
from ganzoo.interchange.imported import Imported
from ganzoo.interchange.stylegan2_plan import Found, plan_stylegan2
from ganzoo.interchange.stylegan2_shapes import Unsaid
from ganzoo.interchange.tensorflow_names import official_arrays
from ganzoo.interchange.tensorflow_network import TensorflowNetwork, is_network, read_network

LAYOUT = "TensorFlow pickle of ProGAN, StyleGAN or StyleGAN2"

_ROLES = ("G", "D", "Gs")
_EXPECTED = {
    "nonlinearity": ("lrelu",),
    "act": ("lrelu",),
    "mapping_nonlinearity": ("lrelu",),
    "normalize_latents": (True,),
    "fmap_decay": (1, 1.0),
    "resample_kernel": ([1, 3, 3, 1], (1, 3, 3, 1)),
}


def holds_networks(value: Any) -> bool:
    """Whether this is such a file."""
    if isinstance(value, (list, tuple)):
        return any(is_network(item) for item in value)
    return is_network(value)


def read_tensorflow(value: Any) -> Imported:
    """Understand such a file.

    Raises:
        DataError: its networks are none of the three, or of a kind that no recipe describes.
    """
    generator, discriminator, average = _roles(value)
    shown = average or generator or discriminator
    if shown is None:
        raise DataError(f"this {LAYOUT} holds no network")
    if is_generator(shown) or (shown is discriminator and is_discriminator(shown)):
        return plan_growing(
            LAYOUT, generator=generator, average=average, discriminator=discriminator
        )
    made, mean = (None if n is None else _generator(n) for n in (generator, average))
    return plan_stylegan2(
        LAYOUT,
        generator=made,
        average=mean,
        discriminator=None if discriminator is None else _discriminator(discriminator),
    )


def _roles(value: Any) -> tuple[TensorflowNetwork | None, ...]:
    """Generator, discriminator and average; None: not there."""
    if not isinstance(value, (list, tuple)):
        alone = read_network(value, "the network")
        judges = is_discriminator(alone) or "Output/weight" in alone.variables
        return (None, alone, None) if judges else (None, None, alone)
    if len(value) != len(_ROLES):
        raise DataError(
            f"this {LAYOUT} holds {len(value)} networks; expected (G, D, Gs), or one network"
        )
    networks = zip(_ROLES, value)
    return tuple(None if item is None else read_network(item, role) for role, item in networks)


def _generator(network: TensorflowNetwork) -> Found:
    network.refuse_unless(_EXPECTED)
    if "synthesis/4x4/Conv/mod_weight" not in network.variables:
        names = ", ".join(list(network.variables)[:8])
        raise DataError(
            f"the generator has the variables {names}, ...; expected those of ProGAN"
            " (4x4/Dense/weight), StyleGAN (synthesis/4x4/Const/bias) or StyleGAN2"
            " (synthesis/4x4/Conv/mod_weight)"
        )
    sides = network.resolutions(r"synthesis/(\d+)x\1/Conv1/weight")
    return Found(
        tensors=official_arrays(network.variables, max(sides, default=4), generator=True),
        unsaid=_unsaid(network, "synthesis/ToRGB_lod0/weight"),
    )


def _discriminator(network: TensorflowNetwork) -> Found:
    network.refuse_unless(_EXPECTED)
    sides = network.resolutions(r"(\d+)x\1/Conv0/weight")
    return Found(
        tensors=official_arrays(network.variables, max(sides, default=4), generator=False),
        unsaid=_unsaid(network, "FromRGB_lod0/weight"),
    )


def _unsaid(network: TensorflowNetwork, growing: str) -> Unsaid:
    values = network.arguments
    grows = growing in network.variables
    for name in ("lod", "synthesis/lod"):
        lod = network.variables.get(name)
        if grows and lod is not None and float(lod) != 0:
            raise DataError(
                f"the networks are still growing ({name} is {float(lod):g}); expected 0, as in a"
                " file of the end of training"
            )
    clamp = values.get("conv_clamp")
    base, most = values.get("fmap_base"), values.get("fmap_max", 512)
    return Unsaid(
        clamp=None if clamp is None else float(clamp),
        lr_scale=float(values.get("mapping_lrmul", 0.01)),
        w_mean_beta=float(values.get("dlatent_avg_beta", 0.995)),
        group=int(values.get("mbstd_group_size", 4) or 0),
        channels=None if base is None or most is None else (2 * int(base), int(most)),
        grows=grows,
    )
