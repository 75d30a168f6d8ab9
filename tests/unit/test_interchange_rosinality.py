"""Synthetic checkpoints in the rosinality layout: in, out, and in again."""

from __future__ import annotations

import json
import re
import shutil
from argparse import Namespace

import numpy as np
import pytest
import torch
from fixtures.foreign_files import (
    bring_in,
    golden,
    rosinality_discriminator,
    rosinality_generator,
    write_ada,
)

import ganzoo
from ganzoo.assembly.weights import read_weights
from ganzoo.cli.main import main
from ganzoo.interchange.imported import Imported
from ganzoo.interchange.recognise import KNOWN


@pytest.fixture(scope="module")
def networks():
    return golden("net_G_skip_resnet"), golden("net_D_skip_resnet")


@pytest.fixture(scope="module")
def square(networks):
    """Networks whose latent is as wide as their style, as that code has them."""
    sd = dict(networks[0]["sd"])
    width = sd["mapping.w_avg"].shape[0]
    draw = np.random.RandomState(5).randn(width, width).astype(np.float32)
    return {**sd, "mapping.fc0.weight": draw}, networks[1]["sd"]


def write(path, g, d=None, **more):
    content = {"g_ema": rosinality_generator(g), **more}
    if d is not None:
        content |= {"g": rosinality_generator(g), "d": rosinality_discriminator(d)}
    torch.save(content, path)
    return path


@pytest.fixture(scope="module")
def imported(networks, tmp_path_factory):
    g, d = networks
    mean = torch.from_numpy(g["sd"]["mapping.w_avg"])
    file = tmp_path_factory.mktemp("rosinality") / "550000.pt"
    args = Namespace(size=32, mixing=0.9, arch="stylegan2")
    return bring_in(write(file, g["sd"], d["sd"], latent_avg=mean, args=args, ada_aug_p=0.0))


