"""What each kind of component promises; Protocols, so a plugin needs no ancestor of ours.

Shapes: ``N`` batch, ``C`` channels, ``I`` image channels, ``R`` resolution (``[R, R]`` stands for
height x width, equal unless the base grid is not square), ``D`` style width, ``Z`` latent width,
``K`` label width, ``L`` number of styles. Images are float, [-1, 1], NCHW. Torch appears in
annotations only. One file, long as it is: a person who writes a component reads it from top to
bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

T_co = TypeVar("T_co", covariant=True)


class Factory(Protocol[T_co]):
    """A component chosen by the recipe, its parameters bound, waiting for its site.

    ``settings`` holds the keys that belong to the slot, not to the component: ``weight`` and
    ``every`` of a regularizer.
    """

    component: str
    settings: Mapping[str, Any]

    def __call__(self, *site: Any) -> T_co:
        """Construct the component at this site."""
        ...


# Layers and noise: what every site hands on


class SplitConv(Protocol):
    """A convolution in two halves, so that noise can go between them."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    scale: float

    def linear(self, x: Tensor, scale: float | Tensor | None = None) -> Tensor:
        """Convolve (and resample); ``scale`` replaces the equalized factor on the weight."""
        ...

    def finish(
        self,
        x: Tensor,
        *,
        factors: Tensor | None = None,
        noise: Tensor | None = None,
        strength: Tensor | None = None,
    ) -> Tensor:
        """Factors [N, C], noise map times strength, bias, activation, gain, clamp."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """Both halves."""
        ...


class Layers(Protocol):
    """The kit that answers one question the same way for a whole network.

    Args:
        gain: where the sqrt(2) of an activation goes: behind it, or onto the weights before it.
    """

    gain: Literal["activation", "weight"]

    def conv(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        up: int = 1,
        down: int = 1,
        activation: str = "lrelu",
        bias: bool = True,
    ) -> SplitConv:
        """Return an equalized convolution; kernel 0 is the layer without its convolution."""
        ...

    def dense(
        self,
        in_features: int,
        out_features: int,
        activation: str = "lrelu",
        lr_scale: float = 1.0,
        bias_init: float = 0.0,
    ) -> Callable[[Tensor], Tensor]:
        """Return an equalized fully connected layer."""
        ...

    def upsample(self, image: Tensor) -> Tensor:
        """[N, I, R, R] -> [N, I, 2R, 2R]."""
        ...

    def downsample(self, image: Tensor) -> Tensor:
        """[N, I, R, R] -> [N, I, R/2, R/2]."""
        ...


class Noise(Protocol):
    """Noise is an object, not a mode: drawn fresh, fixed, none, or given."""

    def map(self, index: int, like: Tensor) -> Tensor | None:
        """The map of layer ``index`` for features ``like`` [N, C, R, R]: [N or 1, 1, R, R]."""
        ...


# Sites: everything decided elsewhere, before the star


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvSite:
    """Where a normalization works: one convolution of a generator.

    Args:
        kernel: side of the kernel; 0 is the layer without its convolution.
        noise: index of this layer's noise map in construction order, or None.
        is_output: a to-RGB layer: linear, without noise, nothing normalized.
    """

    in_channels: int
    out_channels: int
    kernel: int
    up: int = 1
    style_width: int
    noise: int | None
    is_output: bool = False
    layers: Layers


class StyledConv(Protocol):
    """Kind ``normalization``: one convolution under the control of a style.

    Where normalization happens inside is the component's whole identity.
    """

    reads_style: bool

    def __init__(self, site: ConvSite) -> None: ...

    def __call__(self, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        """[N, Cin, R, R], [N, D] -> [N, Cout, R*up, R*up]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSite:
    """Where a mapping stands; a latent width of 0 means that it maps the label alone."""

    latent_width: int
    label_width: int
    layers: Layers


class LatentMapping(Protocol):
    """Kind ``mapping``: latent and label to one style."""

    width: int

    def __init__(self, site: MappingSite) -> None: ...

    def __call__(self, z: Tensor | None, label: Tensor | None) -> Tensor:
        """[N, Z], [N, K] -> [N, D]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StemSite:
    """Where a stem stands: the base grid of a generator."""

    out_channels: int
    resolution: tuple[int, int]
    style_width: int
    styled_conv: Callable[..., StyledConv]
    layers: Layers


class Stem(Protocol):
    """Kind ``stem``: the base grid, its first convolution included.

    One that reads a style itself, not only through its styled convolutions, says
    ``reads_style = True``: a generator in which nothing reads the latent is refused.
    """

    num_styles: int

    def __init__(self, site: StemSite) -> None: ...

    def __call__(self, styles: Tensor, noise: Noise) -> Tensor:
        """[N, num_styles, D] -> [N, C, base]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSite:
    """Where a generator block stands.

    Args:
        resolution: height and width of its output.
        styled_conv: ``(in_channels, out_channels, kernel, up=1)``, bound to the normalization.
        to_rgb: ``(in_channels)``, callable as ``rgb(x, style)``.
    """

    in_channels: int
    out_channels: int
    resolution: tuple[int, int]
    styled_conv: Callable[..., StyledConv]
    to_rgb: Callable[[int], Callable[[Tensor, Tensor], Tensor]]
    layers: Layers


