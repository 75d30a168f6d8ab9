"""The style generator, over every block and normalization."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from small_networks import GENERATOR_BLOCKS, NORMALIZATIONS, generator, latents, site

from ganzoo.errors import BadValue
from ganzoo.nn.layer_kit import LayerKit
from ganzoo.nn.noise import FreshNoise, GivenNoise, NoiseBelow, NoiseFrom, NoNoise
from ganzoo.plugins.mapping.identity import IdentityMapping
from ganzoo.plugins.mapping.mlp import MlpMapping
from ganzoo.plugins.network.style_generator import StyleGenerator
from ganzoo.plugins.normalization.demodulation import DemodulationNormalization
from ganzoo.plugins.stem.constant import ConstantStem
from ganzoo.registry.contracts import ConvSite

every_block = pytest.mark.parametrize("block", GENERATOR_BLOCKS)
every_normalization = pytest.mark.parametrize("normalization", NORMALIZATIONS)


def close(a, b):
    # float64; the same operations, on a batch cut otherwise
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@every_block
@every_normalization
@pytest.mark.parametrize(
    ("base", "channels", "labels", "grows"), [((4, 4), 1, 0, False), ((3, 5), 4, 2, True)]
)
def test_images_have_the_promised_shape(block, normalization, base, channels, labels, grows):
    where = site(
        (base[0] * 4, base[1] * 4), base=base, channels=channels, label_width=labels, grows=grows
    )
    network = generator(block, normalization, where)
    label = torch.eye(2, dtype=torch.float64)[[0, 1, 0]] if labels else None
    image = network(latents(), label)
    assert image.shape == (3, channels, base[0] * 4, base[1] * 4)
    assert image.isfinite().all()
    if labels:
        assert not torch.allclose(image, network(latents(), label.flip(1)))


@every_block
@every_normalization
def test_samples_do_not_see_each_other(block, normalization):
    network = generator(block, normalization).eval()
    close(network(latents()[1:2]), network(latents())[1:2])


@every_block
@every_normalization
def test_every_parameter_is_reached_twice_over(block, normalization):
    network = generator(block, normalization, gain="weight", blur=(1, 2, 1))
    styles = network.styles(latents())
    image = network.synthesize(styles, network.fixed_noise())
    pixels = torch.randn(image.shape, dtype=image.dtype, generator=torch.Generator().manual_seed(0))
    (jacobian,) = torch.autograd.grad((image * pixels).sum(), styles, create_graph=True)
    (jacobian.square().sum() + image.square().sum()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@every_block
@every_normalization
def test_a_copy_and_a_restored_state_make_the_same_image(block, normalization):
    network = generator(block, normalization).eval()
    other = generator(block, normalization, seed=7).eval()
    assert not torch.allclose(other(latents()), network(latents()))
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(latents()), network(latents()))
    assert torch.equal(copy.deepcopy(network)(latents()), network(latents()))


# Growing


@every_block
@every_normalization
@pytest.mark.parametrize("level", [1, 2])
def test_fade_0_is_the_upsampled_smaller_network(block, normalization, level):
    network = generator(block, normalization, site(grows=True), image_resample=(1, 1)).eval()
    styles, noise = network.styles(latents()), network.fixed_noise()
    smaller = network.synthesize(styles, noise, level - 1)
    upsampled = smaller.repeat_interleave(2, 2).repeat_interleave(2, 3)
    close(network.synthesize(styles, noise, level, fade=0.0), upsampled)
    halfway = network.synthesize(styles, noise, level, fade=0.25)
    close(halfway, upsampled.lerp(network.synthesize(styles, noise, level), 0.25))


def test_a_smaller_level_needs_only_its_own_styles():
    network = generator(where=site(grows=True)).eval()
    styles, noise = network.styles(latents()), network.fixed_noise()
    assert [network.num_styles_at(level) for level in range(3)] == [2, 4, 6]
    few = network.synthesize(styles[:, :4], noise, level=1)
    assert few.shape[-1] == 8
    close(few, network.synthesize(styles, noise, level=1))
    with pytest.raises(ValueError, match="3 styles were given; expected 4 for an image of 8 x 8"):
        network.synthesize(styles[:, :3], noise, level=1)


def test_a_network_that_does_not_grow_has_one_level():
    network = generator()
    with pytest.raises(ValueError, match="does not grow; expected level 2 at fade 1"):
        network.synthesize(network.styles(latents()), NoNoise(), level=1)
    with pytest.raises(ValueError, match="does not grow"):
        network.synthesize(network.styles(latents()), NoNoise(), fade=0.5)


# Styles


def test_styles_from_the_cut_on_are_of_the_second_latent():
    network = generator()
    z, z2 = latents(), latents(seed=2)
    mixed = network.styles(z, mixing=(z2, 4))
    assert mixed.shape == (3, 6, 6)
    assert torch.equal(mixed[:, :4], network.styles(z)[:, :4])
    assert torch.equal(mixed[:, 4:], network.styles(z2)[:, 4:])
    assert torch.equal(network.styles(z, mixing=(z2, 6)), network.styles(z))


def test_the_mean_style_follows_the_first_latent_in_training_mode_only():
    network = generator(w_mean_beta=0.75)
    z = latents()
    styles = network.styles(z, mixing=(latents(seed=2), 1))
    assert network.w_mean.value.abs().max() == 0
    network.w_mean.settle()
    close(network.w_mean.value, styles[:, 0].mean(0).detach() / 4)
    network.eval()
    network.styles(z)
    assert network.w_mean.pending()[1] == 0


def test_truncation_pulls_the_first_styles_to_their_mean():
    network = generator()
    network.w_mean.value.normal_(generator=torch.Generator().manual_seed(0))
    styles = network.styles(latents())
    mean = network.w_mean.value.expand_as(styles)
    close(network.truncate(styles, 0.0), mean)
    close(network.truncate(styles, 0.5), (styles + mean) / 2)
    partly = network.truncate(styles, 0.0, cutoff=2)
    close(partly, torch.cat([mean[:, :2], styles[:, 2:]], dim=1))


@pytest.mark.parametrize(
    ("block", "normalization", "grows", "sides"),
    [
        ("skip", "demodulation", False, [(4,), (4, 8), (8,), (8, 16), (16,), (16,)]),
        ("original", "demodulation", False, [(4,), (8,), (8,), (16,), (16,), (16,)]),
        ("original", "demodulation", True, [(4,), (4, 8), (8,), (8, 16), (16,), (16,)]),
        ("skip", "adain", False, [(4,), (4,), (8,), (8,), (16,), (16,)]),
    ],
)
def test_the_map_of_styles_says_what_each_controls(block, normalization, grows, sides):
    network = generator(block, normalization, site(grows=grows))
    assert network.style_resolutions() == tuple(tuple((s, s) for s in row) for row in sides)
    assert network.num_styles == len(sides)


@every_block
@pytest.mark.parametrize("normalization", [n for n in NORMALIZATIONS if n != "pixel"])
def test_every_style_changes_the_image(block, normalization):
    network = generator(block, normalization).eval()
    styles, noise = network.styles(latents()), network.fixed_noise()
    image = network.synthesize(styles, noise)
    for index in range(network.num_styles):
        moved = styles.clone()
        moved[:, index] += 1
        assert not torch.allclose(network.synthesize(moved, noise), image), index


def test_identity_is_the_latent_of_unit_mean_square():
    network = generator(mapping=IdentityMapping, where=site(label_width=2))
    assert network.style_width == 5 + 2
    label = torch.eye(2, dtype=torch.float64)[[0, 1, 0]]
    w = network.styles(latents(), label)[:, 0]
    # the epsilon inside the root weighs 1e-8
    torch.testing.assert_close(w.square().mean(1), torch.ones_like(w[:, 0]), rtol=1e-7, atol=0)
    with pytest.raises(ValueError, match=r"a conditional mapping needs labels \[N, 2\]"):
        network.styles(latents())


# Noise


@every_block
@every_normalization
def test_noise_is_whatever_object_is_given(block, normalization):
    network = generator(block, normalization).eval()
    styles = network.styles(latents())

    def image(noise):
        return network.synthesize(styles, noise)

    fixed = network.fixed_noise()
    fresh = [FreshNoise(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    first, again, other = (image(noise) for noise in fresh)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(image(fixed), image(GivenNoise(fixed.maps)))
    close(image(NoiseBelow(fixed, 4)), image(NoNoise()))
    close(image(NoiseFrom(fixed, 4)), image(fixed))
    assert not torch.allclose(image(NoiseFrom(fixed, 8)), image(fixed))
    assert not torch.allclose(image(NoiseFrom(fixed, 8)), image(NoiseBelow(fixed, 8)))


def test_given_noise_can_be_optimized():
    network = generator()
    maps = [torch.zeros(1, 1, *size, dtype=torch.float64) for size in network.noise_sizes]
    maps = [noise.requires_grad_() for noise in maps]
    network.synthesize(network.styles(latents()), GivenNoise(maps)).square().sum().backward()
    assert all(noise.grad.any() for noise in maps)


def test_noise_maps_are_part_of_the_state_and_count_the_layers():
    assert generator().noise_sizes == ((4, 4), (8, 8), (8, 8), (16, 16), (16, 16))
    assert len(generator(normalization="adain").noise_sizes) == 6
    assert {f"noise{i}" for i in range(5)} <= set(generator().state_dict())


def test_without_noise_there_are_neither_maps_nor_strengths():
    network = generator(noise=False)
    assert network.noise_sizes == ()
    assert not [name for name in network.state_dict() if "noise" in name]
    styles = network.styles(latents())
    assert torch.equal(
        network.synthesize(styles, FreshNoise()), network.synthesize(styles, NoNoise())
    )


# Precision


@every_block
@every_normalization
def test_styles_and_images_keep_their_precision_under_autocast(block, normalization):
    network = generator(block, normalization, site(grows=True)).float().eval()
    z, noise = latents().float(), network.fixed_noise()
    with torch.autocast("cpu", torch.bfloat16):
        styles = network.truncate(network.styles(z), 0.5, cutoff=3)
        image = network.synthesize(styles, noise)
        faded = network.synthesize(styles, noise, fade=0.5)
    assert styles.dtype == image.dtype == faded.dtype == torch.float32
    # bfloat16 keeps 8 bits, in half a dozen layers
    exact = network.synthesize(styles, noise)
    assert (image - exact).abs().max() < 0.1 * exact.abs().max()


# Layers


def test_demodulation_is_the_published_formula_with_weights_of_a_samples_own():
    network = generator().eval()
    layer = network.stem.conv
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, 4, 4, generator=random, dtype=torch.float64)
    w = torch.randn(2, 6, generator=random, dtype=torch.float64)
    y = layer(x, w, NoNoise())
    for sample in range(2):
        scale = layer.affine(w)[sample]
        weight = layer.conv.weight * scale[None, :, None, None]
        norm = (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        expected = torch.nn.functional.conv2d(x[sample, None], weight * norm, padding=1)
        expected = expected + layer.conv.bias[:, None, None]
        close(y[sample, None], torch.nn.functional.leaky_relu(expected, 0.2) * 2**0.5)


def test_adain_sets_mean_and_deviation_of_every_map():
    network = generator(normalization="adain").eval()
    layer = network.stem.conv
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, 4, 4, generator=random, dtype=torch.float64)
    w = torch.randn(2, 6, generator=random, dtype=torch.float64)
    y = layer(x, w, NoNoise())
    factor, offset = layer.affine(w)[:, :8] + 1, layer.affine(w)[:, 8:]
    close(y.mean((2, 3)), offset)
    # the epsilon inside the root weighs 1e-8 against a variance near 1
    torch.testing.assert_close(y.std((2, 3), correction=0), factor.abs(), rtol=1e-6, atol=1e-6)


def test_first_values_are_as_published():
    torch.manual_seed(0)
    network = StyleGenerator(
        site(),
        block=GENERATOR_BLOCKS["skip"],
        normalization=NORMALIZATIONS["demodulation"],
        mapping=partial(MlpMapping, depth=2, width=64),
        stem=ConstantStem,
        channels_max=64,
    )
    first = dict(network.named_parameters())
    assert first["stem.const"].std().item() == pytest.approx(1, abs=0.1)
    assert first["stem.conv.conv.weight"].std().item() == pytest.approx(1, abs=0.1)
    assert first["mapping.layers.1.weight"].std().item() == pytest.approx(100, rel=0.1)
    assert all((p == 0).all() for n, p in first.items() if n.endswith(("conv.bias", "strength")))
    assert all((p == 1).all() for n, p in first.items() if n.endswith("affine.bias"))
    assert (generator(normalization="adain").stem.const == 1).all()


@pytest.mark.parametrize("resolution", [(24, 24), (4, 4), (16, 32)])
def test_a_resolution_that_does_not_fit_is_refused(resolution):
    with pytest.raises(BadValue, match=r"does not fit the base grid 4 x 4.* Nearest: "):
        generator(where=site(resolution))


def test_latents_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"z has shape \[3, 4\]; expected \[N, 5\]"):
        generator().styles(latents(width=4))


@pytest.mark.parametrize(("kernel", "up"), [(1, 1), (3, 1), (1, 2), (3, 2)])
def test_a_demodulated_output_keeps_kernel_and_upsampling_of_its_site(kernel, up):
    """A to-RGB of one pixel scales weights instead of features; others must not lose their form."""
    layers = LayerKit()
    where = ConvSite(
        in_channels=8,
        out_channels=3,
        kernel=kernel,
        up=up,
        style_width=5,
        noise=None,
        is_output=True,
        layers=layers,
    )
    made = DemodulationNormalization(where).double()
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, 6, 6, generator=random, dtype=torch.float64)
    style = torch.randn(2, 5, generator=random, dtype=torch.float64)
    scaled = x * made.affine(style)[:, :, None, None]
    expected = made.conv.finish(made.conv.linear(scaled))
    y = made(x, style, NoNoise())
    assert y.shape == (2, 3, 6 * up, 6 * up)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
