"""Every loss_*.npz: each phase alone, its terms, logs, running means and gradients."""

from __future__ import annotations

import pytest
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

from ganzoo.interchange.stylegan2_names import (
    discriminator_entries,
    generator_entries,
    load_published,
)
from ganzoo.nn.running_mean import RunningMean


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        found = [
            (path, phase)
            for path in sorted(folder_of(metafunc.config).glob("loss_*.npz"))
            for phase in PUBLISHED_PHASES
        ]
        ids = [f"{path.stem}-{phase}" for path, phase in found]
        metafunc.parametrize(("path", "phase_name"), found, ids=ids)


def published_networks(path):
    """Both networks with the weights of the file's net_G and net_D companions."""
    made = []
    for letter, build in (("G", published_generator), ("D", published_discriminator)):
        file = path.with_name(path.name.replace("loss_", f"net_{letter}_"))
        if not file.exists():
            pytest.fail(f"{path.name} needs the weights of {file.name}, which is not beside it")
        arrays = load(file)
        network = build(numbers(arrays, "cfg")).double()
        load_published(network, sub(arrays, "sd"))
        made.append(network.train())
    return made


def test_a_phase_agrees_with_the_published_one(path, phase_name):
    arrays = load(path)
    published = PUBLISHED_PHASES[phase_name]
    given, expected = sub(arrays, f"in/{published}"), sub(arrays, f"out/{published}")
    generator, discriminator = published_networks(path)
    task = published_task(
        generator,
        discriminator,
        numbers(arrays, "hp"),
        path_every=int(arrays["in/Greg/gain"]),
        r1_every=int(arrays["in/Dreg/gain"]),
    )
    (stage,) = task.stages()
    (phase,) = [phase for phase in stage.phases if phase.name == phase_name]
    for name, network in task.networks.items():
        network.requires_grad_(name in phase.trains)
    moment = GivenMoment(task.networks, given, arrays["in/real_img"], arrays["in/real_c"])
    terms = phase.terms(moment)
    gain = phase.every if phase.lazy else 1
    assert gain == int(given["gain"])
    (gain * sum(term.mean() for term in terms.values())).backward()

    (loss,) = terms.values()
    assert_agrees(loss, expected["loss"].reshape(loss.shape), TOLERANCES["loss"], "loss")
    compare_logs(moment, expected)
    compare_means(task, expected)
    compare_gradients(task.networks[phase.trains[0]], phase.trains[0], expected)


def compare_logs(moment, expected):
    """Logits and penalties that the phase logged."""
    ours = {
        "pl_penalty": moment.seen.get("path_penalty"),
        "pl_lengths": moment.seen.get("path_length"),
        "r1_penalty": moment.seen.get("r1_penalty"),
        "real_logits": moment.scores[-1] if moment.scores else None,
        "fake_logits": moment.scores[0] if moment.scores else None,
    }
    compared = {name for name in ours if name in expected}
    assert compared, "the file has nothing that this phase logs"
    for name in compared:
        value = ours[name]
        assert value is not None, f"the phase did not compute {name}"
        assert_agrees(value, expected[name].reshape(value.shape), TOLERANCES["loss"], name)


def compare_means(task, expected):
    """The mean style and the mean path length after the phase."""
    for module in (*task.networks["generator"].modules(), *task.state.modules()):
        if isinstance(module, RunningMean):
            module.settle()
    if "w_avg_after" in expected:
        value = task.networks["generator"].w_mean.value
        assert_agrees(value, expected["w_avg_after"], TOLERANCES["loss"], "w_avg")
    if "pl_mean_after" in expected:
        value = task.regularizers["path"].mean.value
        assert_agrees(value, expected["pl_mean_after"], TOLERANCES["loss"], "pl_mean")


def compare_gradients(network, name, expected):
    """Every parameter's gradient, under its published name; none may be left out."""
    entries = generator_entries if name == "generator" else discriminator_entries
    parameters = dict(network.named_parameters())
    compared = set()
    for entry in entries(network):
        if entry.ours not in parameters:
            continue
        gradient = parameters[entry.ours].grad
        if gradient is None:
            gradient = torch.zeros_like(parameters[entry.ours])
        gradient = entry.turn(gradient)
        compared.add(entry.name)
        stored = expected[f"grad_stat/{entry.name}"]
        assert_stat_agrees(gradient, stored, TOLERANCES["gradient"], entry.name)
        if f"grad/{entry.name}" in expected:
            full = expected[f"grad/{entry.name}"]
            assert_agrees(gradient.reshape(full.shape), full, TOLERANCES["gradient"], entry.name)
    assert compared == set(sub(expected, "grad_stat"))
