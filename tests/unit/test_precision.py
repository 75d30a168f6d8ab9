"""Low precision as a recipe asks for it: where it is, where it is not, and that it trains."""

from __future__ import annotations

import logging

import pytest
import torch
from toy_tasks import BATCH, STEPS, outputs_of, registry, task_of, toy, trained

from ganzoo.assembly import precision as precision_module
from ganzoo.assembly.checkpoint import write_checkpoint
from ganzoo.assembly.inspection import inspect_recipe
from ganzoo.assembly.load import load
from ganzoo.assembly.precision import expect_honoured, expect_trainable, usable_on
from ganzoo.errors import BadValue, RecipeError
from ganzoo.nn.noise import FreshNoise
from ganzoo.nn.precision import LevelTypes
from ganzoo.ops.half_range import half_range
from ganzoo.recipe.identity import canonical, recipe_hash
from ganzoo.registry.contracts import Precision

BFLOAT16 = "training.precision.dtype=bfloat16"
ONE_LOW = "training.precision.low_resolutions=1"
LOW = Precision(dtype="bfloat16", low_resolutions=1)
REVISED = "task.generator.normalization=ganzoo/revised"


def recipe(name="stylegan2-f", *overrides):
    return toy(name, *overrides).recipe


def generated(task, n=4, seed=0):
    generator = task.networks["generator"]
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(n, generator.latent_width, generator=random)
    styles = generator.styles(z)
    return styles, generator.synthesize(styles, FreshNoise(random))


# The recipe


def test_the_precision_stands_in_the_resolved_recipe():
    training = recipe("quickstart", BFLOAT16).training
    assert training.precision == Precision(dtype="bfloat16", low_resolutions=4)
    assert recipe("quickstart").training.precision == Precision()


def test_a_low_precision_is_another_recipe():
    hashes = {
        recipe_hash(recipe("quickstart", *overrides))
        for overrides in ((), (BFLOAT16,), (BFLOAT16, ONE_LOW))
    }
    assert len(hashes) == 3


def test_float32_does_not_enter_the_hash_however_many_resolutions_would_be_low():
    plain = recipe("quickstart")
    assert "precision" not in canonical(plain)["training"]
    assert recipe_hash(recipe("quickstart", ONE_LOW)) == recipe_hash(plain)
    none_low = recipe("quickstart", BFLOAT16, "training.precision.low_resolutions=0")
    assert recipe_hash(none_low) == recipe_hash(plain)


def test_null_is_the_default():
    assert recipe("quickstart", "training.precision=null").training.precision == Precision()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.precision=bfloat16", r"Write \{dtype: bfloat16\}; an override adds .dtype"),
        ("training.precision=3", r"Write \{low_resolutions: 3\}"),
        ("training.precision=half", "Write a mapping of dtype, low_resolutions"),
        ("training.precision.dtype=half", r"expected float32 \| bfloat16 \| float16"),
        ("training.precision.low_resolutions=-1", "expected 0 or more, found -1"),
    ],
)
def test_a_precision_that_is_none_is_refused_where_it_stands(override, said):
    with pytest.raises(RecipeError, match=f"override {override}: .*{said}"):
        recipe("quickstart", override)


# Where it is


def test_the_largest_levels_are_low_and_the_base_grid_never_is():
    types = LevelTypes("bfloat16", 2, top=4)
    assert [types.at(level) for level in range(5)] == [None, None, None, *[torch.bfloat16] * 2]
    all_of_them = LevelTypes("float16", 9, top=2, clamp=256)
    assert [all_of_them.at(level) for level in range(3)] == [None, torch.float16, torch.float16]
    assert LevelTypes("float32", 4, top=4).at(4) is None


@pytest.mark.parametrize(
    "words",
    [("stylegan2-f",), ("stylegan2-d",), ("stylegan2-e", REVISED), ("stylegan-f",), ("progan",)],
    ids="-".join,
)
def test_features_stay_low_between_the_layers_of_a_low_block(words):
    task = task_of(toy(*words), precision=LOW)
    generator, discriminator = task.networks.values()
    seen = outputs_of(generator, lambda: generated(task))
    seen += outputs_of(discriminator, lambda: discriminator(torch.randn(4, 3, 16, 16)))
    features = [
        (path, made.dtype)
        for path, made in seen
        if made.dim() == 4 and made.shape[1] > 3 and made.shape[2] == 16
    ]
    assert {path.partition(".")[0] for path, _ in features} == {"blocks", "from_rgb"}
    assert {dtype for _, dtype in features} == {torch.bfloat16}, features
    smaller = {made.dtype for _, made in seen if made.dim() == 4 and 1 < made.shape[2] < 8}
    assert smaller == {torch.float32}


