"""The schema is the signature: types, defaults and docs, read without running the file."""

from __future__ import annotations

import importlib
from textwrap import dedent

import pytest

from ganzoo.errors import ContractError
from ganzoo.registry.component import Component
from ganzoo.registry.schema import read_schema, record_from_module
from ganzoo.registry.types import (
    BOOL,
    FLOAT,
    INT,
    MISSING,
    NONE,
    STR,
    Choice,
    Fixed,
    ListOf,
    MapOf,
    OneOf,
    Parameter,
    Record,
    Schema,
    SlotOf,
)

IMPORTS = """\
from __future__ import annotations
import dataclasses, typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Optional, Union
import a_module_that_nobody_has
from ganzoo.registry import contracts
if TYPE_CHECKING:
    from ganzoo.registry.contracts import Factory, GeneratorBlock, Regularizer, Layers
@dataclass(frozen=True)
class Window:
    \"\"\"A window.

    Args:
        side: in pixels.
    \"\"\"
    side: int
    stride: float = 1
"""
PLACE = "acme_schema/generator_block/thing.py"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A writer of files of the package ``acme_schema``, which nobody may import."""
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "acme_schema" / "generator_block"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('nobody may import me')\n")

    def write_file(text: str, path: str = "generator_block/thing.py") -> None:
        (folder.parent / path).write_text(text)
        importlib.invalidate_caches()

    return write_file


@pytest.fixture
def read(write):
    """Reads the schema of a class ``Thing`` from its text."""

    def read_class(text: str, kind: str = "generator_block") -> Schema:
        write(IMPORTS + dedent(text))
        target = "acme_schema.generator_block.thing:Thing"
        return read_schema(Component(kind=kind, name="acme/thing", target=target, summary="S."))

    return read_class


@pytest.fixture
def parameter(read):
    """Reads one parameter from its text."""

    def read_parameter(text: str) -> Parameter:
        schema = read(f"class Thing:\n    def __init__(self, site, *, {text}) -> None: ...\n")
        (found,) = schema.parameters.values()
        return found

    return read_parameter


WINDOW = Record(
    name="Window",
    fields={
        "side": Parameter(name="side", type=INT, doc="in pixels."),
        "stride": Parameter(name="stride", type=FLOAT, default=1.0),
    },
)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("bool", BOOL),
        ("int", INT),
        ("float", FLOAT),
        ("str", STR),
        ("None", NONE),
        ("'int'", INT),
        ("Literal['a', 'b']", Choice(("a", "b"))),
        ("typing.Literal[1, True, None, -2]", Choice((1, True, None, -2))),
        ("int | None", OneOf((INT, NONE))),
        ("int | str | None", OneOf((INT, STR, NONE))),
        ("Optional[int]", OneOf((INT, NONE))),
        ("Union[int, str, None]", OneOf((INT, STR, NONE))),
        ("tuple[float, ...]", ListOf(FLOAT)),
        ("tuple[int, str]", Fixed((INT, STR))),
        ("tuple[int]", Fixed((INT,))),
        ("tuple[tuple[int, int], ...] | None", OneOf((ListOf(Fixed((INT, INT))), NONE))),
        ("tuple[Literal['g', 'd'], ...]", ListOf(Choice(("g", "d")))),
        ("Mapping[str, float]", MapOf(STR, FLOAT)),
        ("Mapping[int, tuple[int, ...]]", MapOf(INT, ListOf(INT))),
        ("Factory[GeneratorBlock]", SlotOf("generator_block")),
        ("contracts.Factory[contracts.Head]", SlotOf("head")),
        ("Factory['GeneratorBlock']", SlotOf("generator_block")),
        ("Factory[GeneratorBlock] | None", OneOf((SlotOf("generator_block"), NONE))),
        ("Mapping[str, Factory[Regularizer]]", MapOf(STR, SlotOf("regularizer"))),
        ("Window", WINDOW),
        ("Window | None", OneOf((WINDOW, NONE))),
        ("Mapping[str, Window]", MapOf(STR, WINDOW)),
    ],
)
def test_annotations_become_the_types_of_a_recipe(parameter, text, form):
    assert parameter(f"x: {text}") == Parameter(name="x", type=form, default=MISSING)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("int = 3", 3),
        ("int = -3", -3),
        ("int = 25_000_000", 25_000_000),
        ("float = 1e-8", 1e-8),
        ("float = +.5", 0.5),
        ("float = 2", 2.0),
        ("bool = False", False),
        ("str = 'lrelu'", "lrelu"),
        ("float | None = None", None),
        ("tuple[float, ...] = (1, 3, 3, 1)", (1.0, 3.0, 3.0, 1.0)),
        ("tuple[float, float] = (0, 0.99)", (0.0, 0.99)),
        ("tuple[int, ...] = ()", ()),
        ("Mapping[int, float] = {4: 1, 8: 0.5}", {4: 1.0, 8: 0.5}),
        ("Mapping[str, Factory[Regularizer]] = {}", {}),
        ("Factory[GeneratorBlock] | None = None", None),
        ("Literal['a', 'b'] = 'b'", "b"),
        ("Window = Window(side=4)", {"side": 4, "stride": 1.0}),
        ("Window | None = Window(side=4, stride=2)", {"side": 4, "stride": 2.0}),
        ("Window | None = None", None),
    ],
)
def test_defaults_are_read_and_have_the_declared_type(parameter, text, value):
    found = parameter(f"x: {text}").default
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, tuple):
        assert [type(item) for item in found] == [type(item) for item in value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: int = '8'", "the default of 'x' is '8', but its type is int"),
        ("x: int = 1.5", "its type is int"),
        ("x: int = True", "its type is int"),
        ("x: float = True", "its type is float"),
        ("x: int = None", "its type is int"),
        ("x: Literal['a', 'b'] = 'c'", "its type is a | b"),
        ("x: tuple[int, int] = (1, 2, 3)", "its type is [int, int]"),
        ("x: Factory[GeneratorBlock] = None", "its type is generator_block"),
        ("x: int = 2 ** 20", "only literals can be read"),
        ("x: int = DEPTH", "only literals can be read"),
        ("x: float = float('inf')", "only literals can be read"),
        ("x: tuple[int, ...] = [1]", "write a tuple"),
        ("x: Window = Window()", "Window needs a value for 'side'"),
        ("x: Window = Window(side=4, sid=1)", "Window has no field 'sid'"),
        ("x: Window = Window(4)", "expected Window(...) with keywords"),
        ("x", "parameter 'x' has no annotation"),
        ("x: list[int]", "not one of the allowed types"),
        ("x: complex", "not one of the allowed types"),
        ("x: dict[str, int]", "not one of the allowed types"),
        ("x: Layers", "Layers is no frozen dataclass"),
        ("x: a_module_that_nobody_has.Thing", "not one of the allowed types"),
        ("x: Mapping[float, int]", "the keys of a mapping are str or int"),
        ("x: Literal[1.5]", "Literal holds bool, int, str or None"),
        ("x: Factory[Layers]", "Layers is not the contract of a kind"),
        ("x: Factory[contracts.Stemm]", "did you mean Stem?"),
        ("x: Factory[GeneratorBlock] | int", "joined with None only"),
        ("x: tuple[Factory[Regularizer], ...]", "a list cannot hold a regularizer"),
        ("x: 'int['", "the text is not a type"),
        ("use: int = 1", "the parameter 'use' has the name of a key"),
        ("every: int = 1", "the parameter 'every' has the name of a key"),
        ("weight: int = 1", "the parameter 'weight' has the name of a key"),
        ("on: bool = True", "the parameter 'on' has the name of a key"),
        ("x: int, **rest: int", "**rest is not allowed"),
    ],
)
def test_a_parameter_that_a_recipe_cannot_write_is_refused_with_its_line(parameter, text, expected):
    with pytest.raises(ContractError) as caught:
        parameter(text)
    line = IMPORTS.count("\n") + 2
    assert str(caught.value).startswith(f"{PLACE}:{line}: Thing.__init__: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("self", "the site and nothing else, not nothing"),
        ("self, *, x: int", "the site and nothing else, not nothing"),
        ("self, site, depth: int = 2", "the site and nothing else, not site, depth"),
        ("self, site, *rest", "*rest is not allowed"),
        ("self, site, **rest", "**rest is not allowed"),
    ],
)
def test_the_star_rule_is_kept(read, signature, expected):
    with pytest.raises(ContractError) as caught:
        read(f"class Thing:\n    def __init__({signature}) -> None: ...\n")
    assert expected in str(caught.value)


@pytest.mark.parametrize("site", ["site", "site, /", "site: None = None"])
def test_the_site_is_positional_in_any_spelling(read, site):
    schema = read(f"class Thing:\n    def __init__(self, {site}) -> None: ...\n")
    assert schema.parameters == {}


def test_a_class_without_a_constructor_is_told_to_write_one(read):
    with pytest.raises(ContractError, match=r"thing\.py:\d+: Thing has no __init__"):
        read("class Thing(a_module_that_nobody_has.Module):\n    pass\n")


def test_the_keys_of_the_kind_are_not_a_components(read):
    text = "class Thing:\n    def __init__(self, site, *, mirror: bool = True) -> None: ...\n"
    assert read(text, "loss").parameters["mirror"].default is True
    with pytest.raises(ContractError, match=r"'mirror' has the name of a key .* a dataset"):
        read(text, "dataset")


def test_a_constructor_may_be_inherited_within_the_plugin(read, write):
    write(
        "class Parent:\n    def __init__(self, site, *, depth: int = 4) -> None: ...\n",
        "parent.py",
    )
    schema = read("from acme_schema.parent import Parent\nclass Thing(Parent): ...\n")
    assert schema.parameters["depth"].default == 4


def test_docs_come_from_class_and_constructor(read):
    schema = read(
        '''
        class Thing:
            """Does a thing.

            In two ways.

            Args:
                heads: how many, side by
                    side: as many as fit.
                near, far (float): distances.

                depth: from the class.

            Raises:
                ValueError: never.
            """
            def __init__(
                self, site, *, heads: int = 8, near: float, far: float, depth: int, bare: int
            ) -> None:
                """Build.

                Args:
                    depth: from the constructor.
                """
        '''
    )
    assert {name: found.doc for name, found in schema.parameters.items()} == {
        "heads": "how many, side by side: as many as fit.",
        "near": "distances.",
        "far": "distances.",
        "depth": "from the constructor.",
        "bare": "",
    }
    assert schema.summary == "Does a thing."
    assert schema.doc == "Does a thing.\n\nIn two ways.\n\nRaises:\n    ValueError: never."


def test_parameters_keep_the_order_of_the_signature(read):
    schema = read("class Thing:\n    def __init__(self, site, *, b: int, a: int) -> None: ...\n")
    assert list(schema.parameters) == ["b", "a"]


def test_a_dataclass_is_followed_to_its_file(read, write):
    write("from acme_schema.shapes import Grid as Grid\n", "reexports.py")
    write(
        "import dataclasses, torch_that_nobody_has\n"
        "@dataclasses.dataclass(frozen=True, kw_only=True)\n"
        "class Grid:\n    rows: int = 4\n",
        "shapes.py",
    )
    schema = read(
        "from ..reexports import Grid\n"
        "class Thing:\n    def __init__(self, site, *, grid: Grid = Grid(rows=8)) -> None: ...\n"
    )
    assert schema.parameters["grid"].type.fields["rows"].type == INT
    assert schema.parameters["grid"].default == {"rows": 8}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("@dataclass\nclass S:\n    a: int = 1\n", "S is no frozen dataclass"),
        ("@dataclass(frozen=True)\nclass S(Window):\n    a: int = 1\n", "that inherits"),
        ("@dataclass(frozen=True)\nclass S:\n    a: list = ()\n", "not one of the allowed types"),
        (
            "@dataclass(frozen=True)\nclass S:\n    a: S | None = None\n",
            "the dataclass holds itself",
        ),
    ],
)
def test_a_dataclass_that_cannot_be_read_is_refused(read, body, expected):
    with pytest.raises(ContractError) as caught:
        read(body + "class Thing:\n    def __init__(self, site, *, s: S) -> None: ...\n")
    assert expected in str(caught.value)
    assert str(caught.value).startswith(PLACE)


def test_a_missing_file_or_class_is_a_sentence(write):
    write("x = 1\n")
    for target, expected in (
        ("acme_schema.nowhere:Thing", "the file of 'acme_schema.nowhere' cannot be found"),
        ("acme_schema.generator_block.thing:Thing", "thing.py defines no class 'Thing'"),
    ):
        with pytest.raises(ContractError) as caught:
            read_schema(Component(kind="loss", name="acme/thing", target=target, summary="S."))
        assert f"loss acme/thing: {expected}" in str(caught.value).replace(f"{PLACE[:-8]}", "")


def test_the_rooms_of_a_recipe_are_read_like_components():
    training = record_from_module("ganzoo.recipe.settings", "TrainingSettings")
    optimizer = training.fields["optimizer"]
    assert training.fields["images"].default == 25_000_000
    assert training.fields["micro_batch"].type == OneOf((INT, NONE))
    assert optimizer.type.fields["algorithm"].type == Choice(("adam",))
    assert optimizer.default == {
        "algorithm": "adam",
        "lr": 0.002,
        "betas": (0.0, 0.99),
        "eps": 1e-8,
    }
    assert training.fields["seed"].doc == "of weights, order and draws."


def test_fields_of_a_dataclass_have_defaults_of_several_spellings(write):
    write(
        IMPORTS
        + dedent(
            """\
            @dataclass(frozen=True, kw_only=True)
            class S:
                kind: typing.ClassVar[list] = []
                a: float = field(default=3)
                b: Mapping[str, int] = field(default_factory=dict)
                c: tuple[int, ...] = dataclasses.field(default_factory=tuple)
                d: int
            """
        )
    )
    fields = record_from_module("acme_schema.generator_block.thing", "S").fields
    defaults = {name: found.default for name, found in fields.items()}
    assert defaults == {"a": 3.0, "b": {}, "c": (), "d": MISSING}


def test_what_ast_reads_is_what_python_runs():
    import inspect

    from ganzoo.registry.discovery import discover

    registry = discover()
    components = registry.components("mapping") + registry.components("generator_block")
    assert components
    for component in components:
        written = registry.schema(component).parameters
        run = inspect.signature(registry.load(component)).parameters
        keywords = {name: p for name, p in run.items() if p.kind is p.KEYWORD_ONLY}
        assert list(written) == list(keywords)
        for name, found in keywords.items():
            if found.default is found.empty:
                assert written[name].required
            else:
                assert written[name].default == found.default
