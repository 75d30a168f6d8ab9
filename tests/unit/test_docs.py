"""The documents are true: samples work, commands parse, paths, names and links exist."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch

from ganzoo import errors
from ganzoo.assembly.build import build
from ganzoo.cli.main import COMMANDS, module_of
from ganzoo.cli.parser import CommandParser, add_global_options, split_command
from ganzoo.errors import BadValue, RecipeProblems, UsageError
from ganzoo.nn.noise import FreshNoise
from ganzoo.recipe.grid import load_grid
from ganzoo.recipe.load import load_recipe
from ganzoo.recipe.model import Slot
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import NetworkSite
from ganzoo.registry.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
DESIGN = ROOT / "docs" / "design.md"
README = ROOT / "README.md"
TEXT = DESIGN.read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPERATORS = ("&&", "||", "|", ";", ">")
DOCUMENTS = [
    pytest.param(DESIGN, id="design"),
    pytest.param(README, id="readme"),
]


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced code blocks of these languages."""
    return [body for language, body in FENCED.findall(text) if language in languages]


def spans(text: str) -> list[str]:
    """The inline code outside of the blocks, line breaks read as spaces."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCED.sub("", text))]


def placeholders(text: str) -> list[str]:
    """Words like NUMBERS_GO_HERE outside of code, names of environment variables left out."""
    prose = re.sub(r"`[^`]+`", "", FENCED.sub("", text))
    found = re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", prose)
    return [word for word in found if not word.startswith(("GANZOO_", "OMP_"))]


def sample(text: str, *languages: str) -> str:
    """The one block of the design that holds a text."""
    (found,) = [body for body in blocks(TEXT, *languages) if text in body]
    return found


def commands(text: str) -> list[list[str]]:
    """The words after ``ganzoo`` of every command line that a document mentions."""
    shell = "\n".join(blocks(text, "bash", "sh", "console")).replace("\\\n", " ")
    lines = [line.removeprefix("$ ") for line in shell.splitlines()]
    lines += [span for span in spans(text) if re.search(r"\bganzoo (?!=)", span)]
    found = []
    for line in lines:
        for words in simple_commands(shlex.split(line, comments=True)):
            if "-m" in words:
                words = words[words.index("-m") + 1 :]
            if words and Path(words[0]).name == "ganzoo":
                found.append(words[1:])
    return found


def simple_commands(words: list[str]) -> Iterator[list[str]]:
    """A line of the shell cut at its operators, variables set in front left out."""
    start = 0
    for index, word in enumerate([*words, "|"]):
        if word in OPERATORS:
            yield [w for w in words[start:index] if not re.fullmatch(r"[A-Z_]+=.*", w)]
            start = index + 1


def parse(words: list[str]) -> None:
    """Let the command's own parser read the words, and run nothing.

    A name alone, as in "``ganzoo show`` prints", is only looked up.

    Raises:
        UsageError: the words are not understood.
    """
    before, name, after = split_command(words)
    if name is not None and name not in COMMANDS:
        raise UsageError(f"ganzoo has no command {name!r}")
    if words == [name]:
        return
    parser = CommandParser(prog=f"ganzoo {name or ''}")
    if name is not None:
        module_of(name).add_arguments(parser)
    add_global_options(parser)
    with contextlib.suppress(SystemExit):  # --help and --version; mistakes raise UsageError
        parser.parse_intermixed_args([*before, *after])


def anchors(path: Path) -> set[str]:
    """The names that headings of a Markdown file can be linked by."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture(scope="module")
def registry(tmp_path_factory) -> Iterator[Registry]:
    """Our plugin, and the one that the design shows, written to files."""
    folder = tmp_path_factory.mktemp("documented")
    package = folder / "documented_blocks"
    (package / "generator_block").mkdir(parents=True)
    (package / "__init__.py").write_text(sample("@hookimpl", "python"), encoding="utf-8")
    block = sample("class ChannelAttentionGeneratorBlock", "python")
    (package / "generator_block" / "channel_attention.py").write_text(block, encoding="utf-8")
    made = Registry()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
        made.register("acme", package.name)
        assert not made.failures, made.failures
        yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
        del sys.modules[name]


def generator(registry: Registry, **parameters) -> torch.nn.Module:
    def slot(kind: str, use: str, **given) -> Slot:
        return Slot(kind=kind, use=use, parameters=given, settings={})

    inner = slot("generator_block", "ganzoo/skip")
    network = slot(
        "network",
        "ganzoo/style-generator",
        block=slot("generator_block", "acme/channel-attention", inner=inner, **parameters),
        mapping=slot("mapping", "ganzoo/mlp", depth=2, width=8),
        stem=slot("stem", "ganzoo/constant"),
        normalization=slot("normalization", "ganzoo/demodulation"),
        channels_base=96,
        channels_max=6,
        latent_width=8,
    )
    torch.manual_seed(0)
    return build(network, registry, "generator")(NetworkSite(resolution=(16, 16)))


