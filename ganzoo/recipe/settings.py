"""The rooms of a recipe that are not components: how long, how fast, and what is observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ganzoo.registry.contracts import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerSettings:
    """Adam, with the published and uncorrected values (lazy phases correct them themselves)."""

    algorithm: Literal["adam"] = "adam"
    lr: float = 0.002
    betas: tuple[float, float] = (0.0, 0.99)
    eps: float = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class EmaSettings:
    """The average of the generator's weights.

    Args:
        half_life_images: images after which a weight counts half.
        ramp_up: None, or the half-life is at most this share of the images shown so far.
        decay_per_step: None, or a fixed factor a step instead of a half-life (ProGAN).
    """

    half_life_images: float = 10_000.0
    ramp_up: float | None = None
    decay_per_step: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How long and how fast.

    Args:
        images: real images shown to the discriminator in all.
        batch: of the whole machine park.
        micro_batch: samples a forward pass, or None: the batch; strided, so that
            minibatch-stddev groups are those of the whole batch.
        precision: as ``Precision``; weights, averages and checkpoints are float32 always.
        layout: of activations and kernels in memory; changes rounding and speed, nothing else.
        optimizer: as ``OptimizerSettings``.
        ema: as ``EmaSettings``.
        seed: of weights, order and draws.
    """

    images: int = 25_000_000
    batch: int = 32
    micro_batch: int | None = None
    precision: Precision = field(default_factory=Precision)
    layout: Literal["channels_last", "contiguous"] = "channels_last"
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    ema: EmaSettings = field(default_factory=EmaSettings)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSettings:
    """Which checkpoints stay: the ``keep`` newest."""

    keep: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """What is observed; cannot change a result, so it is not in the hash.

    Args:
        every_images: images between grids and checkpoints.
        every_minutes: minutes of wall clock after which a grid is due anyway.
        checkpoints: which stay.
    """

    every_images: int = 200_000
    every_minutes: float = 4.0
    checkpoints: CheckpointSettings = field(default_factory=CheckpointSettings)
