"""Weights in all the places that they are read from, and the folder that they are written to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from fixtures.foreign_files import bring_in, golden, write_ada
from safetensors.torch import load_file
from torch import nn

import ganzoo
from ganzoo.assembly.weights import load_into, read_weights
from ganzoo.assembly.weights_folder import save_tensors, whole_file, write_weights_folder
from ganzoo.errors import DataError

ORIGIN = {"data": {"resolution": [8, 8], "channels": 3, "label_width": 0}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    g, d = golden("net_G_skip_resnet_cond"), golden("net_D_skip_resnet_cond")
    file = tmp_path_factory.mktemp("weights") / "cond.pkl"
    return bring_in(write_ada(file, G=g["sd"], D=d["sd"], G_ema=g["sd"]))


@pytest.fixture
def run(folder):
    return ganzoo.load(folder)


def origin(**facts):
    return json.dumps({"ganzoo": 1, "data": {**ORIGIN["data"], **facts}})


def write(out, **more):
    tensors = {"generator": lambda: {"weight": torch.ones(2)}}
    parts = {"recipe": "ganzoo: 1\n", "origin": ORIGIN, "networks": tensors, "averages": {}}
    write_weights_folder(out, **{**parts, **more})


# Reading and writing


def test_a_folder_holds_safetensors_a_recipe_and_its_origin(folder):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {
        "recipe.yaml",
        "origin.json",
        "networks/generator.safetensors",
        "networks/discriminator.safetensors",
        "averages/generator.safetensors",
    }
    tensors = load_file(folder / "averages" / "generator.safetensors")
    assert tensors["stem.const"].shape == (16, 4, 4)


def test_a_folder_reads_back_as_it_was_written(tmp_path):
    state = {"mean": torch.tensor(3.0)}
    averages = {"generator": lambda: {"weight": torch.arange(4.0)[::2]}}
    write(tmp_path / "w", averages=averages, state=state, origin={**ORIGIN, "images": 7})
    stored = read_weights(tmp_path / "w")
    assert stored.recipe_text == "ganzoo: 1\n"
    assert stored.networks["generator"]["weight"].tolist() == [1, 1]
    assert stored.averages["generator"]["weight"].tolist() == [0, 2]
    assert stored.state["mean"] == 3
    assert stored.images == 7
    assert stored.data["class_names"] == []


def test_tensors_that_share_their_memory_are_written_apart(tmp_path):
    x = torch.arange(6.0)
    save_tensors(tmp_path / "x.safetensors", {"all": x, "part": x[2:4], "turned": x.view(2, 3).t()})
    read = load_file(tmp_path / "x.safetensors")
    assert read["part"].tolist() == [2, 3]
    assert read["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_what_fails_half_way_leaves_nothing(tmp_path):
    def fails():
        raise DataError("the second network is damaged")

    sources = {"generator": lambda: {"weight": torch.ones(2)}, "discriminator": fails}
    with pytest.raises(DataError, match="the second network is damaged"):
        write(tmp_path / "w", networks=sources)
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_may_be_written_to_and_a_full_one_not(tmp_path):
    (tmp_path / "w").mkdir()
    write(tmp_path / "w")
    with pytest.raises(DataError, match="there is something here already"):
        write(tmp_path / "w")


def test_the_present_folder_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="this is the folder you are in"):
        write(Path("."))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "damaged or not written by ganzoo"),
        ("[]", "damaged or not written by ganzoo"),
        ('{"ganzoo": 1, "data": {"resolution": 8}}', "damaged or not written by ganzoo"),
        (json.dumps({"ganzoo": 99, **ORIGIN}), "written by a newer ganzoo (format 99"),
        (json.dumps({"ganzoo": 99, "data": "elsewhere"}), "written by a newer ganzoo (format 99"),
        (origin(resolution=[8, 0]), "damaged or not written by ganzoo"),
        (origin(resolution=[8, True]), "damaged or not written by ganzoo"),
        (origin(channels=-1), "damaged or not written by ganzoo"),
        (origin(label_width=-1), "damaged or not written by ganzoo"),
        (origin(class_names=5), "damaged or not written by ganzoo"),
        (origin(class_names=["a", 5]), "damaged or not written by ganzoo"),
        (origin(class_names=None), "damaged or not written by ganzoo"),
        (json.dumps({"ganzoo": 1, **ORIGIN, "images": "many"}), "damaged or not written by ganzoo"),
        (json.dumps({"ganzoo": 1, **ORIGIN, "images": -1}), "damaged or not written by ganzoo"),
    ],
)
def test_a_wrong_origin_is_told(tmp_path, content, text):
    write(tmp_path / "w")
    (tmp_path / "w" / "origin.json").write_text(content)
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / "w")
    assert text in str(caught.value)


def test_a_damaged_file_of_tensors_is_named(tmp_path):
    write(tmp_path / "w")
    file = tmp_path / "w" / "networks" / "generator.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"generator\.safetensors: the weights cannot be read"):
        read_weights(tmp_path / "w")


def test_a_folder_that_is_neither_run_nor_weights_says_what_makes_them(tmp_path):
    with pytest.raises(DataError, match="`ganzoo run` makes the first, `ganzoo import` the second"):
        read_weights(tmp_path)


def test_a_foreign_file_is_sent_to_import(tmp_path):
    torch.save({"g_ema": {}}, tmp_path / "a.pt")
    with pytest.raises(DataError, match=r"come in with: ganzoo import .*a\.pt --out FOLDER"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.yaml", b"ganzoo: 1\n", r"a\.yaml: this is a recipe\. Expected a run folder"),
        ("a.txt", b"notes\n", r"a\.txt: this is no file of weights\. Expected a run folder"),
        ("a.safetensors", b"\x08\0\0\0\0\0\0\0{}", r"this is the file of one network\."),
    ],
)
def test_a_file_that_holds_no_weights_is_not_sent_to_import(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=text) as caught:
        read_weights(tmp_path / name)
    assert "ganzoo import" not in str(caught.value)


def test_a_name_that_no_disk_takes_is_told():
    with pytest.raises(DataError, match="cannot be looked at: File name too long"):
        read_weights("a" * 5000)


def test_a_file_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "x.pt"
    text = r"x\.pt: cannot be written .*nothing was left there"
    with pytest.raises(DataError, match=text), whole_file(out):
        pass


# Into a network


def test_every_tensor_that_does_not_fit_is_named_and_none_is_copied(tmp_path):
    network = nn.Linear(2, 3)
    before = network.weight.clone()
    given = {"weight": torch.zeros(3, 5), "scale": torch.zeros(1)}
    with pytest.raises(DataError) as caught:
        load_into(network, given, what="generator", path=tmp_path)
    told = str(caught.value)
    assert "the weights of the generator do not fit" in told
    assert "weight is [3, 5], not [3, 2]; missing: bias; unused: scale" in told
    assert torch.equal(network.weight, before)


def test_many_misfits_are_counted(tmp_path):
    given = {f"extra{number}": torch.zeros(1) for number in range(11)}
    with pytest.raises(DataError, match="extra7, and 3 more"):
        load_into(nn.Linear(1, 1), given, what="generator", path=tmp_path)


def test_a_recipe_that_builds_other_networks_is_told(folder, tmp_path):
    text = (folder / "recipe.yaml").read_text()
    assert "channels_max: 16" in text
    stored = read_weights(folder)
    write(
        tmp_path / "w",
        recipe=text.replace("channels_max: 16", "channels_max: 8"),
        origin={"data": dict(stored.data)},
        networks={},
        averages={"generator": lambda: stored.averages["generator"]},
    )
    with pytest.raises(DataError, match=r"stem\.const is \[16, 4, 4\], not \[8, 4, 4\]"):
        ganzoo.load(tmp_path / "w")


def test_a_folder_without_weights_is_told(folder, tmp_path):
    text = (folder / "recipe.yaml").read_text()
    data = dict(read_weights(folder).data)
    write(tmp_path / "w", recipe=text, origin={"data": data}, networks={})
    with pytest.raises(DataError, match="holds the weights of no network that its recipe builds"):
        ganzoo.load(tmp_path / "w")


def test_a_recipe_that_cannot_be_resolved_is_told_with_its_line(tmp_path):
    write(tmp_path / "w", recipe="ganzoo: 1\ntask: {use: ganzoo/nothing}\n")
    with pytest.raises(DataError, match=r"w: its recipe:2: task: no task is named"):
        ganzoo.load(tmp_path / "w")


# Samples


def test_two_lines_lead_to_an_image(folder):
    run = ganzoo.load(folder)
    images = run.sample(seeds=range(3), label=[0, 1, 2])
    assert images.shape == (3, 3, 16, 16)
    assert images.dtype == torch.float32


def test_seeds_are_the_latents_that_they_draw(run):
    from ganzoo.nn.latents import latents_from_seeds

    z = latents_from_seeds([4, 9], 16)
    one_hot = torch.tensor([[1.0, 0, 0], [0, 0, 1]])
    assert torch.equal(run.sample(seeds=[4, 9], label=[0, 2]), run.sample(latents=z, label=one_hot))


def test_styles_are_taken_untruncated(run):
    styles = torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(run.sample(styles=styles), run.sample(styles=styles, truncation=0.0))


def test_given_noise_takes_the_place_of_the_fixed_maps(run):
    generator = run.networks["generator"]
    maps = [generator.get_buffer(f"noise{index}") for index in range(5)]
    request = {"seeds": [1], "label": [0]}
    assert torch.equal(run.sample(**request, noise=maps), run.sample(**request))
    none = run.sample(**request, noise=[None] * 5)
    assert torch.equal(none, run.sample(**request, noise="none"))
    assert not torch.allclose(none, run.sample(**request))


def test_fresh_noise_differs_from_call_to_call(run):
    one, two = (run.sample(seeds=[1], label=[0], noise="fresh") for _ in range(2))
    assert not torch.allclose(one, two)


def test_gradients_flow_to_given_styles_and_noise_and_not_to_networks(run):
    styles = torch.randn(1, 6, 16).requires_grad_()
    maps = [torch.randn(4 << ((i + 1) // 2), 4 << ((i + 1) // 2)) for i in range(5)]
    maps[2].requires_grad_()
    run.sample(styles=styles, noise=maps).square().sum().backward()
    assert styles.grad.abs().sum() > 0
    assert maps[2].grad.abs().sum() > 0
    assert all(p.grad is None for p in run.networks["generator"].parameters())


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, "expected one of them, found none"),
        ({"seeds": [1], "latents": torch.zeros(1, 16)}, "found seeds and latents"),
        ({"seeds": [1]}, r"these networks see classes; expected label \[N, 3\]"),
        ({"seeds": [1], "label": [3]}, "there is no class 3; expected a number from 0 to 2"),
        ({"seeds": [1], "label": "ape"}, "there is no class 'ape'; expected a number from 0 to 2"),
        ({"seeds": [1, 2, 3], "label": [0, 1]}, "label has 2 classes for 3 images"),
        ({"seeds": 3, "label": 0}, r"seeds is 3; expected one an image, as \[3\] or range\(4\)"),
        ({"seeds": [1], "label": 0, "noise": "fixt"}, "noise is 'fixt'; expected 'fixed', 'fresh'"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(run, request_, text):
    with pytest.raises(ValueError, match=text):
        run.sample(**request_)


def test_one_class_may_stand_for_all_images(run):
    assert torch.equal(run.sample(seeds=[1, 2], label=2), run.sample(seeds=[1, 2], label=[2, 2]))


def test_labels_where_there_are_none_are_refused(tmp_path):
    file = write_ada(tmp_path / "a.pkl", G_ema=golden("net_G_orig_orig")["sd"])
    with pytest.raises(ValueError, match="these networks see no classes; leave label out"):
        ganzoo.load(bring_in(file)).sample(seeds=[0], label=[0])