@pytest.mark.parametrize("name", ["stylegan2-f", "stylegan2-d", "stylegan-f"])
def test_styles_images_statistics_and_logits_stay_float32(name):
    task = task_of(toy(name), precision=LOW)
    generator, discriminator = task.networks.values()
    styles, image = generated(task)
    assert styles.dtype == image.dtype == torch.float32
    made = outputs_of(generator, lambda: generated(task))
    made += outputs_of(discriminator, lambda: discriminator(image))
    islands = [
        tensor.dtype
        for path, tensor in made
        if tensor.dim() < 4 or path.startswith("head") or path in ("upsample", "downsample")
    ]
    assert islands
    assert set(islands) == {torch.float32}


def test_a_growing_network_is_low_at_the_resolutions_that_the_grown_one_has_low():
    task = task_of(toy("stylegan-f"), precision=LOW)
    generator, discriminator = task.networks.values()
    styles, _ = generated(task)
    noise = FreshNoise(torch.Generator())

    def small():
        discriminator(generator.synthesize(styles, noise, level=1), level=1)

    seen = outputs_of(generator, small) + outputs_of(discriminator, small)
    assert {made.dtype for _, made in seen} == {torch.float32}
    for fade in (0.25, 0.75):
        image = generator.synthesize(styles, noise, level=2, fade=fade)
        score = discriminator(image, level=2, fade=fade)
        assert image.dtype == score.dtype == torch.float32


def test_the_same_noise_is_drawn_in_every_precision():
    def drawn(dtype):
        noise = FreshNoise(torch.Generator().manual_seed(1))
        return noise.map(0, torch.zeros(2, 3, 8, 8, dtype=dtype))

    assert torch.equal(drawn(torch.bfloat16), drawn(torch.float32).bfloat16())


def test_inspect_tells_the_type_of_every_layer():
    loaded = toy("stylegan2-f", BFLOAT16, ONE_LOW)
    found = inspect_recipe(loaded, registry(), resolution=16)
    types = {row.path: row.dtype for row in found.networks["generator"].rows}
    assert types["blocks.1.up.conv"] == types["to_rgb.2.layer.conv"] == "bfloat16"
    assert types["blocks.0.up.conv"] == types["blocks.1.up.affine"] == "float32"
    types = {row.path: row.dtype for row in found.networks["discriminator"].rows}
    assert types["from_rgb.2"] == types["blocks.0.skip"] == "bfloat16"
    assert types["blocks.1.conv"] == types["head.conv"] == "float32"


# What it computes

# A bfloat16 number is off by 0.4 % at most; a dozen layers add up to a few times that.
FEW_PER_CENT = 0.04


def relative(a, b):
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.parametrize("name", ["stylegan2-f", "stylegan2-d", "stylegan-f", "progan"])
def test_bfloat16_is_close_to_float32_in_images_scores_and_gradients(name):
    results = []
    for precision in (Precision(dtype="bfloat16"), Precision()):
        task = task_of(toy(name), precision=precision)
        image = generated(task)[1]
        score = task.networks["discriminator"](image)
        kernels = [
            network.get_parameter(path)
            for network, path in (
                (task.networks["generator"], "blocks.1.refine.conv.weight"),
                (task.networks["discriminator"], "blocks.0.conv.weight"),
            )
        ]
        results.append((image, score, *torch.autograd.grad(score.sum(), kernels)))
    (image, score, *gradients), (exact_image, exact_score, *exact) = results
    assert 0 < relative(image, exact_image) < FEW_PER_CENT
    assert relative(score, exact_score) < FEW_PER_CENT
    for gradient, other in zip(gradients, exact):
        assert gradient.dtype == torch.float32
        # a feature that rounds over zero flips its slope, and there are but 8 channels
        assert relative(gradient, other) < 6 * FEW_PER_CENT


