"""Our tensors under their published names."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from small_networks import discriminator, generator, latents, site

from ganzoo.errors import DataError
from ganzoo.interchange.stylegan2_names import (
    discriminator_entries,
    generator_entries,
    load_published,
)
from ganzoo.plugins.mapping.mlp import MlpMapping


def published(network, entries):
    """The state of a network as its published twin would hold it."""
    state = network.state_dict()
    return {entry.name: entry.turn(state[entry.ours]).clone() for entry in entries}


def test_every_tensor_has_one_name_and_rgb_moves_by_a_block():
    network = generator("skip", where=site(label_width=2))
    entries = generator_entries(network)
    assert len({entry.name for entry in entries}) == len(network.state_dict()) == len(entries)
    names = {entry.ours: entry.name for entry in entries}
    assert names["blocks.0.to_rgb.layer.conv.weight"] == "synthesis.b4.torgb.weight"
    assert names["to_rgb.2.layer.affine.bias"] == "synthesis.b16.torgb.affine.bias"
    assert names["noise0"] == "synthesis.b4.conv1.noise_const"
    assert names["noise3"] == "synthesis.b16.conv0.noise_const"
    assert names["blocks.1.refine.noise.strength"] == "synthesis.b16.conv1.noise_strength"
    assert names["mapping.embed.weight"] == "mapping.embed.weight"
    assert names["w_mean.value"] == "mapping.w_avg"


def test_weights_of_upsampling_convolutions_are_flipped():
    flipped = [entry.name for entry in generator_entries(generator("residual")) if entry.flip]
    assert flipped == [
        "synthesis.b8.conv0.weight",
        "synthesis.b8.skip.weight",
        "synthesis.b16.conv0.weight",
        "synthesis.b16.skip.weight",
    ]
    assert not any(entry.flip for entry in discriminator_entries(discriminator("residual")))


def test_the_names_of_a_discriminator():
    entries = discriminator_entries(discriminator("skip", site(label_width=2)))
    names = {entry.ours: entry.name for entry in entries}
    assert names["from_rgb.2.weight"] == "b16.fromrgb.weight"
    assert names["blocks.1.from_rgb.bias"] == "b4.fromrgb.bias"
    assert names["blocks.0.down.weight"] == "b16.conv1.weight"
    assert names["head.dense.weight"] == "b4.fc.weight"
    assert names["head.mapping.layers.7.bias"] == "mapping.fc7.bias"
    assert names["head.mapping.embed.bias"] == "mapping.embed.bias"


def test_weights_go_out_and_come_back():
    network, other = generator("residual"), generator("residual", seed=5)
    arrays = published(network, generator_entries(network))
    load_published(other, {**arrays, "synthesis.b8.resample_filter": torch.zeros(4, 4)})
    assert torch.equal(other.eval()(latents()), network.eval()(latents()))


def test_all_that_does_not_fit_is_told_at_once_and_nothing_is_copied():
    network = discriminator()
    arrays = published(network, discriminator_entries(network))
    before = network.head.out.bias.clone()
    del arrays["b16.conv0.bias"]
    arrays = {name: array + 1 for name, array in arrays.items()}
    arrays["b8.torgb.weight"] = torch.zeros(1)
    arrays["b4.fc.weight"] = torch.zeros(2, 2)
    with pytest.raises(DataError) as caught:
        load_published(network, arrays)
    assert "b4.fc.weight is [2, 2], not [8, 128]" in str(caught.value)
    assert "missing: b16.conv0.bias" in str(caught.value)
    assert "unused: b8.torgb.weight" in str(caught.value)
    assert torch.equal(network.head.out.bias, before)


def test_a_network_without_published_names_is_refused():
    mapping = partial(MlpMapping, depth=2, width=6, label="matrix")
    network = generator(where=site(label_width=2), mapping=mapping)
    with pytest.raises(DataError, match=r"mapping\.embedding: the published .* no such tensors"):
        generator_entries(network)
