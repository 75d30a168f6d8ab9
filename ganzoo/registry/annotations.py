"""Annotations and defaults, read with ``ast``, as the types and values of a recipe."""

from __future__ import annotations

import ast

from ganzoo.errors import ContractError
from ganzoo.registry.docstrings import argument_docs
from ganzoo.registry.kinds import KIND_OF_CONTRACT
from ganzoo.registry.literals import Refused, literal
from ganzoo.registry.source import Source
from ganzoo.registry.suggest import did_you_mean
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
    Mismatch,
    OneOf,
    Parameter,
    Record,
    SlotOf,
    TypeForm,
    Value,
    coerce,
)

ALLOWED = (
    "bool, int, float, str, None, Literal, unions of these, tuple[T, ...], tuple[A, B],"
    " Mapping[str, T] or Mapping[int, T], frozen dataclasses, and Factory[Contract]"
)
_SCALARS = {"bool": BOOL, "int": INT, "float": FLOAT, "str": STR}
_CONTRACTS = "ganzoo.registry.contracts"
_MAPPINGS = ("typing.Mapping", "collections.abc.Mapping")


class Reader:
    """Reads the parameters of one file.

    Args:
        source: the file.
        owner: what errors call the place, as ``LocalAttention.__init__``.
        inside: full names of the dataclasses being read, so that none holds itself.
    """

    def __init__(self, source: Source, owner: str, inside: tuple[str, ...] = ()) -> None:
        self._source = source
        self._owner = owner
        self._inside = inside

    def parameter(
        self, name: str, annotation: ast.expr, default: ast.expr | None, doc: str
    ) -> Parameter:
        """One parameter.

        Raises:
            ContractError: the annotation is not of the allowed types, or the default is not a
                literal of the annotated type.
        """
        try:
            form = self._form(annotation)
        except Refused as refused:
            raise self.error(
                annotation,
                f"parameter {name!r} is annotated {ast.unparse(annotation)}: {refused}. A recipe"
                f" can write {ALLOWED}.",
            ) from None
        value: Value = MISSING
        if default is not None:
            try:
                value = self._default(form, default)
            except Refused as refused:
                raise self.error(
                    default, f"the default of {name!r} is {ast.unparse(default)}: {refused}."
                ) from None
            except Mismatch:
                raise self.error(
                    default,
                    f"the default of {name!r} is {ast.unparse(default)}, but its type is {form}."
                    " Change one of them.",
                ) from None
        return Parameter(name=name, type=form, default=value, doc=doc)

    def record(self, node: ast.ClassDef) -> Record:
        """A frozen dataclass as a type.

        Raises:
            ContractError: it is not one, or a field is not of the allowed types.
        """
        if not _is_frozen_dataclass(node, self._source):
            raise self.error(
                node, "the class is no frozen dataclass. Decorate it with @dataclass(frozen=True)."
            )
        if node.bases:
            raise self.error(
                node, "a dataclass that inherits cannot be read. Write all of its fields in it."
            )
        docs = argument_docs(ast.get_docstring(node) or "")
        fields: dict[str, Parameter] = {}
        for line in node.body:
            if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
                continue
            name = line.target.id
            outer = line.annotation
            if isinstance(outer, ast.Subscript):
                outer = outer.value
            if self._source.qualified(outer) != "typing.ClassVar":
                fields[name] = self.parameter(name, line.annotation, line.value, docs.get(name, ""))
        return Record(name=node.name, fields=fields)

    def error(self, node: ast.AST, message: str) -> ContractError:
        """The error of this place: file, line, owner, message."""
        return ContractError(f"{self._source.where(node)}: {self._owner}: {message}")

    def _form(self, node: ast.expr) -> TypeForm:
        if isinstance(node, ast.Constant):
            if node.value is None:
                return NONE
            if isinstance(node.value, str):
                return self._form(_quoted(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _union((self._form(node.left), self._form(node.right)))
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._named(node)
        if isinstance(node, ast.Subscript):
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return self._generic(self._source.qualified(node.value), inner)
        raise Refused("this is not one of the allowed types")

    def _named(self, node: ast.expr) -> TypeForm:
        name = self._source.qualified(node)
        if name in _SCALARS:
            return _SCALARS[name]
        found = self._source.find_class(name) if "." in name else None
        if found is None:
            raise Refused("this is not one of the allowed types")
        if name in self._inside:
            raise Refused("the dataclass holds itself")
        source, definition = found
        if not _is_frozen_dataclass(definition, source):
            raise Refused(f"{definition.name} is no frozen dataclass")
        return Reader(source, definition.name, (*self._inside, name)).record(definition)

    def _generic(self, name: str, inner: list[ast.expr]) -> TypeForm:
        if name == "typing.Literal":
            return Choice(tuple(_choice(item) for item in inner))
        if name == "typing.Union":
            return _union(tuple(self._form(item) for item in inner))
        if name == "typing.Optional" and len(inner) == 1:
            return _union((self._form(inner[0]), NONE))
        if name in ("tuple", "typing.Tuple") and inner:
            last = inner[-1]
            if isinstance(last, ast.Constant) and last.value is Ellipsis and len(inner) == 2:
                return ListOf(_plain(self._form(inner[0])))
            return Fixed(tuple(_plain(self._form(item)) for item in inner))
        if name in _MAPPINGS and len(inner) == 2:
            key = self._form(inner[0])
            if key not in (STR, INT):
                raise Refused("the keys of a mapping are str or int")
            return MapOf(key, self._form(inner[1]))
        if name == f"{_CONTRACTS}.Factory" and len(inner) == 1:
            return SlotOf(self._kind(inner[0]))
        raise Refused("this is not one of the allowed types")

    def _kind(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = _quoted(node)
        module, _, contract = self._source.qualified(node).rpartition(".")
        if module == _CONTRACTS and contract in KIND_OF_CONTRACT:
            return KIND_OF_CONTRACT[contract]
        meant = did_you_mean(contract, KIND_OF_CONTRACT)
        hint = f"; did you mean {meant}?" if meant and meant != contract else ""
        raise Refused(
            f"{ast.unparse(node)} is not the contract of a kind, imported from {_CONTRACTS}{hint}"
        )

    def _default(self, form: TypeForm, node: ast.expr) -> Value:
        """The value of a default, as the type has it."""
        record = _record_in(form)
        if record is not None and isinstance(node, ast.Call):
            return self._record_default(record, node)
        if isinstance(node, ast.Call) and self._source.qualified(node.func) == "dataclasses.field":
            return self._field_default(form, node)
        return coerce(form, literal(node))

    def _record_default(self, record: Record, node: ast.Call) -> Value:
        """``EmaSettings(ramp_up=0.05)`` and ``field(default_factory=EmaSettings)``: a mapping."""
        function = self._source.qualified(node.func)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if function == "dataclasses.field" and list(given) == ["default_factory"]:
            function, given = self._source.qualified(given["default_factory"]), {}
        if function.rpartition(".")[2] != record.name or node.args:
            raise Refused(f"expected {record.name}(...) with keywords, or it as a default_factory")
        values: dict[str, Value] = {}
        for name, field in record.fields.items():
            values[name] = field.default
            if name in given:
                values[name] = self._default(field.type, given.pop(name))
            if values[name] is MISSING:
                raise Refused(f"{record.name} needs a value for {name!r}")
        if given:
            raise Refused(f"{record.name} has no field {next(iter(given))!r}")
        return values

    def _field_default(self, form: TypeForm, node: ast.Call) -> Value:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if not node.args and list(given) == ["default"]:
            return self._default(form, given["default"])
        if not node.args and list(given) == ["default_factory"]:
            empty: dict[str, Value] = {"dict": {}, "tuple": ()}
            made = empty.get(self._source.qualified(given["default_factory"]))
            if made is not None:
                return coerce(form, made)
        raise Refused("expected field(default=...), or default_factory=dict or a dataclass")


def _quoted(node: ast.Constant) -> ast.expr:
    """The expression that a string annotation holds, with the line where the string stands."""
    try:
        inner = ast.parse(str(node.value).strip(), mode="eval").body
    except SyntaxError:
        raise Refused("the text is not a type") from None
    for part in ast.walk(inner):
        ast.copy_location(part, node)
    return inner


def _union(options: tuple[TypeForm, ...]) -> OneOf:
    """A flat union; a slot or a dataclass may be joined with None only."""
    flat: list[TypeForm] = []
    for option in options:
        flat.extend(option.options if isinstance(option, OneOf) else (option,))
    rest = [option for option in flat if option != NONE]
    if len(rest) > 1 and any(isinstance(option, (SlotOf, Record)) for option in rest):
        raise Refused("a slot or a dataclass can be joined with None only")
    return OneOf(tuple(flat))


def _plain(form: TypeForm) -> TypeForm:
    """The type, if a list may hold it."""
    if isinstance(form, OneOf):
        for option in form.options:
            _plain(option)
    if isinstance(form, (SlotOf, Record)):
        raise Refused(
            f"a list cannot hold a {form}: things with keys of their own stand in a"
            " Mapping[str, ...], where a recipe can reach each by its name"
        )
    return form


def _choice(node: ast.expr) -> bool | int | str | None:
    value = literal(node)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise Refused("Literal holds bool, int, str or None")


def _record_in(form: TypeForm) -> Record | None:
    options = form.options if isinstance(form, OneOf) else (form,)
    return next((option for option in options if isinstance(option, Record)), None)


def _is_frozen_dataclass(node: ast.ClassDef, source: Source) -> bool:
    for decorator in node.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and source.qualified(decorator.func) == "dataclasses.dataclass"
        ):
            return any(
                keyword.arg == "frozen"
                and isinstance(keyword.value, ast.Constant)
                and keyword.value.value is True
                for keyword in decorator.keywords
            )
    return False
