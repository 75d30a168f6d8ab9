"""Checks of tasks: networks, and the stages of phases that train them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.data.batches import Batches
from ganzoo.recipe.settings import TrainingSettings
from ganzoo.registry.contracts import DatasetSite, SampleRequest, Stage
from ganzoo.registry.types import MapOf, SlotOf
from ganzoo.testing.case import tensor_of
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.sites import usual_site, variants
from ganzoo.testing.subject import Subject, usual
from ganzoo.training.clock import Clock
from ganzoo.training.loop import Loop, Start
from ganzoo.training.world import World

BATCH = 4


def has_networks(subject: Subject) -> None:
    """``networks`` are modules by name, ``averages`` names some, ``state`` is a module."""
    task = _made(subject)
    expect(
        bool(task.networks) and all(isinstance(n, nn.Module) for n in task.networks.values()),
        f"networks is {task.networks!r}, not a mapping of names to modules",
    )
    unknown = [name for name in task.averages if name not in task.networks]
    expect(not unknown, f"averages names {listed(unknown)}; networks: {listed(task.networks)}")
    expect(isinstance(task.state, nn.Module), f"state is a {type(task.state).__name__}, no module")


def stages_have_phases(subject: Subject) -> None:
    """Each stage has phases with names of their own that train known networks."""
    for task in _tasks(subject):
        stages = list(task.stages())
        expect(bool(stages), "it has no stages")
        for stage in stages:
            expect(isinstance(stage, Stage), f"it yields a {type(stage).__name__}, no Stage")
            names = [phase.name for phase in stage.phases]
            expect(bool(names), f"the stage {stage.name!r} has no phases")
            expect(len(set(names)) == len(names), f"two phases have one name: {listed(names)}")
            for phase in stage.phases:
                unknown = [name for name in phase.trains if name not in task.networks]
                expect(not unknown, f"the phase {phase.name!r} trains {listed(unknown)}: unknown")
                expect(phase.every >= 1, f"the phase {phase.name!r} has every={phase.every!r}")


def phases_change_only_what_they_train(subject: Subject) -> None:
    """One step of the loop: each phase moves all the networks that it trains, and no other."""
    for task in _tasks(subject):
        watcher = _Witness(task)
        _train_one_step(subject, task, watcher)
        for phase, changed in watcher.changed:
            silent = set(phase.trains) - changed
            expect(not silent, f"the phase {phase.name!r} trains {listed(silent)}, but moves none")
            extra = changed - set(phase.trains)
            expect(
                not extra,
                f"the phase {phase.name!r} changes the weights of {listed(sorted(extra))}, which it"
                " does not train",
            )


def training_is_deterministic(subject: Subject) -> None:
    """A step from the same weights, data and seed ends in the same weights; draws are seeded."""
    ends = []
    for seed in (1, 2):
        task = _made(subject)
        torch.manual_seed(seed)  # who draws from the global generator differs from here on
        _train_one_step(subject, task, _Witness(task))
        ends.append(_weights(task.networks))
    same = all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    expect(same, "the same step gives other weights when torch's global generator was elsewhere")


def samples_images(subject: Subject) -> None:
    """``sample`` gives [N, I, R, R], a function of seed and label alone, with every truncation."""
    task = _made(subject)
    site = usual_site(subject)
    label = torch.eye(site.label_width)[torch.tensor([0, 1, 1])]
    for changes in ({}, {"truncation": 0.5, "cutoff": 1}, {"noise": "none"}):
        request = SampleRequest(seeds=(7, 8, 9), label=label, **changes)
        first, second = (_sample(task, request) for _ in range(2))
        promised = [3, site.channels, *site.resolution]
        expect(
            list(first.shape) == promised,
            f"samples have the shape {list(first.shape)}; promised is {promised}",
        )
        expect(bool(torch.isfinite(first).all()), "a sample has numbers that are not finite")
        expect(torch.equal(first, second), "the same seeds give other samples")
        alone = _sample(task, SampleRequest(seeds=(8,), label=label[1:2], **changes))
        expect(
            torch.allclose(alone, first[1:2], atol=1e-5),
            "the sample of a seed depends on the seeds beside it",
        )
    expect(not torch.equal(first[1], first[2]), "two seeds give the same sample")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a task."""
    del subject
    return (
        has_networks,
        stages_have_phases,
        phases_change_only_what_they_train,
        training_is_deterministic,
        samples_images,
    )


class _Witness:
    """Notes after each phase which networks have other weights than before it."""

    def __init__(self, task: Any) -> None:
        self._task = task
        self._weights = _weights(task.networks)
        self.changed: list[tuple[Any, set[str]]] = []

    def before_stage(self, loop: Loop, stage: Stage, images: int) -> None:
        """Nothing to do."""

    def at_end(self, loop: Loop, clock: Clock) -> None:
        """Nothing to do."""

    def after_phase(self, loop: Loop, clock: Clock) -> None:
        """Compare with the weights after the phase before."""
        assert loop.stage is not None
        due = [phase for phase in loop.stage.phases if clock.step % phase.every == 0]
        now = _weights(self._task.networks)
        moved = {
            name.partition(":")[0]
            for name, value in now.items()
            if not torch.equal(value, self._weights[name])
        }
        self.changed.append((due[len(self.changed)], moved))
        self._weights = now

    def after_step(self, loop: Loop, clock: Clock) -> bool:
        """One step is enough."""
        return True


def _tasks(subject: Subject) -> Iterator[Any]:
    """The task in every variant; its regularizers as terms of main phases, then as lazy ones."""
    for given in variants(subject):
        yield _made(subject, **given)
    yield _made(subject, every=2)


def _made(subject: Subject, *, every: int = 1, **given: Any) -> Any:
    """The task with small networks, and in each mapping of slots every component of the kind."""
    fill = {}
    for parameter in subject.schema.parameters.values():
        if isinstance(parameter.type, MapOf) and isinstance(parameter.type.value, SlotOf):
            kind = parameter.type.value.kind
            fill[kind] = _with_usual_outputs(subject, kind)
    torch.manual_seed(0)
    return subject.factory(fill=fill, settings={"every": every}, **given)(usual_site(subject))


def _with_usual_outputs(subject: Subject, kind: str) -> tuple[str, ...]:
    """The companions, but for those that need more of a discriminator than the usual score."""
    found = subject.registry
    return tuple(
        name
        for name in subject.companions(kind)
        if not getattr(found.load(found.find(kind, name)), "reads_outputs", ())
    )


def _train_one_step(subject: Subject, task: Any, watcher: _Witness) -> None:
    site = usual_site(subject)
    data = subject.companion("dataset", usual("dataset"))(
        DatasetSite(resolution=site.resolution, channels=site.channels)
    )
    batches = Batches(data, seed=0, mirror=False)
    try:
        loop = Loop(
            task,
            TrainingSettings(images=BATCH, batch=BATCH),
            batches,
            device=torch.device("cpu"),
            world=World(),
            conditional=True,
            budget=BATCH,
        )
        loop.run(watcher, Start())
    finally:
        batches.close()


def _weights(networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    return {
        f"{network}:{name}": parameter.detach().clone()
        for network, module in networks.items()
        for name, parameter in module.named_parameters()
    }


def _sample(task: Any, request: SampleRequest) -> Tensor:
    with torch.no_grad():
        return tensor_of(task.sample(task.networks, request), "images [N, I, R, R]")