def test_r1_and_path_length_have_finite_second_derivatives_in_float32():
    task = task_of(toy("stylegan2-f"), precision=Precision(dtype="bfloat16"))
    generator, discriminator = task.networks.values()
    styles, image = generated(task)
    lengths = torch.autograd.grad(image.sum(), styles, create_graph=True)[0]
    real = torch.randn(4, 3, 16, 16, requires_grad=True)
    slope = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)[0]
    assert lengths.dtype == slope.dtype == torch.float32
    (lengths.square().sum() + slope.square().sum()).backward()
    gradients = [
        p.grad for n in (generator, discriminator) for p in n.parameters() if p.grad is not None
    ]
    assert len(gradients) > 20
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in gradients)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of ten steps in bfloat16, R1 and path length among them."""
    return trained(toy("stylegan2-f", BFLOAT16), tmp_path_factory.mktemp("whole"))


def test_ten_steps_keep_finite_float32_weights_averages_and_moments(finished):
    content = finished[1]
    networks = [*content["networks"].values(), *content["averages"].values()]
    tensors = [tensor for state in networks for tensor in state.values()]
    tensors += [
        moment
        for adam in content["optimizers"].values()
        for moments in adam["state"].values()
        for moment in moments.values()
    ]
    assert content["clock"]["step"] == STEPS
    assert {tensor.dtype for tensor in tensors} == {torch.float32}
    assert all(tensor.isfinite().all() for tensor in tensors)


def test_a_run_in_bfloat16_resumes_bit_for_bit(finished, tmp_path):
    loaded = toy("stylegan2-f", BFLOAT16)
    folder, _ = trained(loaded, tmp_path, images=20)
    _, resumed = trained(loaded, tmp_path, resume=folder)
    whole = finished[1]
    assert resumed["clock"] == whole["clock"]
    for room in ("networks", "averages"):
        for name, state in whole[room].items():
            assert all(torch.equal(state[key], resumed[room][name][key]) for key in state), name


@pytest.mark.parametrize("name", ["stylegan-f", "progan"])
def test_a_growing_recipe_trains_in_bfloat16(name, tmp_path):
    content = trained(toy(name, BFLOAT16, ONE_LOW), tmp_path)[1]
    assert content["clock"]["step"] == STEPS
    weights = [tensor for state in content["networks"].values() for tensor in state.values()]
    assert all(tensor.isfinite().all() for tensor in weights)


def test_samples_are_made_in_the_precision_of_the_recipe(finished):
    run = load(finished[0])
    generator = run.networks["generator"]
    assert generator.precision == Precision(dtype="bfloat16")
    seen = outputs_of(generator, lambda: run.sample(seeds=[0]))
    assert torch.bfloat16 in {made.dtype for _, made in seen}
    assert run.sample(seeds=[0]).dtype == torch.float32


# float16


def test_half_range_changes_nothing_but_the_range():
    random = torch.Generator().manual_seed(0)
    w = 1e4 * torch.randn(5, 7, 3, 3, generator=random, dtype=torch.float32)
    styles = 1e4 * torch.randn(2, 7, generator=random)
    factors = torch.rand(2, 5, generator=random)
    weight_scale, styles_, factors_ = half_range(w, styles, factors)
    w_ = w * weight_scale
    before = torch.einsum("no,oikl,ni->noikl", factors, w, styles)
    after = torch.einsum("no,oikl,ni->noikl", factors_, w_, styles_)
    torch.testing.assert_close(after, before)  # float32, a few products more
    assert styles_.abs().max() <= 1
    assert w_.abs().max() <= 1 / (7 * 9) ** 0.5 * (1 + 1e-6)


def test_float16_without_a_clamp_is_refused_where_the_clamp_is_missing():
    half = Precision(dtype="float16")
    with pytest.raises(BadValue, match=r"task\.generator\.clamp: .*float16.*Add clamp: 256"):
        task_of(toy("stylegan2-f"), precision=half)
    with pytest.raises(BadValue, match=r"task\.discriminator\.clamp: "):
        task_of(toy("stylegan2-f", "task.generator.clamp=256"), precision=half)
    clamped = ("task.generator.clamp=256", "task.discriminator.clamp=256")
    assert task_of(toy("stylegan2-f", *clamped), precision=half)


def test_float16_on_a_cpu_is_refused_before_a_folder_is_made(tmp_path):
    clamped = ("task.generator.clamp=256", "task.discriminator.clamp=256")
    loaded = toy("stylegan2-f", *clamped, "training.precision.dtype=float16")
    with pytest.raises(BadValue, match=r"training\.precision\.dtype: float16 is for GPUs"):
        trained(loaded, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_of_float16_is_loaded_in_float32_on_a_cpu(tmp_path):
    clamped = ("task.generator.clamp=256", "task.discriminator.clamp=256")
    folder, content = trained(toy("stylegan2-f", *clamped), tmp_path, images=BATCH)
    content["recipe"] = content["recipe"].replace("dtype: float32", "dtype: float16")
    write_checkpoint(tmp_path / "of-a-gpu.pt", content)
    run, other = load(tmp_path / "of-a-gpu.pt"), load(folder)
    assert run.recipe.training.precision.dtype == "float16"
    assert run.networks["generator"].precision == Precision()
    assert torch.equal(run.sample(seeds=[1]), other.sample(seeds=[1]))


def test_float16_is_sampled_in_float32_on_a_cpu_only():
    half = Precision(dtype="float16")
    assert usable_on(half, "cpu") == Precision()
    assert usable_on(half, "cuda:1") == half
    assert usable_on(LOW, "cpu") == LOW


# Who does not know of it


def test_a_network_that_does_not_honour_the_precision_is_refused():
    networks = {"critic": torch.nn.Linear(1, 1)}
    with pytest.raises(BadValue, match=r"training\.precision: bfloat16 .* the critic \(Linear\)"):
        expect_honoured(networks, LOW)
    expect_honoured(networks, Precision())


def test_a_cpu_without_bfloat16_is_told_so_once_and_trains_all_the_same(caplog, monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(precision_module, "has_fast_bfloat16", lambda: False)
    with caplog.at_level(logging.WARNING):
        expect_trainable(LOW, cpu)
        expect_trainable(LOW, cpu, warns=False)
        expect_trainable(Precision(), cpu)
    assert len(caplog.records) == 1
    assert "slower here than in float32" in caplog.text
