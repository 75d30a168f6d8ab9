"""Where the kit puts a component of each kind when any place will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.errors import RecipeError
from ganzoo.registry.contracts import (
    ConvSite,
    DatasetSite,
    DiscriminatorSite,
    GeneratorSite,
    GrowthSite,
    HeadSite,
    MappingSite,
    NetworkSite,
    StemSite,
    TaskSite,
)
from ganzoo.registry.types import Value
from ganzoo.testing.pictures import picture_folder
from ganzoo.testing.subject import Subject
from ganzoo.testing.surroundings import IMAGE_CHANNELS, STYLE_WIDTH, Surroundings


def variants(subject: Subject) -> list[Mapping[str, Value]]:
    """Parameters to try: the defaults, and each choice that the component does not refuse."""
    site = usual_site(subject)
    return [{}, *(given for given in subject.variants()[1:] if not _refused(subject, site, given))]


def usual_site(subject: Subject) -> Any:
    """A site of the subject's kind; None for kinds that are told nothing."""
    around = Surroundings(subject)
    layers = around.layers
    kind = subject.component.kind
    if kind == "normalization":
        return ConvSite(
            in_channels=5,
            out_channels=3,
            kernel=3,
            style_width=STYLE_WIDTH,
            noise=0,
            layers=layers,
        )
    if kind == "stem":
        return StemSite(
            out_channels=5,
            resolution=(4, 4),
            style_width=STYLE_WIDTH,
            styled_conv=around.styled_conv,
            layers=layers,
        )
    if kind == "generator_block":
        return GeneratorSite(
            in_channels=5,
            out_channels=3,
            resolution=(8, 8),
            styled_conv=around.styled_conv,
            to_rgb=around.to_rgb,
            layers=layers,
        )
    if kind == "discriminator_block":
        return DiscriminatorSite(
            in_channels=3,
            out_channels=5,
            resolution=(8, 8),
            from_rgb=around.from_rgb,
            layers=layers,
        )
    if kind == "mapping":
        return MappingSite(latent_width=5, label_width=0, layers=layers)
    if kind == "head":
        return HeadSite(in_channels=6, base=(4, 4), label_width=0, layers=layers)
    if kind == "network":
        return NetworkSite(resolution=(8, 8), channels=IMAGE_CHANNELS)
    if kind == "task":
        return TaskSite(resolution=(8, 8), channels=IMAGE_CHANNELS, label_width=3)
    if kind == "growth":
        return GrowthSite(top=3)
    if kind == "dataset":
        return DatasetSite(path=subject.path or picture_folder())
    return None


def _refused(subject: Subject, site: Any, given: Mapping[str, Value]) -> bool:
    try:
        subject.factory(**given)(site)
    except RecipeError:
        return True
    return False