class GeneratorBlock(Protocol):
    """Kind ``generator_block``: one doubling, and what it does with the image so far.

    RGB stands on the low side: a block reads the image at its input resolution. A block that cannot
    be the last one of a growing network says why in a class attribute ``refuses_growth``, a
    sentence; so does a discriminator block that cannot be the first.
    """

    num_styles: int

    def __init__(self, site: GeneratorSite) -> None: ...

    def __call__(
        self, x: Tensor, image: Tensor | None, styles: Tensor, noise: Noise
    ) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R/2, R/2], [N, I, R/2, R/2], [N, num_styles, D] -> the same at R, with Cout."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorSite:
    """Where a discriminator block stands; ``resolution`` is that of its input."""

    in_channels: int
    out_channels: int
    resolution: tuple[int, int]
    from_rgb: Callable[[int], Callable[[Tensor], Tensor]]
    layers: Layers


class DiscriminatorBlock(Protocol):
    """Kind ``discriminator_block``: the mirror image of a generator block."""

    def __init__(self, site: DiscriminatorSite) -> None: ...

    def __call__(self, x: Tensor, image: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R, R], [N, I, R, R] -> the same at R/2, with Cout; None once nobody reads it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSite:
    """Where a head stands: the base grid of a discriminator."""

    in_channels: int
    base: tuple[int, int]
    label_width: int
    layers: Layers


