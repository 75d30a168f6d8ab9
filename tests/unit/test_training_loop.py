"""The loop on a small true task: shares, stages, lazy phases, and a loss that is not finite."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganzoo.data.batches import Batches
from ganzoo.errors import NonFinite
from ganzoo.nn.running_mean import RunningMean
from ganzoo.recipe.settings import EmaSettings, TrainingSettings
from ganzoo.registry.contracts import Pace, Phase, Stage
from ganzoo.training.loop import Loop, Start
from ganzoo.training.share import share_generator
from ganzoo.training.world import World

CPU = torch.device("cpu")


class Dots:
    """Sixteen 4x4 images, each of one grey."""

    resolution, channels, label_width, class_names = (4, 4), 1, 2, ("dark", "light")
    fingerprint = "0"

    def __len__(self):
        return 16

    def __getitem__(self, index):
        image = np.full((1, 4, 4), index * 16, dtype=np.uint8)
        return {"image": image, "label": self.label(index)}

    def label(self, index):
        return np.eye(2, dtype=np.float32)[index // 8]


class Regression:
    """One network that learns the mean grey; its lazy phase pulls the weights to zero."""

    averages = ("net",)

    def __init__(self, every=3, stages=None):
        torch.manual_seed(0)
        self.networks = {"net": nn.Linear(16, 1)}
        self.state = nn.ModuleDict({"mean": RunningMean((), beta=0.5)})
        self.visits = []
        self.draws = []
        self.every = every
        self.given = stages

    def stages(self):
        phases = (
            Phase(name="fit", trains=("net",), terms=self.fit),
            Phase(name="fit/decay", trains=("net",), terms=self.decay, every=self.every, lazy=True),
        )
        yield from self.given or [Stage(name="only", phases=phases)]

    def moment(self, share):
        return share

    def fit(self, share):
        self.visits.append(("fit", share.images, share.size))
        self.draws.append(torch.randn(1, generator=share.random).item())
        image = share["image"]
        error = self.networks["net"](image.flatten(1))[:, 0] - image.mean(dim=(1, 2, 3))
        self.state["mean"].observe(image.mean())
        share.observe("error", error)
        return {"square": error.square()}

    def decay(self, share):
        self.visits.append(("decay", share.images, share.size))
        return {"weights": self.networks["net"].weight.square().sum()[None]}

    def sample(self, networks, request):
        return torch.zeros(len(request.seeds), 1, 4, 4)


class Quiet:
    """A watcher that stops after some steps and keeps the optimizer's state then."""

    def __init__(self, steps=10**9):
        self.left, self.state = steps, None

    def before_stage(self, loop, stage, images):
        pass

    def after_phase(self, loop, clock):
        pass

    def at_end(self, loop, clock):
        pass

    def after_step(self, loop, clock):
        self.left -= 1
        if self.left == 0:
            self.state = loop.optimizers.state_dict()
        return self.left == 0


def made(task, *, budget=48, **settings):
    settings = {"images": budget, "batch": 8, "ema": EmaSettings(), **settings}
    batches = Batches(Dots(), seed=0, mirror=False)
    return Loop(
        task,
        TrainingSettings(**settings),
        batches,
        device=CPU,
        world=World(),
        conditional=False,
        budget=budget,
    )


def weights(task):
    return torch.cat([p.detach().flatten() for p in task.networks["net"].parameters()])


def test_lazy_phases_come_every_so_many_steps_from_the_first():
    task = Regression(every=3)
    made(task).run(Quiet(), Start())
    assert [images for name, images, _ in task.visits if name == "decay"] == [0, 24]
    assert [images for name, images, _ in task.visits if name == "fit"] == list(range(0, 48, 8))


def test_micro_batches_train_as_the_whole_batch_does():
    whole, parts = Regression(), Regression()
    made(whole).run(Quiet(), Start())
    made(parts, micro_batch=2).run(Quiet(), Start())
    assert {size for _, _, size in parts.visits} == {2}
    assert torch.allclose(weights(whole), weights(parts), atol=1e-6)
    assert torch.allclose(whole.state["mean"].value, parts.state["mean"].value, atol=1e-6)


