"""Every trajectory_*.npz: whole training steps through our loop, against the published ones."""

from __future__ import annotations

from dataclasses import replace

import torch
from archives import (
    TOLERANCES,
    assert_agrees,
    assert_stat_agrees,
    folder_of,
    load,
    numbers,
    sub,
)
from given_moment import PUBLISHED_PHASES, GivenMoment
from published_networks import published_discriminator, published_generator
from published_task import published_task

from ganzoo.assembly.average import average_factor
from ganzoo.interchange.stylegan2_names import (
    discriminator_entries,
    generator_entries,
    load_published,
)
from ganzoo.recipe.settings import EmaSettings, OptimizerSettings, TrainingSettings
from ganzoo.training.loop import Loop, Start
from ganzoo.training.world import World

LOGS = {
    "loss_G": ("generator", "generator_loss"),
    "pl_penalty": ("generator/path", "path_penalty"),
    "pl_mean": ("generator/path", "path_mean"),
    "loss_D": ("discriminator", "discriminator_loss"),
    "score_fake": ("discriminator", "score_fake"),
    "score_real": ("discriminator", "score_real"),
    "sign_real": ("discriminator", "sign_real"),
    "r1_penalty": ("discriminator/r1", "r1_penalty"),
}


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        found = sorted(folder_of(metafunc.config).glob("trajectory_*.npz"))
        metafunc.parametrize("path", found, ids=[path.stem for path in found])


class StoredBatches:
    """Real images by position, as a data loader gives them; the moments bring the float ones."""

    def __init__(self, arrays, batch):
        self.arrays, self.size = arrays, batch

    def batch(self, position, count, rank=0, world=1):
        image = self.arrays[f"in/it{position // self.size}/real_img"]
        return {"image": torch.zeros(image.shape, dtype=torch.uint8).numpy()}


class StoredTask:
    """The published task, whose moments take their draws from the file."""

    averages = ("generator",)

    def __init__(self, task, arrays, batch):
        self.task, self.arrays, self.batch = task, arrays, batch
        self.networks, self.state = task.networks, task.state
        self.logs: dict[tuple[str, str], list[torch.Tensor]] = {}

    def stages(self):
        for stage in self.task.stages():
            phases = tuple(replace(phase, terms=self.stored(phase)) for phase in stage.phases)
            yield replace(stage, phases=phases)

    def moment(self, share):
        return share

    def stored(self, phase):
        def terms(share):
            step = share.images // self.batch
            place = f"in/it{step}"
            moment = GivenMoment(
                self.networks,
                sub(self.arrays, f"{place}/{PUBLISHED_PHASES[phase.name]}"),
                self.arrays[f"{place}/real_img"],
                self.arrays[f"{place}/real_c"],
                share.images,
            )
            found = phase.terms(moment)
            for name, value in moment.seen.items():
                self.logs.setdefault((phase.name, name), []).append(value.mean())
            return found

        return terms


class Factors:
    """A watcher that notes the factor of the average at every step."""

    def __init__(self, settings):
        self.settings, self.factors = settings, []

    def before_stage(self, loop, stage, images):
        pass

    def after_phase(self, loop, clock):
        pass

    def at_end(self, loop, clock):
        pass

    def after_step(self, loop, clock):
        self.factors.append(
            average_factor(self.settings, batch=clock.pace.batch, images=clock.images)
        )
        return False


def test_training_steps_agree_with_the_published_ones(path):
    arrays = load(path)
    cfg, hyper = numbers(arrays, "cfg"), numbers(arrays, "hp")
    generator = published_generator(cfg).double()
    discriminator = published_discriminator({**cfg, "architecture": cfg["architecture_D"]}).double()
    load_published(generator, sub(arrays, "sd_G"))
    load_published(discriminator, sub(arrays, "sd_D"))
    task = published_task(
        generator.train(),
        discriminator.train(),
        hyper,
        path_every=int(hyper["G_reg_interval"]),
        r1_every=int(hyper["D_reg_interval"]),
    )
    batch = int(hyper["batch"])
    stored = StoredTask(task, arrays, batch)
    ema = EmaSettings(half_life_images=hyper["ema_kimg"] * 1000, ramp_up=hyper.get("ema_rampup"))
    budget = batch * int(hyper["iterations"])
    settings = TrainingSettings(
        images=budget,
        batch=batch,
        optimizer=OptimizerSettings(
            lr=hyper["lr"], betas=(hyper["beta1"], hyper["beta2"]), eps=hyper["eps"]
        ),
        ema=ema,
    )
    loop = Loop(
        stored,
        settings,
        StoredBatches(arrays, batch),
        device=torch.device("cpu"),
        world=World(),
        conditional=False,
        budget=budget,
    )
    watcher = Factors(ema)
    loop.run(watcher, Start())

    average = loop.averages["generator"].network
    for network, tag, entries in (
        (generator, "G", generator_entries),
        (discriminator, "D", discriminator_entries),
        (average, "G_ema", generator_entries),
    ):
        compare_parameters(network, entries(network), sub(arrays, f"out/{tag}"))
    assert_agrees(generator.w_mean.value, arrays["out/G/w_avg"], TOLERANCES["trajectory"], "w_avg")
    assert_agrees(
        average.w_mean.value, arrays["out/G_ema/w_avg"], TOLERANCES["trajectory"], "w_avg of EMA"
    )
    compare_logs(stored.logs, sub(arrays, "out/log"), watcher.factors)
    with torch.no_grad():
        label = arrays["in/eval/c"] if arrays["in/eval/c"].shape[1] else None
        image = average.synthesize(
            average.styles(arrays["in/eval/z"], label), average.fixed_noise()
        )
    assert_agrees(image, arrays["out/eval_img_G_ema"], TOLERANCES["trajectory"], "eval image")


def compare_parameters(network, entries, expected):
    """Final parameters: [sum, L2] of all, small ones in full."""
    parameters = dict(network.named_parameters())
    compared = set()
    for entry in entries:
        if entry.ours not in parameters:
            continue
        value = entry.turn(parameters[entry.ours].detach())
        compared.add(entry.name)
        tolerance = TOLERANCES["trajectory"]
        assert_stat_agrees(value, expected[f"stat/{entry.name}"], tolerance, entry.name)
        if f"full/{entry.name}" in expected:
            full = expected[f"full/{entry.name}"]
            assert_agrees(value.reshape(full.shape), full, tolerance, entry.name)
    assert compared == set(sub(expected, "stat"))


def compare_logs(ours, expected, factors):
    """One value for each time a phase ran."""
    for name, values in expected.items():
        if name == "ema_beta":
            mine = torch.tensor(factors, dtype=torch.float64)
        else:
            assert name in LOGS, f"out/log/{name} is no log that this test knows"
            mine = torch.stack(ours[LOGS[name]])
        assert_agrees(mine, values, TOLERANCES["trajectory"], name)