class Head(Protocol):
    """Kind ``head``: features and label to logits.

    A head that gives more than a score names it all: ``gives = ("score", "classes")``. One that
    cannot take a batch of any size says so in ``check_batch(size)``, which raises ``BadValue``. A
    discriminator hands both on.
    """

    def __init__(self, site: HeadSite) -> None: ...

    def __call__(self, x: Tensor, label: Tensor | None) -> Tensor | Mapping[str, Tensor]:
        """[N, C, base], [N, K] -> [N], or such by name: ``score`` [N] and what else there is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """In which type the features of a network's largest resolutions are; weights are float32.

    A block there gets its features in the low type and runs under autocast; styles, images and
    noise stay what they are. It is fast where it hands features on in the type they came in, which
    takes a ``.to(x.dtype)`` behind arithmetic with float32 numbers that autocast leaves alone.

    Args:
        dtype: of these features; float16 wants a clamp in both networks, and a GPU.
        low_resolutions: how many of each network's largest resolutions are low; never the base
            grid (StyleGAN2-ADA: 4). A to-RGB inside a block, though it stands at the resolution
            below, runs as its block does; the images are summed in float32.
    """

    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    low_resolutions: int = 4

    @property
    def lowers(self) -> bool:
        """Whether anything is to run in less than float32."""
        return self.dtype != "float32" and self.low_resolutions > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSite:
    """Where a network stands.

    Args:
        resolution: height and width of the image; ``base`` times the same power of two.
        base: height and width of the smallest grid.
        channels: of the image.
        label_width: 0 where nothing is conditional.
        grows: whether every resolution needs a to-RGB or from-RGB of its own.
        precision: of its blocks.
    """

    resolution: tuple[int, int]
    base: tuple[int, int] = (4, 4)
    channels: int = 3
    label_width: int = 0
    grows: bool = False
    precision: Precision = Precision()


class Network(Protocol):
    """Kind ``network``: whatever its task calls.

    One that runs blocks in low precision keeps its site's ``precision`` as an attribute; any other
    is refused where a recipe asks for it.
    """

    def __init__(self, site: NetworkSite) -> None: ...


# Growing


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthSite:
    """What a growth is told of the networks: level k is an image of base x 2^k."""

    top: int
    base: tuple[int, int] = (4, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthState:
    """How far networks have grown.

    Args:
        level: doublings in use.
        fade: 0 .. 1, weight of the last doubling against the network of one level less.
        batch: samples a step; None: the recipe's.
        lr: learning rate; None: the recipe's.
        lr_scale: factor on either, as a warm-up has it.
    """

    level: int
    fade: float = 1.0
    batch: int | None = None
    lr: float | None = None
    lr_scale: float = 1.0


class Growth(Protocol):
    """Kind ``growth``: from images shown to size; a pure function, so it resumes by itself."""

    def __init__(self, site: GrowthSite) -> None: ...

    def at(self, images: int) -> GrowthState:
        """The state after ``images`` images; levels never fall."""
        ...


# Training: moments, phases, stages, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Fake:
    """Generated samples: image [n, I, R, R], the styles [n, L, D] consumed, the label [n, K]."""

    image: Tensor
    styles: Tensor
    label: Tensor | None


class Share(Protocol):
    """One share of a step's batch, as the loop hands it to a task.

    Args:
        images: shown before this step; growth is read from it.
        size: samples in this share.
        random: where every draw of this share comes from.
    """

    images: int
    size: int
    random: torch.Generator

    def __getitem__(self, name: str) -> Tensor | None:
        """A named field of the real samples, or None where the data has none."""
        ...

    def drawn_label(self, count: int) -> Tensor | None:
        """[count, K] labels of training samples drawn at random, or None."""
        ...

    def observe(self, name: str, value: Tensor) -> None:
        """Log the mean of a value."""
        ...

    def batch_mean(self, value: Tensor) -> Tensor:
        """Mean of ``value`` [n] over this share and every rank; differentiable."""
        ...


class Moment(Protocol):
    """A share with a task's answers: what a term of a loss may ask; tests supply a given one.

    Args:
        enlargement: how many times wider the full image is than the present one, 1 unless networks
            still grow. The published networks always take the full size, pixels repeated; the
            length of a gradient with respect to that is this many times smaller than with respect
            to the present image.
    """

    enlargement: int
    images: int
    size: int
    random: torch.Generator

    def __getitem__(self, name: str) -> Tensor | None:
        """A named field of the real samples."""
        ...

    def fake(self, first: int | None = None) -> Fake:
        """Generated samples of the first ``first`` latents (all); made once per moment."""
        ...

    def normal_like(self, x: Tensor) -> Tensor:
        """N(0, 1) of the shape of ``x``."""
        ...

    def uniform(self, count: int) -> Tensor:
        """[count] numbers, uniform in [0, 1)."""
        ...

    def score(self, image: Tensor, label: Tensor | None, parts: int = 1) -> Tensor:
        """[n] logits of the discriminator.

        ``parts`` batches of one size may stand one behind the other, where the discriminator has
        ``takes_parts``: they go through it as one, and their statistics stay apart.
        """
        ...

    def outputs(self, image: Tensor, label: Tensor | None, parts: int = 1) -> Mapping[str, Tensor]:
        """All that the discriminator says of images, by name; ``score`` [n] among it."""
        ...

    def observe(self, name: str, value: Tensor) -> None:
        """Log the mean of a value."""
        ...

    def batch_mean(self, value: Tensor) -> Tensor:
        """Mean of ``value`` [n] over this share and every rank; differentiable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One kind of step: whose weights move, how often, and the terms to minimise.

    Args:
        trains: network names; may be empty.
        terms: each [n] and weighted; averaged, then summed; an empty mapping is 0.
        every: steps between visits.
        lazy: a deferred part of another phase's loss: scaled by ``every``, and counted in the
            Adam correction (StyleGAN2, App. B).
    """

    name: str
    trains: tuple[str, ...]
    terms: Callable[[Any], Mapping[str, Tensor]]
    every: int = 1
    lazy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Batch size and learning rate (None: the recipe's), a factor on the latter, and a chapter.

    A new chapter, words that say what is new, forgets the moments of the optimizers.
    """

    batch: int | None = None
    lr: float | None = None
    lr_scale: float = 1.0
    chapter: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Phases that run together until a budget is spent.

    Args:
        images: this stage's own budget; None: the recipe's.
        pace: from images shown to the present pace; None: the recipe's batch, for good.
    """

    name: str
    phases: tuple[Phase, ...]
    images: int | None = None
    pace: Callable[[int], Pace] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSite:
    """What a task is told of the data, as ``NetworkSite``, and of training (None: not known).

    Args:
        images: the budget.
        batch: samples a step, where no pace says another.
        micro_batch: samples a share at most; None: the batch.
        precision: for its networks.
    """

    resolution: tuple[int, int]
    channels: int
    label_width: int
    images: int | None = None
    batch: int | None = None
    micro_batch: int | None = None
    precision: Precision = Precision()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """Which samples to draw: by seeds, by latents, or by styles; the first that is given counts.

    Args:
        styles: [N, L, D], taken as they are, untruncated.
        latents: [N, Z].
        seeds: one a sample; its latent is the first draw of a generator seeded with it.
        label: [N, K] or None.
        truncation: psi; 1 is off.
        cutoff: number of first layers that are truncated; None: all.
        noise: the network's fixed maps, fresh ones, none, or a map a layer in construction order:
            [H, W], [N or 1, 1, H, W], or None.
        images: shown in training so far, which says how far networks have grown; None: all.
    """

    seeds: tuple[int, ...] = ()
    latents: Tensor | None = None
    styles: Tensor | None = None
    label: Tensor | None = None
    truncation: float = 1.0
    cutoff: int | None = None
    noise: Literal["fixed", "fresh", "none"] | Sequence[Tensor | None] = "fixed"
    images: int | None = None


class Task(Protocol):
    """Kind ``task``: networks, and the stages that train them."""

    networks: Mapping[str, nn.Module]
    averages: tuple[str, ...]
    state: nn.Module  # running means and the like: checkpointed, not trained by an optimizer

    def __init__(self, site: TaskSite) -> None: ...

    def stages(self) -> Iterator[Stage]:
        """The stages in their order; may add or freeze networks between them."""
        ...

    def moment(self, share: Share) -> Any:
        """What this task's terms are given for a share."""
        ...

    def sample(self, networks: Mapping[str, nn.Module], request: SampleRequest) -> Tensor:
        """[N, I, R, R] made by ``networks``, the averaged ones where they exist."""
        ...