def test_an_uneven_last_share_keeps_the_mean_of_the_batch():
    whole, parts = Regression(), Regression()
    made(whole).run(Quiet(), Start())
    made(parts, micro_batch=3).run(Quiet(), Start())
    assert torch.allclose(weights(whole), weights(parts), atol=1e-6)


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit():
    whole = Regression()
    made(whole).run(Quiet(), Start())
    first = Regression()
    watcher = Quiet(steps=2)
    made(first).run(watcher, Start())
    second = Regression()
    for name in ("networks", "state"):
        source, target = getattr(first, name), getattr(second, name)
        for key in source:
            target[key].load_state_dict(source[key].state_dict())
    start = Start(step=2, images=16, stage_images=16, optimizers=watcher.state)
    made(second).run(Quiet(), start)
    assert torch.equal(weights(whole), weights(second))
    assert torch.equal(whole.state["mean"].value, second.state["mean"].value)
    assert whole.draws == first.draws + second.draws


def test_stages_spend_their_own_budgets_one_after_the_other():
    task = Regression()
    phase = Phase(name="fit", trains=("net",), terms=task.fit)
    task.given = [
        Stage(name="first", phases=(phase,), images=16),
        Stage(name="second", phases=(phase,), images=8, pace=lambda images: Pace(batch=4)),
    ]
    made(task).run(Quiet(), Start())
    assert task.visits == [("fit", 0, 8), ("fit", 8, 8), ("fit", 16, 4), ("fit", 20, 4)]


class Growing(Regression):
    """A second network joins for the second stage, over the first one, frozen."""

    def __init__(self):
        super().__init__()
        self.averages = ("net", "later")

    def stages(self):
        first = Phase(name="fit", trains=("net",), terms=self.fit)
        yield Stage(name="first", phases=(first,), images=16)
        self.networks["net"].requires_grad_(False)
        self.networks["later"] = nn.Linear(16, 1)
        second = Phase(name="later", trains=("later",), terms=self.later)
        yield Stage(name="second", phases=(second,), images=16)

    def later(self, share):
        error = self.networks["later"](share["image"].flatten(1))[:, 0] - 1
        return {"square": error.square()}


def test_a_stage_may_add_networks_and_freeze_others():
    task = Growing()
    loop = made(task)
    first = []

    class Watch(Quiet):
        def before_stage(self, loop, stage, images):
            first.append((stage.name, images, weights(task).clone(), sorted(loop.averages)))

    loop.run(Watch(), Start())
    assert [(name, images, averages) for name, images, _, averages in first] == [
        ("first", 0, ["net"]),
        ("second", 16, ["later", "net"]),
    ]
    assert torch.equal(first[1][2], weights(task))
    assert not torch.equal(first[0][2], weights(task))


def test_a_run_resumes_in_a_later_stage_with_the_networks_of_that_stage():
    task = Growing()
    restored = []
    start = Start(
        stage=1, images=16, restore=lambda loop: restored.extend(sorted(loop.task.networks))
    )
    made(task).run(Quiet(), start)
    assert restored == ["later", "net"]
    assert task.visits == []


def test_a_loss_that_is_not_a_number_names_term_phase_and_step():
    task = Regression()
    loop = made(task)
    original = task.fit

    def fit(share):
        terms = original(share)
        return {"square": terms["square"] * (float("nan") if share.images >= 16 else 1)}

    task.fit = fit
    with pytest.raises(
        NonFinite, match=r"'square' of phase 'fit' became nan at step 2 \(16 images"
    ):
        loop.run(Quiet(), Start())


def test_draws_depend_on_the_place_in_training_alone():
    def draw(**changes):
        place = {"seed": 0, "images": 5, "phase": 1, "part": 0, "rank": 0, **changes}
        return torch.rand(1, generator=share_generator(CPU, **place)).item()

    assert draw() == draw()
    others = [draw(**{name: 9}) for name in ("seed", "images", "phase", "part", "rank")]
    assert len({draw(), *others}) == 6
