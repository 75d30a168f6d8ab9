"""channels_last: every feature map of every network, the optimizer's moments, files and reports."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn
from toy_tasks import outputs_of, registry, task_of, toy, trained

from ganzoo.assembly.inspection import inspect_recipe
from ganzoo.assembly.load import load
from ganzoo.assembly.weights_folder import read_tensors, save_tensors
from ganzoo.data.batches import Batches
from ganzoo.errors import RecipeError
from ganzoo.nn.layout import in_layout_of, lay_out
from ganzoo.nn.noise import FreshNoise
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.settings import OptimizerSettings, TrainingSettings
from ganzoo.registry.contracts import Pace, Phase, Stage
from ganzoo.training.loop import Loop, Start
from ganzoo.training.optimizers import Optimizers
from ganzoo.training.world import World

CONTIGUOUS = "training.layout=contiguous"
NETWORKS = ["quickstart", "stylegan2-f", "stylegan2-d", "progan", "stylegan-f", "stylegan-c"]


def is_channels_last(x):
    return x.is_contiguous(memory_format=torch.channels_last)


def in_layout(network):
    return network.to(memory_format=torch.channels_last)


# The recipe


def test_the_layout_stands_in_the_recipe_but_not_in_its_hash():
    plain, other = toy("quickstart").recipe, toy("quickstart", CONTIGUOUS).recipe
    assert plain.training.layout == "channels_last"
    assert other.training.layout == "contiguous"
    assert recipe_hash(plain) == recipe_hash(other)


def test_another_layout_is_refused_where_it_stands():
    with pytest.raises(
        RecipeError, match=r"training\.layout: expected channels_last \| contiguous, found 'nchw'"
    ):
        toy("quickstart", "training.layout=nchw")


# Feature maps


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_map_of_every_module_is_channels_last(name, channels):
    task = task_of(toy(name), channels=channels)
    generator, discriminator = map(in_layout, task.networks.values())
    styles = generator.styles(torch.randn(4, generator.latent_width))
    noise = FreshNoise(torch.Generator().manual_seed(0))

    def all_of_it():
        fake = generator.synthesize(styles, noise)
        discriminator(fake)
        discriminator(fake.contiguous())  # pictures that nobody turned
        if generator.grows:
            discriminator(generator.synthesize(styles, noise, level=2, fade=0.5), level=2, fade=0.5)

    seen = outputs_of(generator, all_of_it) + outputs_of(discriminator, all_of_it)
    maps = [(path, made) for path, made in seen if made.dim() == 4]
    assert len(maps) > 20
    assert [path for path, made in maps if not is_channels_last(made)] == []


def test_maps_stay_as_they_are_where_the_kernels_are_contiguous():
    network = nn.Conv2d(2, 2, 3)
    x = torch.zeros(1, 2, 4, 4)
    assert in_layout_of(x, network) is x
    assert not is_channels_last(x)
    assert is_channels_last(in_layout_of(x, in_layout(network)))


def test_a_picture_of_one_channel_takes_the_strides_of_channels_last():
    x = in_layout_of(torch.zeros(3, 1, 4, 4), in_layout(nn.Conv2d(2, 2, 3)))
    assert x.stride() == (16, 1, 4, 1)


def test_both_layouts_compute_the_same():
    images = []
    for turn in (lambda network: network, in_layout):
        task = task_of(toy("stylegan2-f"))
        generator, discriminator = map(turn, task.networks.values())
        z = torch.randn(4, generator.latent_width, generator=torch.Generator().manual_seed(0))
        image = generator(z)
        images += [image, discriminator(image)]
    # float32, sums in another order
    torch.testing.assert_close(images[2], images[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(images[3], images[1], rtol=1e-4, atol=1e-5)


def test_inspect_tells_the_layout_of_every_map():
    for loaded, expected in (
        (toy("stylegan2-f"), "channels_last"),
        (toy("stylegan2-f", CONTIGUOUS), "contiguous"),
    ):
        found = inspect_recipe(loaded, registry(), resolution=16)
        rows = [row for table in found.networks.values() for row in table.rows]
        wide = [row for row in rows if len(row.output_shape or ()) == 3 and row.output_shape[0] > 3]
        assert len(wide) > 10
        assert {row.memory_format for row in wide} == {expected}
        assert {row.memory_format for row in rows if len(row.output_shape) == 1} == {""}


# Training


def test_the_loop_hands_out_pictures_in_the_layout_of_the_recipe():
    class Pictures:
        fingerprint = ""

        def __len__(self):
            return 8

        def __getitem__(self, index):
            return {"image": torch.zeros(3, 8, 8, dtype=torch.uint8).numpy()}

    class Curious:
        averages, state = (), nn.Module()
        networks = {"net": nn.Conv2d(3, 2, 3)}  # noqa: RUF012

        def stages(self):
            phase = Phase(name="net", trains=("net",), terms=self.look)
            yield Stage(name="only", phases=(phase,))

        def moment(self, share):
            return share

        def look(self, share):
            self.seen = share["image"], self.networks["net"].weight
            return {}

    class Quiet:
        def nothing(self, *_):
            return None

        before_stage = after_phase = after_step = at_end = nothing

    for layout, expected in (("channels_last", True), ("contiguous", False)):
        task = Curious()
        loop = Loop(
            task,
            TrainingSettings(images=4, batch=4, layout=layout),
            Batches(Pictures(), seed=0, mirror=False, labels=False),
            device=torch.device("cpu"),
            world=World(),
            conditional=False,
            budget=4,
        )
        loop.run(Quiet(), Start())
        assert [is_channels_last(tensor) for tensor in task.seen] == [expected, expected]


def stepped(network, gradient, state=None):
    """The optimizer of one network after a step along a gradient."""
    stage = Stage(name="only", phases=(Phase(name="n", trains=("n",), terms=lambda moment: {}),))
    settings = OptimizerSettings(lr=0.1, betas=(0.5, 0.9))
    optimizers = Optimizers(settings, stage, {"n": network}, World())
    if state is not None:
        optimizers.load_state_dict(state, ())
    optimizers.follow(Pace(batch=1))
    with optimizers.step(("n",)) as accumulate:
        accumulate((network.weight * gradient).sum())
    return optimizers


def test_moments_saved_in_another_layout_take_that_of_their_parameters():
    torch.manual_seed(0)
    network, gradients = nn.Conv2d(5, 4, 3, bias=False), torch.randn(2, 4, 5, 3, 3)
    state = stepped(network, gradients[0]).state_dict()
    turned = in_layout(nn.Conv2d(5, 4, 3, bias=False))
    turned.load_state_dict(network.state_dict())
    stepped(network, gradients[1], deepcopy(state))  # it goes on in the tensors it is given
    after = stepped(turned, gradients[1], state)
    # the same float32 arithmetic for each element, vectors of the machine cut elsewhere
    torch.testing.assert_close(turned.weight, network.weight, rtol=1e-6, atol=1e-7)
    moments = after.state_dict()["n"]["state"][0]
    assert moments["exp_avg"].stride() == turned.weight.stride() == turned.weight.grad.stride()
    assert moments["exp_avg_sq"].stride() == turned.weight.stride()


def distance(one, other):
    """Of the weights of two checkpoints, relative to their size."""
    names = [(n, key) for n in one["networks"] for key in one["networks"][n]]
    pairs = [(one["networks"][n][key], other["networks"][n][key]) for n, key in names]
    difference = sum((a - b).square().sum() for a, b in pairs)
    return (difference / sum(a.square().sum() for a, _ in pairs)).sqrt().item()


def test_a_contiguous_checkpoint_goes_on_in_channels_last(tmp_path):
    whole = trained(toy("stylegan2-f", CONTIGUOUS), tmp_path / "whole")[1]
    folder, half = trained(toy("stylegan2-f", CONTIGUOUS), tmp_path / "half", images=20)
    resumed = trained(toy("stylegan2-f"), tmp_path, resume=folder)[1]
    assert resumed["clock"] == whole["clock"]
    kernel = resumed["networks"]["generator"]["blocks.0.up.conv.weight"]
    assert is_channels_last(kernel)
    assert not kernel.is_contiguous()
    # Adam divides by the size of a gradient, so small ones carry their rounding into the weights
    assert distance(resumed, whole) < 0.05 * distance(half, whole)


def test_a_channels_last_run_resumes_bit_for_bit(tmp_path):
    whole = trained(toy("progan"), tmp_path / "whole")[1]
    folder, _ = trained(toy("progan"), tmp_path / "half", images=20)
    resumed = trained(toy("progan"), tmp_path, resume=folder)[1]
    assert resumed["clock"] == whole["clock"]
    assert distance(resumed, whole) == 0


# Files


def test_channels_last_weights_come_through_files_of_every_kind(tmp_path):
    folder, content = trained(toy("stylegan2-f"), tmp_path, images=8)
    state = content["averages"]["generator"]
    name = "blocks.0.up.conv.weight"
    assert not state[name].is_contiguous()
    save_tensors(tmp_path / "weights.safetensors", state)
    again = read_tensors(tmp_path / "weights.safetensors", "cpu")
    loaded = load(folder).networks["generator"].state_dict()
    assert is_channels_last(loaded[name])
    assert all(torch.equal(again[key], state[key]) for key in state)
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_tensors_of_other_numbers_of_axes_keep_their_order():
    module = nn.Module()
    module.volume = nn.Parameter(torch.randn(2, 3, 2, 2, 2))
    module.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))
    lay_out(module, torch.channels_last)
    assert module.kernel.is_contiguous(memory_format=torch.channels_last)
    assert module.volume.is_contiguous()
