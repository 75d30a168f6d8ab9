"""One forward pass of a network, watched: how it is called, and who is to blame where it fails."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.assembly.build import Supplied, supplier_of
from ganzoo.assembly.pretended import Pretence
from ganzoo.assembly.tracing import Trace, Tracer
from ganzoo.errors import BadValue, ContractError
from ganzoo.registry.contracts import TaskSite

# Four samples tell the batch from ones that broadcast; a head may want a batch of its own.
BATCHES = (4, 3, 5, 8, 1)


def trace_of(network: nn.Module, site: TaskSite, pretence: Pretence) -> Trace | None:
    """One pass, with the first batch that the network takes; None where nobody can call it.

    A generator is called by ``styles(z, label)`` and ``synthesize(w, noise)``, any other network
    with an image and a label.

    Args:
        network: its tensors moved by ``pretence``.
        site: of its task: the size of images, and labels.

    Raises:
        BadValue: the network takes no batch of these sizes.
        ContractError: a component raised a ``TypeError``; the text names it.
    """
    if not _can_be_called(network):
        return None
    refusal: ValueError | None = None
    for batch in BATCHES:
        try:
            return _pass(network, site, batch, pretence)
        except TypeError as error:
            raise ContractError(_told(error, network)) from error
        except ValueError as error:
            refusal = refusal or error
    assert refusal is not None
    supplied = supplier_of(network)
    raise BadValue(str(refusal), path=supplied.path if supplied else None) from refusal


def _makes_images(network: nn.Module) -> bool:
    return all(hasattr(network, name) for name in ("styles", "synthesize", "latent_width"))


def _can_be_called(network: Any) -> bool:
    if _makes_images(network):
        return _takes_two(network.styles) and _takes_two(network.synthesize)
    return type(network).forward is not nn.Module.forward and _takes_two(network.forward)


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        signature(function).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # compiled: it does not tell its parameters, so calling it has to
        return True
    return True


def _told(error: TypeError, network: nn.Module) -> str:
    """Which component raised it: the innermost around the last module whose code was running."""
    paths = {module: path for path, module in network.named_modules()}
    innermost = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module):
            innermost = paths.get(module, innermost)
    supplied = _supplier_around(network, innermost)
    who = f"{supplied.path}: {supplied.component.name}" if supplied else type(network).__name__
    place = f" at {innermost}" if innermost else ""
    return (
        f"{who} cannot be run{place}: {str(error).splitlines()[0]}\n  Expected a forward pass as"
        " the contract of its kind has it; --traceback says where it failed."
    )


def _supplier_around(network: nn.Module, path: str) -> Supplied | None:
    supplied = supplier_of(network.get_submodule(path))
    if supplied is not None or not path:
        return supplied
    return _supplier_around(network, path.rpartition(".")[0])


def _pass(network: Any, site: TaskSite, batch: int, pretence: Pretence) -> Trace:
    tracer = Tracer(network, batch, pretence)

    def given(name: str, *shape: int) -> Tensor:
        made = pretence.of(torch.empty(batch, *shape, device="meta"))
        return tracer.give(name, made)

    label = given("label", site.label_width) if site.label_width else None
    outputs = {}
    if _makes_images(network):
        z = given("z", network.latent_width)
        with tracer.watching():
            styles = network.styles(z, label)
            outputs["w"] = tracer.number_of(styles)
            image = network.synthesize(tracer.give("w", styles), _Maps(tracer))
        outputs["image"] = tracer.number_of(image)
    else:
        image = given("image", site.channels, *site.resolution)
        with tracer.watching():
            result = network(image, label)
        named = result if isinstance(result, Mapping) else {"score": result}
        outputs = {name: tracer.number_of(value) for name, value in named.items()}
    return Trace(steps=tuple(tracer.steps), outputs=outputs, returned=tracer.returned)


class _Maps:
    """Noise of a form that the tracer knows by the number of its layer."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer

    def map(self, index: int, like: Tensor) -> Tensor:
        """[N, 1, H, W], for the layer of this number."""
        made = torch.empty(like.shape[0], 1, *like.shape[2:], dtype=like.dtype)
        return self.tracer.give(f"noise{index}", made)