def close(actual, expected):
    expected = torch.from_numpy(expected)
    assert (actual - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_the_image_is_that_of_the_published_implementation(networks, imported):
    g = networks[0]
    close(ganzoo.load(imported).sample(latents=torch.from_numpy(g["in"]["z"])), g["out"]["img"])


def test_the_scores_of_the_discriminator_are_the_published_ones(networks, imported):
    d = networks[1]
    discriminator = ganzoo.load(imported).networks["discriminator"]
    images = torch.from_numpy(d["in"]["img"])[: int(d["in"]["first"])]
    close(discriminator(images)[:, None], d["out"]["logits_first"])


def test_the_mean_style_comes_from_the_file(networks, imported):
    value = read_weights(imported).averages["generator"]["w_mean.value"]
    assert torch.equal(value, torch.from_numpy(networks[0]["sd"]["mapping.w_avg"]))


def test_without_a_mean_style_one_is_made_and_said(networks, tmp_path, capsys):
    folder = bring_in(write(tmp_path / "a.pt", networks[0]["sd"]))
    assert "The file has no mean style (latent_avg)" in capsys.readouterr().err
    run = ganzoo.load(folder)
    generator = run.networks["generator"]
    z = torch.randn(4096, 12, generator=torch.Generator().manual_seed(0))
    expected = generator.mapping(z, None).mean(dim=0)
    assert torch.allclose(generator.w_mean.value, expected, atol=1e-6)


def test_layers_of_a_mapping_that_do_not_fit_are_told(networks, tmp_path, capsys):
    state = rosinality_generator(networks[0]["sd"])
    torch.save({"g_ema": {**state, "style.3.weight": torch.zeros(2, 2)}}, tmp_path / "a.pt")
    words = ("--out", str(tmp_path / "w"), "--licence", "none")
    assert main(["import", str(tmp_path / "a.pt"), *words]) == 5
    told = capsys.readouterr().err
    assert "a.pt: the layers of the mapping (style.1 and so on) do not follow one another" in told


def test_without_fixed_noise_some_is_drawn_and_said(networks, tmp_path, capsys):
    state = rosinality_generator(networks[0]["sd"])
    kept = {name: value for name, value in state.items() if not name.startswith("noises.")}
    torch.save({"g_ema": kept, "latent_avg": torch.zeros(16)}, tmp_path / "old.pt")
    run = ganzoo.load(bring_in(tmp_path / "old.pt"))
    assert "The file has no fixed noise maps" in capsys.readouterr().err
    assert run.networks["generator"].get_buffer("noise6").std() == pytest.approx(1, abs=0.1)


def test_the_layout_that_a_docstring_quotes_is_one_that_there_is():
    assert re.findall(r'layout: .*``"(.*)"``', Imported.__doc__)[0] in KNOWN


def test_a_state_dict_alone_is_taken_for_the_average(networks, tmp_path):
    file = tmp_path / "alone.pt"
    state = rosinality_generator(networks[0]["sd"])
    torch.save({f"module.{name}": value for name, value in state.items()}, file)
    folder = bring_in(file)
    assert set(read_weights(folder).averages) == {"generator"}
    z = torch.from_numpy(networks[0]["in"]["z"])
    close(ganzoo.load(folder).sample(latents=z), networks[0]["out"]["img"])


def export(folder, out, *words):
    return main(["export", str(folder), "--format", "rosinality", "--out", str(out), *words])


def test_importing_an_export_gives_the_same_tensors(square, tmp_path):
    mean = torch.arange(16, dtype=torch.float32)
    first = bring_in(write(tmp_path / "a.pt", *square, latent_avg=mean))
    assert export(first, tmp_path / "b.pt") == 0
    second = bring_in(tmp_path / "b.pt")
    one, two = read_weights(first), read_weights(second)
    for room in ("networks", "averages"):
        states = getattr(one, room), getattr(two, room)
        assert states[0].keys() == states[1].keys()
        for name in states[0]:
            assert states[0][name].keys() == states[1][name].keys()
            for tensor, value in states[0][name].items():
                assert torch.equal(value, states[1][name][tensor]), tensor


def test_an_export_holds_every_tensor_of_that_layout(square, tmp_path):
    folder = bring_in(write(tmp_path / "a.pt", *square, latent_avg=torch.zeros(16)))
    assert export(folder, tmp_path / "b.pt") == 0
    before = torch.load(tmp_path / "a.pt", weights_only=True)
    after = torch.load(tmp_path / "b.pt", weights_only=True)
    assert after.keys() == before.keys() == {"g_ema", "g", "d", "latent_avg"}
    for key in ("g_ema", "g", "d"):
        assert after[key].keys() == before[key].keys()
        for name, value in before[key].items():
            assert torch.equal(after[key][name], value), name


def test_what_the_layout_cannot_hold_is_refused_with_all_reasons(tmp_path, capsys):
    g, d = golden("net_G_resnet_skip"), golden("net_D_resnet_skip")
    folder = bring_in(write_ada(tmp_path / "a.pkl", G_ema=g["sd"], D=d["sd"]))
    capsys.readouterr()
    assert export(folder, tmp_path / "b.pt") == 5
    told = capsys.readouterr().err
    assert "has the block ganzoo/residual, not ganzoo/skip" in told
    assert "has discriminator blocks ganzoo/skip" in told
    assert "has a head of another shape" in told
    assert "--format folder holds every network" in told
    assert not (tmp_path / "b.pt").exists()


def test_labels_are_refused(tmp_path, capsys):
    g = golden("net_G_skip_resnet_cond")
    folder = bring_in(write_ada(tmp_path / "a.pkl", G_ema=g["sd"]))
    assert export(folder, tmp_path / "b.pt") == 5
    assert "This one sees 3 classes" in capsys.readouterr().err


def test_a_clamp_is_dropped_with_a_word(square, tmp_path, capsys):
    arguments = {"G_ema": {"conv_clamp": 256}}
    folder = bring_in(write_ada(tmp_path / "a.pkl", arguments=arguments, G_ema=square[0]))
    assert export(folder, tmp_path / "b.pt") == 0
    assert "The clamp of the generator (256) is not in this layout." in capsys.readouterr().err


def test_an_export_overwrites_nothing(imported, tmp_path, capsys):
    (tmp_path / "b.pt").write_text("mine")
    assert export(imported, tmp_path / "b.pt") == 5
    assert "nothing is overwritten" in capsys.readouterr().err
    assert (tmp_path / "b.pt").read_text() == "mine"


def test_a_licence_that_a_checkpoint_cannot_hold_is_refused(imported, tmp_path, capsys):
    assert export(imported, tmp_path / "b.pt", "--licence", "MIT") == 2
    told = capsys.readouterr().err
    assert "--licence with --format rosinality: a .pt file has no place for a licence" in told
    assert not (tmp_path / "b.pt").exists()


def test_a_folder_exported_from_an_import_says_where_it_came_from(networks, tmp_path):
    file = tmp_path / "alone.pt"
    torch.save(rosinality_generator(networks[0]["sd"]), file)
    first, second = bring_in(file), tmp_path / "copy"
    assert main(["export", str(first), "--out", str(second)]) == 0
    before, after = (json.loads((f / "origin.json").read_text()) for f in (first, second))
    assert before["notes"]
    assert before["classes"]
    assert after == before
    assert after["missing"] == ["networks/generator", "networks/discriminator"]


def test_an_export_misses_what_is_not_stored(imported, tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(imported, folder)
    (folder / "networks" / "generator.safetensors").unlink()
    assert main(["export", str(folder), "--out", str(tmp_path / "copy")]) == 0
    origin = json.loads((tmp_path / "copy" / "origin.json").read_text())
    assert origin["missing"] == ["networks/generator"]


def test_a_folder_exported_from_an_import_keeps_its_licence(imported, tmp_path):
    assert main(["export", str(imported), "--out", str(tmp_path / "copy")]) == 0
    origin = json.loads((tmp_path / "copy" / "origin.json").read_text())
    assert origin["licence"] == "synthetic"
    images = [ganzoo.load(path).sample(seeds=[1, 2]) for path in (imported, tmp_path / "copy")]
    assert torch.equal(*images)
