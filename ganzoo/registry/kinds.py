"""The kinds of component: one row each, and one Protocol in ``registry.contracts``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganzoo.registry.types import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    Choice,
    Fixed,
    OneOf,
    Parameter,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A place in a recipe that components of one contract can fill.

    Args:
        name: the folder name, the recipe error's word and the heading of ``ganzoo list``.
        contract: the name of its Protocol in ``registry.contracts``.
        summary: what such a component is.
        version: of the contract; raised when the contract changes.
        settings: keys a recipe may write beside the component's own, read by whoever holds the
            slot (the weight of a regularizer, the resolution of the data).
    """

    name: str
    contract: str
    summary: str
    version: int = 1
    settings: tuple[Parameter, ...] = ()


_REGULARIZER = (
    Parameter(name="weight", type=FLOAT, default=1.0, minimum=0, doc="The paper's coefficient."),
    Parameter(
        name="every",
        type=INT,
        default=1,
        minimum=1,
        doc="Steps between visits; above 1 it is a lazy phase of its own (StyleGAN2, App. B).",
    ),
)
_DATASET = (
    Parameter(
        name="resolution",
        type=OneOf((INT, Fixed((INT, INT)), NONE)),
        default=None,
        doc="Side of the images, or [height, width]; none: from the data.",
    ),
    Parameter(
        name="channels",
        type=OneOf((INT, NONE)),
        default=None,
        minimum=1,
        doc="Image channels; none: from the data.",
    ),
    Parameter(
        name="labels",
        type=OneOf((Choice(("none", "class")), NONE)),
        default=None,
        doc="Whether networks see the class; none: they do where the data has classes.",
    ),
    Parameter(
        name="mirror",
        type=BOOL,
        default=False,
        doc="Flip each training image left to right with probability 1/2.",
    ),
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="task", contract="Task", summary="What is learnt: stages of phases."),
        Kind(name="network", contract="Network", summary="A whole network."),
        Kind(name="mapping", contract="LatentMapping", summary="From a latent to a style."),
        Kind(name="stem", contract="Stem", summary="The start of a generator, at the base grid."),
        Kind(
            name="generator_block",
            contract="GeneratorBlock",
            summary="One doubling of the synthesis stack.",
        ),
        Kind(
            name="discriminator_block",
            contract="DiscriminatorBlock",
            summary="One halving of the discriminator stack.",
        ),
        Kind(
            name="normalization",
            contract="StyledConv",
            summary="One convolution under the control of a style.",
        ),
        Kind(name="head", contract="Head", summary="The end of a discriminator: its logits."),
        Kind(name="loss", contract="Loss", summary="What generator and discriminator minimise."),
        Kind(
            name="regularizer",
            contract="Regularizer",
            summary="A penalty beside the loss, of one network.",
            settings=_REGULARIZER,
        ),
        Kind(
            name="growth",
            contract="Growth",
            summary="How networks grow with the images shown.",
        ),
        Kind(
            name="dataset",
            contract="Dataset",
            summary="Where the real images come from.",
            settings=_DATASET,
        ),
        Kind(
            name="feature_extractor",
            contract="FeatureExtractor",
            summary="From pictures to rows of numbers, for metrics.",
        ),
        Kind(
            name="metric",
            contract="Metric",
            summary="How good the samples of a run are, in numbers.",
        ),
    )
}

KIND_OF_CONTRACT: Mapping[str, str] = {kind.contract: kind.name for kind in KINDS.values()}
