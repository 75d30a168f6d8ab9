"""What fits a machine: a line, the search along it, and shares that train as their batch does."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from small_networks import discriminator, generator
from torch import nn

from ganzoo import training
from ganzoo.cli.fit import add_arguments, command_for, report
from ganzoo.cli.parser import CommandParser, add_global_options
from ganzoo.data.batches import Batches
from ganzoo.errors import BackendError, UsageError
from ganzoo.nn.noise import NoNoise
from ganzoo.ops.minibatch_stddev import minibatch_stddev
from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.loss.logistic import LogisticLoss
from ganzoo.plugins.regularizer.r1 import R1
from ganzoo.plugins.task.adversarial import AdversarialMoment, AdversarialTask
from ganzoo.recipe.load import load_recipe
from ganzoo.recipe.settings import EmaSettings, OptimizerSettings, TrainingSettings
from ganzoo.registry.contracts import Fake, TaskSite
from ganzoo.registry.discovery import discover
from ganzoo.training.fit.fitting import second_size
from ganzoo.training.fit.measurement import Facts, Measurement
from ganzoo.training.fit.outlook import disk, look
from ganzoo.training.fit.probe import LAST_LINES, explain
from ganzoo.training.fit.shares import (
    Line,
    keeps_groups,
    largest_batch,
    largest_share,
    line_through,
    share_sizes,
)
from ganzoo.training.fit.telling import chosen_share, fit_lines
from ganzoo.training.fit.words import bytes_words
from ganzoo.training.loop import Loop, Start
from ganzoo.training.memory import free_memory, is_out_of_memory, peak_memory, resident
from ganzoo.training.world import World

CPU = torch.device("cpu")
MIB = 2**20


# The line and the search


def test_a_line_goes_through_points_that_lie_on_one():
    line = line_through({1: 110.0, 2: 120.0, 4: 140.0})
    assert (line.fixed, line.each) == (pytest.approx(100), pytest.approx(10))


def test_no_measured_peak_lies_above_the_line():
    points = {1: 110.0, 2: 131.0, 4: 138.0, 8: 183.0}
    line = line_through(points)
    assert all(line.at(images) >= value - 1e-9 for images, value in points.items())
    assert any(line.at(images) == pytest.approx(value) for images, value in points.items())


def test_a_line_never_falls():
    assert line_through({1: 120.0, 4: 110.0}) == Line(fixed=120.0, each=0.0)


def test_a_line_needs_two_points():
    with pytest.raises(ValueError, match="two points"):
        line_through({4: 1.0})


def test_the_largest_batch_is_where_the_line_meets_the_memory():
    assert largest_batch(Line(fixed=100, each=10), 155) == 5
    assert largest_batch(Line(fixed=100, each=10), 105) == 0
    assert largest_batch(Line(fixed=100, each=0), 105) is None


def test_the_share_is_the_largest_divisor_that_fits_and_is_accepted():
    search = partial(largest_share, 24, accepts=lambda share: share % 4 == 0)
    assert search(fits=lambda share: share <= 11) == 8
    assert search(fits=lambda share: True) == 24
    assert search(fits=lambda share: True, at_most=23) == 12
    assert search(fits=lambda share: share < 4) is None


def test_share_sizes_are_those_that_the_loop_cuts():
    assert share_sizes(8, None) == {8}
    assert share_sizes(8, 4) == {4}
    assert share_sizes(8, 3) == {2, 3}


def cuts():
    """Batches, groups and shares that the head takes."""
    for batch, group, share in product((4, 8, 12), (0, 2, 4, 32), (1, 2, 4, 6, 12)):
        whole = batch % (group or batch) == 0 or group > batch
        part = share % (group or share) == 0 or group > share
        if whole and part and batch % share == 0:
            yield batch, group, share


@pytest.mark.parametrize(("batch", "group", "share"), list(cuts()))
def test_groups_are_kept_exactly_where_the_statistics_are(batch, group, share):
    x = torch.randn(batch, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole = minibatch_stddev(x, group)
    parts = batch // share
    cut = torch.empty_like(whole)
    for part in range(parts):
        cut[part::parts] = minibatch_stddev(x[part::parts], group)
    same = torch.allclose(whole, cut, rtol=1e-12, atol=0)  # the same sums in the same order
    assert keeps_groups(batch, share, group) == same


# Two rooms that know nothing of each other


@pytest.mark.parametrize(("room", "other"), [("fit", "bench"), ("bench", "fit")])
def test_measuring_what_fits_and_measuring_speed_import_nothing_of_each_other(room, other):
    files = sorted((Path(training.__file__).parent / room).glob("*.py"))
    assert len(files) > 1
    for path in files:
        assert f"ganzoo.training.{other}" not in path.read_text(encoding="utf-8"), path


# How a measuring process ended


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (-signal.SIGKILL, ""),
        (-signal.SIGABRT, "terminate called after throwing an instance of 'std::bad_alloc'"),
    ],
)
def test_a_process_that_got_no_more_memory_ran_out_of_it(code, said):
    measurement = Measurement(share=1)
    explain(code, said, measurement)
    assert measurement.ending == "out of memory"


@pytest.mark.parametrize(
    ("code", "how"),
    [
        (-signal.SIGSEGV, "signal 11"),
        (-signal.SIGABRT, "signal 6"),
        (-signal.SIGINT, "signal 2"),
        (1, "exit code 1"),
    ],
)
def test_a_process_that_broke_tells_how_with_its_last_lines(code, how):
    said = "\n".join(["no longer told", *(f"line {n}" for n in range(LAST_LINES))])
    measurement = Measurement(share=1)
    with pytest.raises(RuntimeError, match=rf"broke, with {how}:\nline 0\n") as caught:
        explain(code, said, measurement)
    assert str(caught.value).endswith(f"line {LAST_LINES - 1}")
    assert measurement.ending == "measured"


# What measurements tell


def facts(**changes):
    settings = {
        "recipe_hash": "0" * 12,
        "resolution": (16, 16),
        "channels": 3,
        "free": 1000 * MIB,
        "batch": 32,
        "batches": (32,),
        "grows": False,
        "phases": (("generator", 1), ("discriminator", 1), ("discriminator/r1", 16)),
        "groups": (4,),
        "accepted": (32, 16, 8, 4, 2, 1),
        "weights": 20 * MIB,
        "held": 0,
        "grid_bytes": MIB,
    }
    return Facts(**{**settings, **changes})


def measured(share, *, fixed=300, each=50, of=None, **changes):
    """As a process tells it: 0.1 s an image of each main phase, 0.3 s of R1."""
    measurement = Measurement(
        share=share,
        facts=of or facts(),
        started=250 * MIB,
        peak=(fixed + each * share) * MIB,
        checkpoint_bytes=12 * MIB,
        visits={
            "generator": [9.0, 0.1 * share],
            "discriminator": [9.0, 0.1 * share],
            "discriminator/r1": [9.0, 0.3 * share],
        },
        rests=[1.0, 0.02],
    )
    return replace(measurement, **changes)


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("ganzoo.recipes:quickstart.yaml", registry=discover()).recipe


def test_a_batch_that_fits_is_left_alone(recipe):
    outlook = look([measured(1, each=10), measured(2, each=10)], recipe)
    assert outlook.fits
    assert outlook.share == 32
    share, told = chosen_share(outlook, "quickstart", "cpu")
    assert share is None
    assert told.startswith("The batch of 32 fits the memory of cpu: a forecast of 620 MiB")


def test_a_batch_that_does_not_fit_is_cut_into_shares_that_do(recipe):
    outlook = look([measured(1), measured(2), measured(4)], recipe)
    assert outlook.allowed == 900 * MIB  # a tenth is kept back
    assert (outlook.fits, outlook.share) == (False, 8)  # 16 would take 1100
    assert outlook.batch_that_fits == 12
    share, told = chosen_share(outlook, "quickstart", "cpu")
    assert share == 8
    assert "training.micro_batch=8" in told


def test_what_shares_change_is_told(recipe):
    _, told = chosen_share(look([measured(1), measured(2), measured(4)], recipe), "toy", "cpu")
    assert "gradients stay those of the whole batch, but for draws" in told
    assert "path length (each share moves its mean in its own penalty" in told


def test_the_memory_that_is_named_takes_the_place_of_what_is_free(recipe):
    outlook = look([measured(1), measured(2)], recipe, memory=550 * MIB)
    assert (outlook.allowed, outlook.share) == (550 * MIB, 4)


def test_the_images_that_wait_for_their_share_are_counted(recipe):
    few, many = facts(), facts(held=10 * MIB)
    assert look([measured(1, of=few), measured(2, of=few)], recipe).share == 8
    assert look([measured(1, of=many), measured(2, of=many)], recipe).share == 4


def test_a_share_that_ran_out_of_memory_does_not_fit_whatever_the_line_says(recipe):
    ended = measured(8, peak=None, ending="out of memory", checkpoint_bytes=None)
    outlook = look([measured(1), measured(2), ended], recipe)
    assert outlook.share == 4
    assert "memory ran out" in fit_lines(outlook, recipe, "cpu")[0]


def test_a_share_that_would_change_the_groups_is_named_and_not_chosen(recipe):
    whole = facts(groups=(32,))
    outlook = look([measured(1, of=whole), measured(2, of=whole)], recipe)
    assert (outlook.share, outlook.inexact) == (None, 8)
    with pytest.raises(BackendError, match=r"compares 32 samples .* training\.batch=8"):
        chosen_share(outlook, "quickstart", "cpu")


def test_a_share_that_a_network_refuses_is_not_chosen(recipe):
    picky = facts(accepted=(32, 4), groups=())
    assert look([measured(1, of=picky), measured(2, of=picky)], recipe).share == 4


def test_groups_of_every_batch_of_a_growth_are_kept(recipe):
    # shares of 8 leave the last batch of 12 in shares of 6, which groups of 4 do not divide
    growing = facts(batches=(12, 32), grows=True)
    assert look([measured(1, of=growing), measured(2, of=growing)], recipe).share == 4


def test_where_not_one_image_fits_that_is_said(recipe):
    outlook = look([measured(1, fixed=2000), measured(2, fixed=2000)], recipe)
    assert (outlook.share, outlook.inexact) == (None, None)
    with pytest.raises(BackendError, match="not even one image at a time"):
        chosen_share(outlook, "quickstart", "cpu")


def test_a_recipe_with_shares_of_its_own_keeps_them_where_they_fit(recipe):
    cut = replace(recipe, training=replace(recipe.training, micro_batch=4))
    outlook = look([measured(1), measured(2)], cut)
    assert (outlook.present, outlook.share, outlook.fits) == (4, 4, True)


def test_nothing_is_chosen_where_nobody_knows_how_much_memory_there_is(recipe):
    unknown = facts(free=None)
    outlook = look([measured(1, of=unknown), measured(2, of=unknown)], recipe)
    with pytest.raises(UsageError, match="--memory 8GiB"):
        chosen_share(outlook, "quickstart", "cpu")


def test_lazy_phases_count_by_how_often_they_come(recipe):
    outlook = look([measured(1, each=10), measured(32, each=10)], recipe)
    step = 32 * (0.1 + 0.1 + 0.3 / 16) + 0.02
    assert outlook.timed
    assert outlook.seconds_per_thousand == pytest.approx(1000 * step / 32)


def test_a_cut_batch_takes_as_many_visits_as_it_has_shares(recipe):
    outlook = look([measured(1), measured(2), measured(8)], recipe)
    step = 4 * 8 * (0.1 + 0.1 + 0.3 / 16) + 0.02
    assert outlook.share == 8
    assert outlook.seconds_per_thousand == pytest.approx(1000 * step / 32)


def test_the_time_of_a_share_that_was_not_measured_is_a_forecast(recipe):
    outlook = look([measured(1, each=10), measured(2, each=10)], recipe)
    step = 32 * (0.1 + 0.1 + 0.3 / 16) + 0.02
    assert not outlook.timed
    assert outlook.seconds_per_thousand == pytest.approx(1000 * step / 32)
    assert any("a forecast, from smaller shares" in line for line in fit_lines(outlook, recipe, ""))


def test_a_growing_recipe_says_that_larger_images_take_longer(recipe):
    growing = facts(grows=True, batches=(32, 64))
    outlook = look([measured(1, of=growing), measured(2, of=growing)], recipe)
    told = " ".join(fit_lines(outlook, recipe, "cpu"))
    assert "larger images take longer" in told
    assert "Batches of up to 64" in told


def test_the_disk_holds_the_checkpoints_that_stay_and_one_that_is_written(recipe):
    outlook = look([measured(1, each=10), measured(2, each=10)], recipe)
    needed = disk(outlook, recipe, 56_000)
    minutes = outlook.seconds_per_thousand * 56 / 60
    assert needed.grids == 2 + max(56_000 // 8_000, int(minutes / recipe.watch.every_minutes))
    assert needed.total == 3 * 12 * MIB + needed.grids * MIB


def test_one_measurement_alone_gives_a_line_through_what_was_there_before(recipe):
    outlook = look([measured(2)], recipe)
    assert outlook.line == Line(fixed=250 * MIB, each=75 * MIB)  # 400 at 2, 250 at the start


def test_one_measurement_alone_states_no_slope(recipe):
    outlook = look([measured(2)], recipe)
    told = "\n".join(fit_lines(outlook, recipe, "cpu"))
    assert "Memory: 400 MiB with 2 images at a time" in told
    assert "one measurement cannot tell" in told
    assert "an image;" not in told
    assert "would fit at once" not in told


@pytest.mark.parametrize(("first", "second"), [(1, 2), (8, 4), (3, 2)])
def test_beside_a_single_size_another_that_the_networks_take_is_measured(recipe, first, second):
    assert second_size(look([measured(first)], recipe)) == second


def test_a_batch_of_one_has_no_second_size(recipe):
    alone = facts(batch=1, batches=(1,), accepted=(1,))
    assert second_size(look([measured(1, of=alone)], recipe)) is None


def test_where_no_share_fits_the_time_is_not_said_to_lack_a_measurement(recipe):
    outlook = look([measured(1, fixed=2000), measured(2, fixed=2000)], recipe)
    told = "\n".join(fit_lines(outlook, recipe, "cpu"))
    assert "Time: not known, because no share fits." in told
    assert "--seconds" not in told


def test_a_process_that_alone_takes_more_than_may_be_used_is_told_so(recipe):
    found = [measured(1, bare=200 * MIB), measured(2, bare=200 * MIB)]
    told = "\n".join(fit_lines(look(found, recipe, memory=100 * MIB), recipe, "cpu"))
    assert "Python and torch alone take 200 MiB, and 100 MiB may be used" in told
    assert "fewer channels" not in told


def test_what_torch_loads_with_the_first_step_is_told_where_it_alone_is_too_much(recipe):
    found = [measured(1, bare=200 * MIB), measured(2, bare=200 * MIB)]
    told = "\n".join(fit_lines(look(found, recipe, memory=250 * MIB), recipe, "cpu"))
    assert "Beside 20 MiB for the networks, 280 MiB are taken whatever the share" in told
    assert "fewer channels" not in told


def test_a_report_has_a_column_for_each_phase_and_the_command_that_trains_here(recipe):
    slow = measured(4, peak=None, ending="too slow", visits={"generator": [2.5]})
    outlook = look([measured(1), measured(2), slow], recipe)
    text = report(outlook, recipe, "cpu")
    assert re.search(r"^ *images +peak memory +generator .*discriminator/r1 \(1/16\)$", text, re.M)
    assert re.search(r"^ *2 +400 MiB +0.2 s +0.2 s +0.6 s$", text, re.M)
    assert re.search(r"^ *4 +too slow +2.5 s +- +-$", text, re.M)
    assert "With 4 images at a time, the time was up" in text
    args = parsed("quickstart", "training.seed=1", "--point", "0", "--device", "cpu")
    assert command_for(args, None, outlook) == (
        "ganzoo run quickstart training.seed=1 training.micro_batch=8 --point 0 --device cpu"
    )


def test_where_the_batch_fits_there_is_nothing_to_type(recipe):
    outlook = look([measured(1, each=10), measured(2, each=10)], recipe)
    assert command_for(parsed("quickstart"), None, outlook) is None


def parsed(*words):
    parser = CommandParser(prog="ganzoo fit")
    add_arguments(parser)
    add_global_options(parser)
    return parser.parse_intermixed_args(words)


def test_nothing_measured_tells_nothing(recipe):
    assert look([measured(1, peak=None, ending="too slow")], recipe) is None


def test_bytes_are_said_as_people_say_them():
    assert [bytes_words(n) for n in (12, 2048, 3.5 * MIB, 412 * MIB, 1536 * MIB)] == [
        "12 B",
        "2 KiB",
        "3.5 MiB",
        "412 MiB",
        "1.5 GiB",
    ]


# Memory of this machine


def test_the_peak_of_a_process_is_at_least_what_it_holds_now():
    held = resident()
    if held is None:
        pytest.skip("this system does not tell the resident set of a process")
    assert 0 < held <= peak_memory(CPU) * 1.01  # the kernel counts both with a little delay
    assert free_memory(CPU) > held


def test_running_out_of_memory_is_told_from_other_errors():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("sizes of tensors must match"))


# Shares train as the whole batch does


class Marked:
    """Sixteen random 16 x 16 images, each with a latent of its own."""

    resolution, channels, label_width, class_names = (16, 16), 3, 0, ()
    fingerprint = "0"

    def __init__(self):
        random = np.random.default_rng(0)
        self.images = random.integers(0, 256, (16, 3, 16, 16)).astype(np.uint8)
        self.latents = random.normal(size=(16, 5))

    def __len__(self):
        return 16

    def __getitem__(self, index):
        return {"image": self.images[index], "latent": self.latents[index]}

    def label(self, index):
        return None


class OwnLatents(AdversarialMoment):
    """Fakes of the latents that lie beside the real images, so that a cut changes no draw."""

    def __getitem__(self, name):
        value = super().__getitem__(name)
        return value.double() if name == "image" else value

    def fake(self, first=None):
        assert first is None
        if not self._fakes:
            network = self._task.networks["generator"]
            styles = network.styles(self["latent"], None)
            image = network.synthesize(styles, NoNoise())
            self._fakes[self.size] = Fake(image=image, styles=styles, label=None)
        return self._fakes[self.size]


class OwnLatentsTask(AdversarialTask):
    """An adversarial task with such moments."""

    def moment(self, share):
        return OwnLatents(self, share)


def factory(make, **settings):
    made = partial(make)
    made.settings = settings
    return made


def trained(micro_batch, group=4):
    """Every weight after two steps of batch 8, R1 in the first of them."""
    head = partial(MinibatchStddevHead, group=group)
    task = OwnLatentsTask(
        TaskSite(resolution=(16, 16), channels=3, label_width=0),
        generator=lambda site: generator(),
        discriminator=lambda site: discriminator(head=head),
        loss=factory(LogisticLoss),
        regularizers={"r1": factory(R1, weight=10.0, every=2)},
        style_mixing=0,
    )
    batches = Batches(Marked(), seed=0, mirror=False, labels=False)
    settings = TrainingSettings(
        images=16,
        batch=8,
        micro_batch=micro_batch,
        optimizer=OptimizerSettings(lr=0.01),
        ema=EmaSettings(),
    )
    loop = Loop(task, settings, batches, device=CPU, world=World(), conditional=False, budget=16)
    visits = []

    class Quiet:
        def before_stage(self, loop, stage, images):
            pass

        def after_phase(self, loop, clock):
            visits.append(clock.step)

        def after_step(self, loop, clock):
            return False

        def at_end(self, loop, clock):
            pass

    loop.run(Quiet(), Start())
    batches.close()
    assert visits == [0, 0, 0, 1, 1]
    return {name: flat(network) for name, network in task.networks.items()}


def flat(network: nn.Module):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.fixture(scope="module")
def uncut():
    return trained(None)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_shares_that_keep_the_groups_train_as_the_whole_batch_does(uncut, network):
    assert keeps_groups(8, 4, 4)
    cut = trained(4)[network]
    # float64: sums in another order, which Adam's 1 / (sqrt(v) + 1e-8) can enlarge by 1e8 at most
    assert torch.allclose(uncut[network], cut, rtol=0, atol=1e-7)
    assert (uncut[network] - cut).abs().median() < 1e-13


def test_shares_that_change_the_groups_train_otherwise(uncut):
    assert not keeps_groups(8, 2, 4)
    assert not torch.allclose(
        uncut["discriminator"], trained(2)["discriminator"], rtol=0, atol=1e-5
    )
