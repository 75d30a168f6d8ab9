"""Synthetic pickles of StyleGAN2-ADA and StyleGAN3, filled with golden weights, and back again."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from fixtures.foreign_files import bring_in, golden, write_ada

import ganzoo
from ganzoo.assembly.weights import read_weights
from ganzoo.cli.main import main

PAIRS = {
    "skip_resnet": ("skip_resnet", {}),
    "orig_orig": ("orig_orig", {}),
    "resnet_skip": ("resnet_skip", {"conv_clamp": 1.5}),
    "skip_resnet_cond": ("skip_resnet_cond", {}),
}


def attributes_of(g, clamp):
    """What modules of such a pickle know, as far as their function depends on it."""
    layers = {
        name.rpartition(".")[0]: {"conv_clamp": clamp, "activation": "lrelu"}
        for name in g["sd"]
        if name.endswith(".noise_strength")
    }
    return {"mapping": {"w_avg_beta": 0.998}, "mapping.fc0": {"bias_gain": 0.01}, **layers}


@pytest.fixture(scope="module", params=PAIRS)
def imported(request, tmp_path_factory):
    name, options = PAIRS[request.param]
    g, d = golden(f"net_G_{name}"), golden(f"net_D_{name}")
    clamp = options.get("conv_clamp")
    attributes = {
        "G": attributes_of(g, clamp),
        "G_ema": attributes_of(g, clamp),
        "D": {
            "b8.conv0": {"conv_clamp": clamp},
            "b4.mbstd": {"group_size": int(d["cfg"]["mbstd_group_size"]) or None},
            "mapping.fc0": {"bias_gain": 0.01},
        },
    }
    file = tmp_path_factory.mktemp("ada") / f"{name}.pkl"
    trained = {key: value + 1 for key, value in g["sd"].items()}
    write_ada(file, attributes=attributes, G=trained, D=d["sd"], G_ema=g["sd"])
    return g, d, bring_in(file)


def inputs(arrays):
    label = arrays.get("c")
    return {
        "latents": torch.from_numpy(arrays["z"]),
        "label": torch.from_numpy(label) if label is not None and label.shape[1] else None,
    }


def close(actual, expected):
    expected = torch.from_numpy(expected)
    assert actual.dtype == torch.float32
    assert (actual - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_the_image_is_that_of_the_published_implementation(imported):
    g, _, folder = imported
    close(ganzoo.load(folder).sample(**inputs(g["in"])), g["out"]["img"])


def test_truncation_pulls_as_the_published_one(imported):
    g, _, folder = imported
    run = ganzoo.load(folder)
    psi, cutoff = float(g["in"]["truncation_psi"]), int(g["in"]["truncation_cutoff"])
    image = run.sample(**inputs(g["in"]), truncation=psi, cutoff=cutoff)
    published = run.sample(styles=torch.from_numpy(g["out"]["ws_trunc_cutoff"]))
    close(image, published.numpy())
    assert not torch.allclose(image, run.sample(**inputs(g["in"])))


def test_the_scores_of_the_discriminator_are_the_published_ones(imported):
    _, d, folder = imported
    discriminator = ganzoo.load(folder).networks["discriminator"]
    first = int(d["in"]["first"]) if "logits" not in d["out"] else None
    image, label = (torch.from_numpy(d["in"][key])[:first] for key in ("img", "c"))
    logits = discriminator(image, label if label.shape[1] else None)[:, None]
    close(logits, d["out"]["logits" if first is None else "logits_first"])


def test_the_generator_as_trained_is_kept_apart_from_its_average(imported):
    g, _, folder = imported
    stored = read_weights(folder)
    name = "mapping.layers.0.bias"
    assert stored.averages["generator"].keys() == stored.networks["generator"].keys()
    trained, mean = stored.networks["generator"][name], stored.averages["generator"][name]
    assert torch.equal(mean, torch.from_numpy(g["sd"]["mapping.fc0.bias"]))
    assert torch.equal(trained, torch.from_numpy(g["sd"]["mapping.fc0.bias"] + 1))


def test_attributes_of_modules_reach_the_recipe(imported):
    g, d, folder = imported
    task = ganzoo.load(folder).recipe.task
    generator = task.parameters["generator"].parameters
    discriminator = task.parameters["discriminator"].parameters
    assert generator["w_mean_beta"] == 0.998
    assert generator["clamp"] == (1.5 if "conv_clamp" in g["cfg"] else None)
    assert discriminator["clamp"] == generator["clamp"]
    assert discriminator["head"].parameters["group"] == d["cfg"]["mbstd_group_size"]


@pytest.mark.parametrize(("stored", "group"), [(None, 0), (8, 8)])
def test_a_group_of_none_is_the_whole_batch(tmp_path, stored, group):
    attributes = {"D": {"b4.mbstd": {"group_size": stored}}}
    networks = {"G_ema": golden("net_G_orig_orig")["sd"], "D": golden("net_D_orig_orig")["sd"]}
    file = write_ada(tmp_path / "a.pkl", attributes=attributes, **networks)
    discriminator = ganzoo.load(bring_in(file)).recipe.task.parameters["discriminator"]
    assert discriminator.parameters["head"].parameters["group"] == group


@pytest.fixture
def small():
    return golden("net_G_orig_orig"), golden("net_D_orig_orig")


def refused(capsys, file):
    out = file.with_name("out")
    code = main(["import", str(file), "--out", str(out), "--licence", "none"])
    told = capsys.readouterr().err
    assert code == 5, told
    assert not list(file.parent.glob("*out*")), "something was left behind"
    return told


def test_what_arguments_say_counts_where_modules_say_nothing(small, tmp_path):
    g, _ = small
    file = write_ada(
        tmp_path / "a.pkl",
        arguments={"G_ema": {"synthesis_kwargs": {"conv_clamp": 256}, "mapping_kwargs": {}}},
        G_ema=g["sd"],
    )
    generator = ganzoo.load(bring_in(file)).recipe.task.parameters["generator"]
    assert generator.parameters["clamp"] == 256


def test_arguments_of_stylegan3_lie_one_level_higher(small, tmp_path):
    g, _ = small
    file = write_ada(tmp_path / "a.pkl", arguments={"G_ema": {"conv_clamp": 64}}, G_ema=g["sd"])
    generator = ganzoo.load(bring_in(file)).recipe.task.parameters["generator"]
    assert generator.parameters["clamp"] == 64


def test_a_missing_discriminator_is_said_and_starts_fresh(small, tmp_path, capsys):
    file = write_ada(tmp_path / "a.pkl", G_ema=small[0]["sd"], D=None)
    folder = bring_in(file)
    assert "The file has no discriminator as it was trained." in capsys.readouterr().err
    origin = json.loads((folder / "origin.json").read_text())
    assert origin["missing"] == ["networks/generator", "networks/discriminator"]
    assert set(ganzoo.load(folder).networks) == {"generator"}


def test_origin_says_file_hash_licence_and_classes(small, tmp_path):
    folder = bring_in(write_ada(tmp_path / "a.pkl", G_ema=small[0]["sd"]))
    origin = json.loads((folder / "origin.json").read_text())
    assert origin["source"]["file"] == "a.pkl"
    assert len(origin["source"]["sha256"]) == 64
    assert origin["licence"] == ganzoo.load(folder).licence == "synthetic"
    assert "torch_utils.persistence._reconstruct_persistent_obj" in origin["classes"]


def test_an_alias_free_generator_is_named(small, tmp_path, capsys):
    state = {"synthesis.input.freqs": np.zeros((4, 2), np.float32), **small[0]["sd"]}
    told = refused(capsys, write_ada(tmp_path / "t.pkl", G_ema=state))
    assert "G_ema is an alias-free generator of StyleGAN3 (configuration T or R)" in told


def test_a_module_of_another_family_is_named(tmp_path, capsys):
    told = refused(capsys, write_ada(tmp_path / "a.pkl", G_ema={"planes": np.zeros((2, 2))}))
    assert "G_ema is a module of the class 'Generator' without the tensor" in told


def test_tensors_of_impossible_shapes_are_told_without_a_trace(small, tmp_path, capsys):
    sd = {**small[0]["sd"], "mapping.fc0.weight": np.zeros(3, np.float32)}
    told = refused(capsys, write_ada(tmp_path / "a.pkl", G_ema=sd))
    assert "its tensors and numbers are not what their names say" in told
    assert "Traceback" not in told


def test_another_activation_is_refused(small, tmp_path, capsys):
    attributes = {"G_ema": {"synthesis.b8.conv0": {"activation": "swish"}}}
    file = write_ada(tmp_path / "a.pkl", attributes=attributes, G_ema=small[0]["sd"])
    assert "G_ema.synthesis.b8.conv0 has the activation 'swish'" in refused(capsys, file)


def test_irregular_widths_are_refused(small, tmp_path, capsys):
    sd = dict(small[0]["sd"])
    wide = sd["synthesis.b16.conv1.weight"]
    sd["synthesis.b16.conv1.weight"] = np.zeros((99, *wide.shape[1:]), np.float32)
    told = refused(capsys, write_ada(tmp_path / "a.pkl", G_ema=sd))
    assert "the generator has irregular widths" in told
    assert "99 at 16" in told


def test_a_missing_tensor_is_named(small, tmp_path, capsys):
    sd = {k: v for k, v in small[0]["sd"].items() if k != "synthesis.b8.conv0.affine.bias"}
    told = refused(capsys, write_ada(tmp_path / "a.pkl", G_ema=sd))
    assert "missing: synthesis.b8.conv0.affine.bias" in told


def test_networks_of_two_sizes_are_refused(small, tmp_path, capsys):
    file = write_ada(tmp_path / "a.pkl", G_ema=small[0]["sd"], D=golden("net_D_skip_resnet")["sd"])
    told = refused(capsys, file)
    assert "expected two networks that were trained together" in told


def test_another_filter_reaches_the_recipe(small, tmp_path):
    taps = np.array([1, 2, 1], np.float32) / 4
    sd = dict(small[0]["sd"])
    sd["synthesis.b16.resample_filter"] = np.outer(taps, taps)
    folder = bring_in(write_ada(tmp_path / "a.pkl", G_ema=sd))
    generator = ganzoo.load(folder).recipe.task.parameters["generator"].parameters
    assert generator["resample"] == (0.25, 0.5, 0.25)


def test_a_layout_that_nobody_knows_is_described(tmp_path, capsys):
    file = tmp_path / "odd.pt"
    torch.save({"epoch": 3, "weights": torch.zeros(2)}, file)
    told = refused(capsys, file)
    assert "the layout is unknown: a dict with the keys epoch, weights; expected one of" in told
    assert "rosinality checkpoint" in told