class Loss(Protocol):
    """Kind ``loss``: logits in, per-sample values out; no weight, no mean.

    One whose generator stops learning where the discriminator is sure says ``saturates = True``.
    """

    compares_pairs: bool

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] -> [N]; ``real`` is given where ``compares_pairs``."""
        ...

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N], [N] -> [N]."""
        ...


class Regularizer(Protocol):
    """Kind ``regularizer``: a penalty scaled so that ``weight`` is the paper's coefficient.

    One that reads more of the discriminator than its score names it: ``reads_outputs =
    ("classes",)``. One of the discriminator holds the fakes fixed.
    """

    trains: str

    def __call__(self, moment: Moment) -> Tensor:
        """[n] penalties, n <= N."""
        ...


# Data

Sample = Mapping[str, "np.ndarray[Any, Any]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSite:
    """What a data set is told: the path the user gave, and what the recipe fixes.

    Args:
        path: file or folder, or None.
        resolution: (height, width) asked for, or None: the data decides.
        channels: asked for, or None: the data decides.
        base: the base grid that a resolution chosen by the data must be a multiple of.
    """

    path: Path | None = None
    resolution: tuple[int, int] | None = None
    channels: int | None = None
    base: tuple[int, int] = (4, 4)


class Dataset(Protocol):
    """Kind ``dataset``: named fields by index.

    ``fingerprint`` is a hex digest of the content, ``class_names`` one name for each of the
    ``label_width`` classes.
    """

    resolution: tuple[int, int]
    channels: int
    label_width: int
    class_names: tuple[str, ...]
    fingerprint: str

    def __init__(self, site: DatasetSite) -> None: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample:
        """``image`` uint8 [I, R, R] always, ``label`` float32 [K] where there are classes."""
        ...

    def label(self, index: int) -> np.ndarray[Any, Any] | None:
        """float32 [K] without reading the picture, or None."""
        ...


# Evaluation


class FeatureExtractor(Protocol):
    """Kind ``feature_extractor``: pictures to rows of numbers; owns its resize and its scaling.

    Args:
        name: of what computes the features, for people.
        version: changes whenever the same picture gives other features; parameters are part of it.
    """

    name: str
    version: str

    def __init__(self, site: None) -> None: ...

    def __call__(self, pictures: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] of any size -> float [N, F], on the same device."""
        ...


class Metric(Protocol):
    """Kind ``metric``: a mergeable stream of pictures that ends in numbers.

    Args:
        needs: the fields of a batch that it reads; ``update`` may be given any of them alone.
        protocol: one line on what the numbers are; numbers of two protocols do not compare.
        lower_is_better: of its numbers.
    """

    needs: tuple[Literal["real", "fake"], ...]
    protocol: str
    lower_is_better: bool

    def __init__(self, site: None) -> None: ...

    def update(self, batch: Mapping[str, Tensor]) -> None:
        """Take in pictures, uint8 [N, 3, H, W] under ``real`` or ``fake``."""
        ...

    def merge(self, other: Any) -> None:
        """Take in what another of the same component and parameters has taken in."""
        ...

    def compute(self) -> Mapping[str, float]:
        """The numbers by name; asking changes nothing.

        Raises:
            DataError: there have been too few pictures.
        """
        ...
