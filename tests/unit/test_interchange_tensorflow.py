"""Synthetic TensorFlow pickles of StyleGAN2, StyleGAN and ProGAN, filled with golden weights."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from fixtures.foreign_files import bring_in, golden, write_tensorflow
from fixtures.tensorflow_variables import (
    growing_discriminator_variables,
    progan_generator_variables,
    stylegan1_generator_variables,
    stylegan2_discriminator_variables,
    stylegan2_generator_variables,
)

import ganzoo
from ganzoo.assembly.weights import read_weights
from ganzoo.cli.main import main
from ganzoo.interchange.known_globals import KNOWN
from ganzoo.interchange.stylegan1_names import generator_variable
from ganzoo.interchange.tensorflow_network import CLASSES


def close(actual, expected):
    expected = torch.from_numpy(expected)
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= 1e-4 * expected.abs().max()


def refused(capsys, file):
    code = main(["import", str(file), "--out", str(file.with_name("out")), "--licence", "none"])
    told = capsys.readouterr().err
    assert code == 5, told
    assert not list(file.parent.glob("*out*")), "something was left behind"
    return told


def test_every_class_of_a_network_is_one_that_a_file_may_name():
    assert set(CLASSES) <= {known.name for known in KNOWN.values()}


# StyleGAN2


@pytest.fixture(scope="module", params=["skip_resnet", "orig_orig", "resnet_skip"])
def stylegan2(request, tmp_path_factory):
    g, d = golden(f"net_G_{request.param}"), golden(f"net_D_{request.param}")
    variables = stylegan2_generator_variables(g["sd"])
    clamp = {"conv_clamp": 1.5} if "conv_clamp" in g["cfg"] else {}
    group = int(d["cfg"]["mbstd_group_size"])
    judged = stylegan2_discriminator_variables(d["sd"])
    file = tmp_path_factory.mktemp("stylegan2") / "network.pkl"
    settings = {"fmap_base": int(g["cfg"]["channel_base"]) // 2, "fmap_max": 16, **clamp}
    write_tensorflow(
        file,
        (variables, settings),
        (judged, {**clamp, "mbstd_group_size": group}),
        (variables, settings),
    )
    return g, d, bring_in(file)


def test_the_image_is_that_of_the_published_implementation(stylegan2):
    g, _, folder = stylegan2
    close(ganzoo.load(folder).sample(latents=torch.from_numpy(g["in"]["z"])), g["out"]["img"])


def test_the_scores_are_the_published_ones(stylegan2):
    _, d, folder = stylegan2
    first = int(d["in"]["first"]) if "logits" not in d["out"] else None
    images = torch.from_numpy(d["in"]["img"])[:first]
    logits = ganzoo.load(folder).networks["discriminator"](images)[:, None]
    close(logits, d["out"]["logits" if first is None else "logits_first"])


def test_a_group_that_the_file_does_not_name_is_four(tmp_path):
    g, d = golden("net_G_orig_orig"), golden("net_D_orig_orig")
    file = write_tensorflow(
        tmp_path / "a.pkl",
        None,
        (stylegan2_discriminator_variables(d["sd"]), {}),
        (stylegan2_generator_variables(g["sd"]), {}),
    )
    task = ganzoo.load(bring_in(file)).recipe.task
    assert task.parameters["discriminator"].parameters["head"].parameters["group"] == 4


def test_a_network_alone_is_taken_for_the_average(tmp_path):
    g = golden("net_G_skip_resnet")
    file = write_tensorflow(tmp_path / "a.pkl", (stylegan2_generator_variables(g["sd"]), {}))
    folder = bring_in(file)
    assert set(read_weights(folder).averages) == {"generator"}
    assert not read_weights(folder).networks


def test_a_label_matrix_becomes_the_mapping_s_own(tmp_path):
    g = golden("net_G_orig_orig")
    variables = stylegan2_generator_variables(g["sd"])
    width = variables["mapping/Dense0/weight"].shape[0]
    draw = np.random.RandomState(0).randn
    matrix = draw(3, width).astype(np.float32)
    hidden = variables["mapping/Dense0/weight"].shape[1]
    variables["mapping/LabelConcat/weight"] = matrix
    variables["mapping/Dense0/weight"] = draw(2 * width, hidden).astype(np.float32)
    run = ganzoo.load(bring_in(write_tensorflow(tmp_path / "a.pkl", (variables, {}))))
    assert run.label_width == 3
    assert torch.equal(run.networks["generator"].mapping.embedding, torch.from_numpy(matrix))
    images = run.sample(seeds=[0, 0], label=[0, 2])
    assert not torch.allclose(*images)


def test_labels_of_stylegan2_ada_are_embedded_as_in_pytorch(tmp_path):
    g, d = golden("net_G_skip_resnet_cond"), golden("net_D_skip_resnet_cond")
    made = stylegan2_generator_variables(g["sd"]), {}
    judged = stylegan2_discriminator_variables(d["sd"]), {}
    run = ganzoo.load(bring_in(write_tensorflow(tmp_path / "a.pkl", made, judged, made)))
    z, c = torch.from_numpy(g["in"]["z"]), torch.from_numpy(g["in"]["c"])
    close(run.sample(latents=z, label=c), g["out"]["img"])
    image, label = torch.from_numpy(d["in"]["img"]), torch.from_numpy(d["in"]["c"])
    close(run.networks["discriminator"](image, label)[:, None], d["out"]["logits"])


def test_growing_networks_of_configuration_b_to_d_are_grown(tmp_path):
    """Their to-RGB of the last resolution alone makes the image, as in config E without skips."""
    g = golden("net_G_skip_resnet")
    variables = stylegan2_generator_variables(g["sd"], growing=True)
    run = ganzoo.load(bring_in(write_tensorflow(tmp_path / "a.pkl", (variables, {}))))
    generator = run.networks["generator"]
    assert sorted(generator.to_rgb) == ["0", "1", "2", "3"]
    z = torch.from_numpy(g["in"]["z"])
    last = {k: v for k, v in g["sd"].items() if "torgb" not in k or "b32.torgb" in k}
    alone = stylegan2_generator_variables(last)
    plain = ganzoo.load(bring_in(write_tensorflow(tmp_path / "b.pkl", (alone, {}))))
    assert run.recipe.task.parameters["growth"].parameters["start"] == 32  # training goes on there
    assert torch.equal(run.sample(latents=z), plain.sample(latents=z))


def test_a_growing_discriminator_reads_the_image_at_its_last_resolution_alone(tmp_path):
    d = golden("net_D_resnet_skip")
    variables = stylegan2_discriminator_variables(d["sd"])
    growing = {"lod": 0.0}
    for name, value in variables.items():
        side = int(name.partition("x")[0]) if "FromRGB" in name else 0
        lod = f"FromRGB_lod{4 - (side.bit_length() - 1)}/{name.rpartition('/')[2]}"
        growing[lod if side else name] = value
    run = ganzoo.load(bring_in(write_tensorflow(tmp_path / "a.pkl", (growing, {}))))
    discriminator = run.networks["discriminator"]
    assert sorted(discriminator.from_rgb) == ["0", "1", "2"]
    last = {k: v for k, v in variables.items() if "FromRGB" not in k or k.startswith("16x16")}
    plain = ganzoo.load(bring_in(write_tensorflow(tmp_path / "b.pkl", (last, {}))))
    image = torch.from_numpy(d["in"]["img"])
    assert torch.equal(discriminator(image), plain.networks["discriminator"](image))


def test_networks_that_still_grow_are_refused(tmp_path, capsys):
    variables = stylegan2_generator_variables(golden("net_G_skip_resnet")["sd"], growing=True)
    file = write_tensorflow(tmp_path / "a.pkl", ({**variables, "synthesis/lod": 2.5}, {}))
    assert "the networks are still growing (synthesis/lod is 2.5)" in refused(capsys, file)


def test_another_nonlinearity_is_refused(tmp_path, capsys):
    variables = stylegan2_generator_variables(golden("net_G_orig_orig")["sd"])
    file = write_tensorflow(tmp_path / "a.pkl", (variables, {"nonlinearity": "relu"}))
    assert "built with nonlinearity='relu'" in refused(capsys, file)


def test_a_variable_that_is_no_number_is_named(tmp_path, capsys):
    variables = stylegan2_generator_variables(golden("net_G_orig_orig")["sd"])
    variables["synthesis/4x4/Conv/mod_bias"] = 10**30
    file = write_tensorflow(tmp_path / "a.pkl", (variables, {}))
    assert "its variable synthesis/4x4/Conv/mod_bias is no number" in refused(capsys, file)


def test_a_network_of_another_family_is_described(tmp_path, capsys):
    file = write_tensorflow(tmp_path / "a.pkl", ({"dense/kernel": np.zeros((2, 2))}, {}))
    told = refused(capsys, file)
    assert "the generator has the variables dense/kernel" in told


# StyleGAN


@pytest.fixture(scope="module", params=["fuse_cond", "nofuse"])
def stylegan1(request, tmp_path_factory):
    g, d = golden(f"stylegan1_G_{request.param}"), golden(f"stylegan1_D_{request.param}")
    made = stylegan1_generator_variables(g["sd"], fused=bool(g["cfg"]["fused_scale"]))
    judged = growing_discriminator_variables(d["sd"]), {}
    file = tmp_path_factory.mktemp("stylegan1") / "karras2019.pkl"
    return g, d, bring_in(write_tensorflow(file, made, judged, made))


def inputs(arrays):
    label = arrays.get("label")
    return {
        "latents": torch.from_numpy(arrays["z"]),
        "label": None if label is None else torch.from_numpy(label),
    }


def test_a_stylegan_image_is_the_published_one(stylegan1):
    g, _, folder = stylegan1
    close(ganzoo.load(folder).sample(**inputs(g["in"])), g["out"]["img_lod0"])


def test_a_truncated_stylegan_image_is_the_published_one(stylegan1):
    g, _, folder = stylegan1
    image = ganzoo.load(folder).sample(
        **inputs(g["in"]),
        truncation=float(g["in"]["truncation_psi"]),
        cutoff=int(g["in"]["truncation_layers"]),
    )
    close(image, g["out"]["img_trunc"])


def test_the_scores_of_a_stylegan_are_the_published_ones(stylegan1):
    _, d, folder = stylegan1
    image, label = torch.from_numpy(d["in"]["img"]), inputs({"z": d["in"]["img"], **d["in"]})
    logits = ganzoo.load(folder).networks["discriminator"](image, label["label"])
    close(logits[:, None], d["out"]["logits_lod0"])


def test_only_large_layers_are_mirrored_where_fusing_is_automatic(tmp_path):
    g = golden("stylegan1_G_nofuse")
    variables, _ = stylegan1_generator_variables(g["sd"], fused=False)
    folder = bring_in(write_tensorflow(tmp_path / "a.pkl", (variables, {})))
    close(ganzoo.load(folder).sample(**inputs(g["in"])), g["out"]["img_lod0"])


@pytest.mark.parametrize(("level", "is_mirrored"), [(3, False), (4, True)])
def test_fused_layers_begin_at_128_where_the_file_says_auto(level, is_mirrored):
    variable = generator_variable(f"blocks.{level}.up.conv.weight", 8, "auto", "Const")
    assert variable.name == f"synthesis/{8 << level}x{8 << level}/Conv0_up/weight"
    stored = np.arange(18.0).reshape(3, 3, 2, 1)
    turned = variable.turn(stored)
    assert turned.shape == (1, 2, 3, 3)
    assert turned[0, 0, 0, 0] == (stored[2, 2, 0, 0] if is_mirrored else stored[0, 0, 0, 0])


# ProGAN


@pytest.fixture(scope="module", params=["fuse", "nofuse"])
def progan(request, tmp_path_factory):
    g, d = golden(f"progan_G_{request.param}"), golden(f"progan_D_{request.param}")
    fused = bool(g["cfg"]["fused_scale"])
    made = progan_generator_variables(g["sd"], fused=fused)
    down = "Conv1_down" if fused else "Conv1"
    judged = growing_discriminator_variables(d["sd"], down=down), {"mbstd_group_size": 4}
    file = tmp_path_factory.mktemp("progan") / "network-final.pkl"
    return g, d, bring_in(write_tensorflow(file, made, judged, made, old=True))


def test_a_progan_image_is_the_published_one(progan):
    g, _, folder = progan
    close(ganzoo.load(folder).sample(**inputs(g["in"])), g["out"]["img_once_lod0"])


def test_the_scores_of_a_progan_are_the_published_ones(progan):
    _, d, folder = progan
    logits = ganzoo.load(folder).networks["discriminator"](torch.from_numpy(d["in"]["img"]))
    close(logits[:, None], d["out"]["logits_lod0"])


def test_a_progan_without_fused_layers_pools_behind_the_activation(progan):
    g, _, folder = progan
    discriminator = ganzoo.load(folder).recipe.task.parameters["discriminator"]
    pools = discriminator.parameters["block"].parameters["pool"]
    assert pools is not bool(g["cfg"]["fused_scale"])


def test_a_conditional_progan_classifies(tmp_path):
    g, d = golden("progan_G_nofuse"), golden("progan_D_nofuse")
    variables, settings = progan_generator_variables(g["sd"], fused=False)
    judged = growing_discriminator_variables(d["sd"], down="Conv1")
    dense = judged["4x4/Dense1/weight"]
    judged["4x4/Dense1/weight"] = np.concatenate([dense] * 3, axis=1)
    judged["4x4/Dense1/bias"] = np.zeros(3, np.float32)
    made = variables, {**settings, "label_size": 2}
    run = ganzoo.load(
        bring_in(write_tensorflow(tmp_path / "a.pkl", made, (judged, {}), made, old=True))
    )
    assert run.label_width == 2
    assert run.networks["generator"].latent_width == 10
    said = run.networks["discriminator"](torch.from_numpy(d["in"]["img"]))
    assert torch.equal(said["score"], said["classes"][:, 0])
    assert "generator_classes" in run.recipe.task.parameters["regularizers"]


def test_networks_of_the_theano_era_are_named(tmp_path, capsys):
    made = type("Network", (), {"__module__": "network"})()
    made.__dict__.update(build_func_spec={}, param_values=[], toplevel_params=[])
    module = ModuleType("network")
    module.Network = type(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "network", module)
        (tmp_path / "old.pkl").write_bytes(pickle.dumps((made, made, made), protocol=2))
    assert "Theano" in refused(capsys, tmp_path / "old.pkl")
