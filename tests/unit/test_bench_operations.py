from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganzoo.backends.cupy_kernels.gains import OPS
from ganzoo.cli.bench_tables import ops_text
from ganzoo.errors import UsageError
from ganzoo.training.bench.caches import last_cache
from ganzoo.training.bench.operation_times import compare, why_not_compiled
from ganzoo.training.bench.operations import OPERATIONS, operations_named, problem
from ganzoo.training.fit.words import bytes_words

CPU = torch.device("cpu")
SIZE = (2, 8, 6, 6)
X = 2 * 8 * 6 * 6  # numbers of the input


def made(name, dtype=torch.float32, layout=torch.channels_last):
    (operation,) = operations_named([name])
    return problem(operation, SIZE, dtype, layout, CPU)


def test_every_operation_with_a_kernel_is_measured():
    assert {each.op for each in OPERATIONS} == set(OPS)


@pytest.mark.parametrize("name", [each.name for each in OPERATIONS])
def test_every_operation_gives_the_same_by_reference_and_by_torch(name):
    given = made(name, torch.float64)
    results = []
    for impl in ("reference", "auto"):
        y = given.call(*given.inputs, impl=impl)
        assert y.shape == given.gradient.shape
        assert y.dtype == torch.float64
        results.append((y, *torch.autograd.grad(y, given.inputs, given.gradient)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)  # float64: rounding alone


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("upfirdn2d/up2", X + 4 * X, 4 * X + X),
        ("upfirdn2d/down2", X + X // 4, X // 4 + X),
        ("upfirdn2d/blur", 2 * X, 2 * X),
        ("bias_act", 2 * X + 8, 3 * X + 8),
        # noise, factors, strength, bias; the last three have gradients
        ("layer_epilogue", 2 * X + 72 + 16 + 1 + 8, 3 * X + 16 + 1 + 8),
        ("modulate", 2 * X + 16, 3 * X + 16),
        ("adain", 2 * X + 32, 3 * X + 32),
        ("pixel_norm", 2 * X, 3 * X),
    ],
)
def test_bytes_are_those_that_must_move(name, forward, backward):
    given = made(name)
    assert given.forward_bytes == 4 * forward
    assert given.backward_bytes == 4 * backward


def test_low_precision_halves_the_image_and_not_the_vectors():
    given = made("modulate", torch.bfloat16)
    assert [tensor.dtype for tensor in given.inputs] == [torch.bfloat16, torch.float32]
    assert given.forward_bytes == 2 * X + 4 * 16 + 2 * X


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_input_and_gradient_have_the_layout(layout):
    given = made("bias_act", layout=layout)
    assert given.inputs[0].is_contiguous(memory_format=layout)
    assert given.gradient.is_contiguous(memory_format=layout)


def test_the_name_of_an_op_means_all_its_variants():
    names = [each.name for each in operations_named(["modulate", "upfirdn2d"])]
    assert names == ["upfirdn2d/up2", "upfirdn2d/down2", "upfirdn2d/blur", "modulate"]
    assert operations_named([]) == OPERATIONS


def test_an_unknown_operation_is_named_with_a_suggestion():
    with pytest.raises(UsageError, match=r"no operation is named 'bias-akt'(.|\n)*'bias_act'"):
        operations_named(["bias-akt"])


def compared(**options):
    settings = {
        "device": CPU,
        "dtypes": [torch.float32],
        "sizes": [SIZE],
        "layouts": ["channels_last"],
        "compiled": False,
        "seconds": 0.0,
    }
    return list(compare(operations_named(["modulate"]), **{**settings, **options}))


def test_a_rate_is_bytes_over_seconds_and_a_share_is_of_the_copy():
    (found,) = compared()
    assert [speed.implementation for speed in found.speeds] == ["reference", "torch"]
    for speed in found.speeds:
        assert speed.forward_rate == pytest.approx(found.forward_bytes / speed.forward)
        assert speed.both_rate == pytest.approx(found.both_bytes / speed.both)
        assert speed.both_share == pytest.approx(speed.both_rate / found.copy_rate)
        assert speed.forward_share == pytest.approx(speed.forward_rate / found.copy_rate)


def test_the_last_cache_is_the_largest_that_is_listed(tmp_path):
    for place, size in enumerate(("48K", "2048K")):
        (tmp_path / f"index{place}").mkdir()
        (tmp_path / f"index{place}" / "size").write_text(f"{size}\n", encoding="ascii")
    assert last_cache(tmp_path) == 2**21
    assert last_cache(tmp_path / "nowhere") is None


def test_a_copy_within_the_last_cache_is_told_as_one():
    (found,) = compared()
    assert found.copied_bytes == 2 * 4 * X
    assert found.copy_rate > 0
    cache = last_cache()
    told = ops_text([found], CPU)
    if cache is None:
        assert "which a cache may hold" in told
    else:
        assert found.copied_bytes <= cache
        assert f"The last cache holds {bytes_words(cache)}: copies that move less" in told


def test_a_copy_that_no_cache_holds_needs_no_warning():
    (found,) = compared()
    cache = last_cache()
    if cache is None:
        pytest.skip("this system does not tell the sizes of its caches")
    assert "last cache" not in ops_text([replace(found, copied_bytes=cache + 1)], CPU)


def test_kernels_that_cannot_run_are_left_out_with_the_reason():
    (found,) = compared()
    ((name, reason),) = found.left_out
    assert name == "cupy"
    assert "cpu" in reason


def test_every_size_type_and_layout_is_compared():
    found = compared(
        sizes=[SIZE, (1, 4, 4, 4)],
        dtypes=[torch.float32, torch.bfloat16],
        layouts=["channels_last", "contiguous"],
    )
    assert len({(each.size, each.dtype, each.layout) for each in found}) == 8


def test_a_forced_implementation_leaves_nothing_to_compare(monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "reference")
    with pytest.raises(UsageError, match="GANZOO_OPS=reference forces one"):
        compared()


def test_without_a_compiler_nothing_is_compiled(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_not_compiled(CPU) == "there is no C++ compiler here"
    (found,) = compared(compiled=True)
    assert ("compiled", "there is no C++ compiler here") in found.left_out
