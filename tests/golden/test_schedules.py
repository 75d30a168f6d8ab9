"""schedules.npz: growing by images shown, and the fading of real images."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from archives import TOLERANCES, assert_agrees, cases, folder_of, load, number, sub

from ganzoo.nn.growing import enlarge, fade_real
from ganzoo.plugins.growth.progressive import ProgressiveGrowth
from ganzoo.registry.contracts import GrowthSite


def pytest_generate_tests(metafunc):
    path = folder_of(metafunc.config) / "schedules.npz"
    found = cases(path) if path.exists() else ()
    for fixture, wanted in (("schedule", False), ("fading", True)):
        if fixture in metafunc.fixturenames:
            chosen = [case for case in found if case.startswith("fade_reals") is wanted]
            metafunc.parametrize(fixture, chosen)


@pytest.fixture
def arrays(golden_dir):
    return load(golden_dir / "schedules.npz")


def test_the_schedule_agrees_with_the_published_one(arrays, schedule):
    case = sub(arrays, schedule)
    growth, top = growth_of(case)
    states = [growth.at(int(images)) for images in case["nimg"]]
    ours = {
        "lod": [top - state.level + 1 - state.fade for state in states],
        "resolution": [4 << state.level for state in states],
        "minibatch": [state.batch or number(case, "minibatch_base") for state in states],
        "lr": [state.lr_scale * (state.lr or number(case, "lr_base")) for state in states],
    }
    for name, values in ours.items():
        mine = torch.tensor(values, dtype=torch.float64)
        assert_agrees(mine, case[name].double(), TOLERANCES["schedule"], name)


def test_a_chapter_begins_where_the_published_optimizers_are_reset(arrays, schedule):
    case = sub(arrays, schedule)
    growth, _ = growth_of(case)
    chapters = [(s.level, s.fade < 1) for s in map(growth.at, map(int, case["nimg"]))]
    begins = [0, *(int(a != b) for a, b in pairwise(chapters))]
    assert begins == case["optimizer_reset"].tolist()


def test_reals_fade_as_the_published_ones(arrays, fading):
    case = sub(arrays, fading)
    lod = number(case, "lod")
    whole = int(lod)
    image = enlarge(fade_real(case["x"], 1 - (lod - whole)), whole)
    assert_agrees(image, case["y"], TOLERANCES["schedule"], "reals")


def growth_of(case):
    top = number(case, "top_resolution").bit_length() - 3
    growth = ProgressiveGrowth(
        GrowthSite(top=top),
        start=number(case, "initial_resolution"),
        hold_images=int(number(case, "hold_kimg") * 1000),
        fade_images=int(number(case, "fade_kimg") * 1000),
        batch={int(r): int(b) for r, b in case["minibatch_table"]},
        lr={int(r): float(lr) for r, lr in case["lr_table"]},
        lr_ramp_up_images=int(number(case, "lr_rampup_kimg") * 1000),
    )
    return growth, top
