"""The folder is the manifest: names, kinds, summaries and classes come from the files alone."""

from __future__ import annotations

import importlib
from textwrap import dedent

import pytest

from ganzoo.errors import ContractError
from ganzoo.registry.component import Component
from ganzoo.registry.manifest import components_in

BLOCK = '''\
"""Leaves everything as it is."""

__all__ = ["PlainGeneratorBlock"]


class PlainGeneratorBlock:
    def __init__(self, site, *, depth: int = 2) -> None:
        self.depth = depth
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A writer of files in the package ``acme_manifest``, which is importable."""
    monkeypatch.syspath_prepend(str(tmp_path))
    root = tmp_path / "acme_manifest"
    root.mkdir()
    (root / "__init__.py").write_text("raise RuntimeError('nobody may import me')\n")

    def write(path: str, text: str = BLOCK) -> None:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
        importlib.invalidate_caches()

    return write


def refusal() -> str:
    with pytest.raises(ContractError) as caught:
        components_in("acme_manifest")
    return str(caught.value)


def test_file_folder_docstring_and_all_are_the_manifest_and_nothing_is_imported(package):
    package("generator_block/local_attention.py")
    assert components_in("acme_manifest") == (
        Component(
            kind="generator_block",
            name="local-attention",
            target="acme_manifest.generator_block.local_attention:PlainGeneratorBlock",
            summary="Leaves everything as it is.",
        ),
    )


def test_components_come_sorted_by_kind_and_name(package):
    for path in ("loss/b.py", "loss/a.py", "generator_block/z.py"):
        package(path)
    found = [(component.kind, component.name) for component in components_in("acme_manifest")]
    assert found == [("generator_block", "z"), ("loss", "a"), ("loss", "b")]


def test_helpers_and_folders_of_other_names_are_the_packages_own_affair(package):
    package("generator_block/plain.py")
    package("generator_block/__init__.py", "")
    package("generator_block/_helper.py", "no = 'component'")
    package("layers/window.py", "no = 'component'")
    package("_task/draft.py", "no = 'component'")
    assert [component.name for component in components_in("acme_manifest")] == ["plain"]


def test_a_file_says_which_version_of_the_contract_it_was_written_against(package):
    package("generator_block/plain.py", BLOCK + "\n\ncontract = 3\n")
    assert components_in("acme_manifest")[0].contract == 3


def test_a_folder_that_is_nearly_a_kind_is_refused_not_skipped(package):
    package("generator_blocks/plain.py")
    text = refusal()
    assert "acme_manifest/generator_blocks: no kind is named 'generator_blocks'" in text
    assert "Did you mean 'generator_block'?" in text


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("plain.py", "__all__ = ['A']\nclass A: ...\n", "plain.py:1: the file has no docstring"),
        ("plain.py", '"""Doc."""\nclass A: ...\n', "here it is missing"),
        ("plain.py", '"""Doc."""\n\n__all__ = ["A", "B"]\n', "plain.py:3: __all__ names the"),
        ("plain.py", '"""Doc."""\n__all__ = names()\n', "plain.py:2: __all__ names the"),
        ("plain.py", '"""Doc."""\n__all__ = ["A"]\n', "the file defines no such class"),
        ("plain.py", '"""Doc."""\nclass A(:\n', "plain.py:2: this is not Python"),
        ("Plain.py", BLOCK, "named in lower case"),
        ("pl__ain.py", BLOCK, "one underscore"),
        ("plain.py", BLOCK + "contract = '2'\n", "a number as in contract = 2, not '2'"),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(package, file, text, expected):
    package(f"generator_block/{file}", text)
    assert refusal().startswith("acme_manifest/generator_block/")
    assert expected in refusal()


@pytest.mark.parametrize("name", ["", "no_such_package_anywhere", "ganzoo.errors"])
def test_what_is_not_a_package_is_refused_with_the_remedy(name):
    with pytest.raises(ContractError, match=r"components_in\(__package__\)"):
        components_in(name)