def test_the_sample_block_makes_images_and_learns(registry):
    network = generator(registry)
    image = network.synthesize(network.styles(torch.randn(2, 8)), FreshNoise())
    assert image.shape == (2, 3, 16, 16)
    image.square().sum().backward()
    own = [p for n, p in network.named_parameters() if ".squeeze." in n or ".excite." in n]
    assert len(own) == 8
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in own)


def test_the_sample_block_names_the_key_that_it_refuses(registry):
    with pytest.raises(BadValue, match="expected at least 1, found 0") as caught:
        generator(registry, reduction=0)
    assert caught.value.path == "generator.block.reduction"


def test_the_sample_recipe_resolves_with_the_sample_block(registry, tmp_path):
    path = tmp_path / "weaker-r1.yaml"
    path.write_text(sample("# weaker-r1.yaml", "yaml"), encoding="utf-8")
    task = load_recipe(path, registry=registry).recipe.task
    assert task.parameters["generator"].parameters["block"].use == "acme/channel-attention"
    assert task.parameters["regularizers"]["r1"].settings["weight"] == 0.05


def test_the_sample_grid_resolves(registry, tmp_path):
    path = tmp_path / "blocks.yaml"
    path.write_text(sample("# blocks.yaml", "yaml"), encoding="utf-8")
    points = load_grid(path, registry=registry).points
    assert [point.label for point in points] == [
        "skip × original",  # noqa: RUF001
        "skip × residual",  # noqa: RUF001
        "residual × original",  # noqa: RUF001
        "residual × residual",  # noqa: RUF001
    ]


def test_the_broken_recipe_is_told_as_the_design_says(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text(sample("# broken.yaml", "yaml"), encoding="utf-8")
    with pytest.raises(RecipeProblems) as caught:
        load_recipe("broken.yaml", registry=registry)
    assert str(caught.value) == sample("broken.yaml:", "text").strip()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_command_parses(path):
    found = commands(path.read_text(encoding="utf-8"))
    assert found
    for words in found:
        parse(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`ganzoo sample runs/NAME --sed 1`", "--sed"),
        ("```bash\npip install . && ganzoo trian\n```\n", "no command 'trian'"),
        ("```bash\nGANZOO_DATA=x .venv/bin/ganzoo run \\\n  r.yaml --maxminutes 1\n```\n", "--max"),
        ("`torchrun --nproc-per-node 2 -m ganzoo diff a.yaml`", "required: B"),
    ],
)
def test_a_command_that_does_not_parse_is_found(text, expected):
    (words,) = commands(text)
    with pytest.raises(UsageError, match=expected):
        parse(words)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_nothing_is_left_to_be_filled_in(path):
    assert not placeholders(path.read_text(encoding="utf-8"))


def test_a_word_to_be_filled_in_is_found_wherever_it_stands():
    text = (
        "It took SECONDS_A_STEP s\n(of `OUR_CODE`, GANZOO_OPS)\n```sh\nNO_WORD=1\n```\n| GAIN_2 |"
    )
    assert placeholders(text) == ["SECONDS_A_STEP", "GAIN_2"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_internal_link_leads_somewhere(path):
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        place = path.parent / file if file else path
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


def test_every_path_exists():
    rooms = r"(?:ganzoo|recipes|tests|benchmarks|docs)/"
    named = set(re.findall(rf"(?<![\w/.]){rooms}[\w/.-]*", FENCED.sub("", TEXT)))
    paths = {name for name in named if name.endswith("/") or Path(name).suffix}
    assert len(paths) > 20
    assert not [name for name in sorted(paths) if not (ROOT / name.rstrip(".")).exists()]


def test_every_component_that_is_named_exists(registry):
    known = {component.name for component in registry.components()}
    named = {span for span in spans(TEXT) if re.fullmatch(r"ganzoo/[a-z0-9-]+", span)}
    assert named
    assert named <= known


def test_every_kind_has_its_row():
    for kind in KINDS.values():
        assert f"| `{kind.name}` | `{kind.contract}` |" in TEXT


def test_every_error_has_its_exit_code():
    kinds = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]
    rows = [line for line in TEXT.splitlines() if re.match(r"\| `\w+Error` \| \d", line)]
    for kind in kinds:
        (row,) = [row for row in rows if f"`{kind.__name__}`" in row]
        assert f"| {kind.exit_code} |" in row, kind.__name__


def test_samples_are_python_and_import_what_exists():
    for body in blocks(TEXT, "python"):
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), node.module
