"""Tensors of growing generators and discriminators beside the variables of TensorFlow networks.

ProGAN and StyleGAN share nearly all of their names. Kernels are stored [k, k, in, out], dense
weights [in, out]. A fused upsampling convolution is a transposed one, so its kernel is mirrored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from ganzoo.errors import DataError
from ganzoo.interchange.stylegan2_names import as_tensor

_NAMED = 12  # tensors that an error names


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """The variable that holds one of our tensors.

    Args:
        name: in the file.
        turn: from the stored array to ours.
    """

    name: str
    turn: Callable[[np.ndarray], np.ndarray]


NameOf = Callable[[str], Variable | None]


def state_from_variables(
    network: nn.Module,
    variables: Mapping[str, np.ndarray],
    name_of: NameOf,
    unlearnt: tuple[str, ...] = ("lod", "synthesis/lod"),
) -> dict[str, Tensor]:
    """The state dict of one of our networks, float32, made of a network's variables.

    Args:
        network: ours; only names and shapes are read, so it may live on the meta device.
        variables: of the file.
        name_of: from one of our names to the variable that holds it; None: the file has no such
            tensor, and ours keeps zeros.
        unlearnt: variables that are no weights.

    Raises:
        DataError: names or shapes do not match; the text names them.
    """
    made: dict[str, Tensor] = {}
    missing, wrong, used = [], [], set(unlearnt)
    for ours, own in network.state_dict().items():
        variable = name_of(ours)
        if variable is None:
            made[ours] = as_tensor(np.zeros(tuple(own.shape), dtype=np.float32))
        elif variable.name not in variables:
            missing.append(variable.name)
        else:
            used.add(variable.name)
            found = as_tensor(variable.turn(variables[variable.name]))
            if found.shape != own.shape:
                shape = list(variables[variable.name].shape)
                wrong.append(f"{variable.name} is {shape}, which does not fit {list(own.shape)}")
            made[ours] = found
    unused = sorted(variables.keys() - used)
    problems = [*wrong[:_NAMED]]
    problems += [f"missing: {', '.join(missing[:_NAMED])}"] if missing else []
    problems += [f"unused: {', '.join(unused[:_NAMED])}"] if unused else []
    if problems:
        raise DataError(
            f"the variables do not fit the network that they seem to belong to:"
            f" {'; '.join(problems)}"
        )
    return made


def discriminator_variable(ours: str, top: int, down: str = "Conv1_down") -> Variable | None:
    """The variable of a discriminator's tensor; both generations have the same names.

    Args:
        top: number of halvings.
        down: name of the convolutions that halve.
    """
    if match := re.fullmatch(r"from_rgb\.(\d+)\.(weight|bias)", ours):
        return _layer(f"FromRGB_lod{top - int(match[1])}", match[2])
    if match := re.fullmatch(r"blocks\.(\d+)\.(conv|down)\.(weight|bias)", ours):
        side = 4 << (top - int(match[1]))
        return _layer(f"{side}x{side}/{'Conv0' if match[2] == 'conv' else down}", match[3])
    if match := re.fullmatch(r"head\.(conv|dense|out)\.(weight|bias)", ours):
        layer = {"conv": "Conv", "dense": "Dense0", "out": "Dense1"}[match[1]]
        return _layer(f"4x4/{layer}", match[2])
    return None


def image_variable(ours: str, top: int, prefix: str = "") -> Variable | None:
    """The variable of a to-RGB layer, None where the tensor is of none."""
    match = re.fullmatch(r"to_rgb\.(\d+)\.layer\.conv\.(weight|bias)", ours)
    return _layer(f"{prefix}ToRGB_lod{top - int(match[1])}", match[2]) if match else None


def layer_at(ours: str) -> tuple[int, str, str] | None:
    """Resolution, layer (``stem.finish``, ``stem.conv``, ``up``, ``refine``) and part of a name."""
    if match := re.fullmatch(r"stem\.(finish|conv)\.(.+)", ours):
        return 4, f"stem.{match[1]}", match[2]
    if match := re.fullmatch(r"blocks\.(\d+)\.(up|refine)\.(.+)", ours):
        return 8 << int(match[1]), match[2], match[3]
    return None


def kernel(array: np.ndarray) -> np.ndarray:
    """[k, k, in, out] as [out, in, k, k]."""
    return array.transpose(3, 2, 0, 1)


def mirrored(array: np.ndarray) -> np.ndarray:
    """[k, k, in, out] as [out, in, k, k], both spatial axes reversed."""
    return kernel(array[::-1, ::-1])


def transposed(array: np.ndarray) -> np.ndarray:
    """[in, out] as [out, in]."""
    return array.T


def as_it_is(array: np.ndarray) -> np.ndarray:
    """The array."""
    return array


def _layer(name: str, part: str) -> Variable:
    def turn(array: np.ndarray) -> np.ndarray:
        if part == "bias":
            return array
        return kernel(array) if array.ndim == 4 else transposed(array)

    return Variable(name=f"{name}/{part}", turn=turn)
