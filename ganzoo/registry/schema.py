"""What a recipe may write under a component: its constructor's signature, read with ``ast``."""

from __future__ import annotations

import ast

from ganzoo.errors import ContractError
from ganzoo.registry.annotations import ALLOWED, Reader
from ganzoo.registry.component import Component
from ganzoo.registry.docstrings import argument_docs, without_arguments
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.source import Source, read_source
from ganzoo.registry.types import Parameter, Record, Schema

RESERVED = ("use", "every", "weight", "on")


def read_schema(component: Component) -> Schema:
    """The keyword-only parameters of a component's constructor; nothing is imported.

    Types and defaults come from the signature, docs from ``Args`` of the class and of
    ``__init__``, which may be inherited from a class of the same distribution or of ganzoo.

    Raises:
        ContractError: the class cannot be read, or breaks the star rule: one positional
            parameter, the site; after it annotated keyword-only ones and nothing else.
    """
    source, node = _class_of(component.target, f"{component.kind} {component.name}")
    owner = f"{node.name}.__init__"
    found = _constructor(source, node)
    if found is None:
        raise ContractError(
            f"{source.where(node)}: {node.name} has no __init__ that can be read. Write"
            " def __init__(self, site, *, ...): before the star what is decided elsewhere, after"
            " it what a recipe may write."
        )
    written_in, constructor = found
    reader = Reader(written_in, owner)
    _keep_the_star_rule(constructor, reader)
    text = ast.get_docstring(node) or ""
    docs = {**argument_docs(text), **argument_docs(ast.get_docstring(constructor) or "")}
    taken = {setting.name for setting in KINDS[component.kind].settings}
    parameters: dict[str, Parameter] = {}
    arguments = constructor.args
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        name = argument.arg
        if name in RESERVED or name in taken:
            raise reader.error(
                argument,
                f"the parameter {name!r} has the name of a key that recipes write beside the"
                f" parameters of a {component.kind}. Give it another.",
            )
        if argument.annotation is None:
            raise reader.error(
                argument,
                f"parameter {name!r} has no annotation. A recipe can write {ALLOWED}.",
            )
        doc = docs.get(name, "")
        parameters[name] = reader.parameter(name, argument.annotation, default, doc)
    body = without_arguments(text)
    return Schema(parameters=parameters, summary=body.partition("\n")[0], doc=body)


def record_from_module(module: str, name: str) -> Record:
    """A frozen dataclass of a module, as a type with fields, defaults and docs.

    The default of a field that is a dataclass itself is the mapping of that one's defaults.

    Raises:
        ContractError: there is no such dataclass, or a field is not of the allowed types.
    """
    source, node = _class_of(f"{module}:{name}", name)
    return Reader(source, name, (f"{module}.{name}",)).record(node)


def _class_of(target: str, subject: str) -> tuple[Source, ast.ClassDef]:
    module, _, name = target.partition(":")
    source = read_source(module)
    if source is None:
        raise ContractError(f"{subject}: the file of {module!r} cannot be found.")
    found = source.find_class(f"{module}.{name}")
    if found is None:
        raise ContractError(f"{subject}: {source.path} defines no class {name!r}.")
    return found


def _constructor(source: Source, node: ast.ClassDef) -> tuple[Source, ast.FunctionDef] | None:
    """The class's ``__init__``, or the one it inherits, with the file it is written in."""
    for line in reversed(node.body):
        if isinstance(line, ast.FunctionDef) and line.name == "__init__":
            return source, line
    for base in node.bases:
        name = source.qualified(base)
        found = source.find_class(name) if _is_near(name, source) else None
        inherited = _constructor(*found) if found and found[1] is not node else None
        if inherited is not None:
            return inherited
    return None


def _is_near(name: str, source: Source) -> bool:
    """Whether a base class is the plugin's own or ganzoo's.

    What a class inherits from elsewhere, from ``torch.nn.Module`` say, takes no site.
    """
    return name.partition(".")[0] in (source.module.partition(".")[0], "ganzoo")


def _keep_the_star_rule(constructor: ast.FunctionDef, reader: Reader) -> None:
    arguments = constructor.args
    positional = [*arguments.posonlyargs, *arguments.args][1:]
    if len(positional) != 1:
        names = ", ".join(argument.arg for argument in positional) or "nothing"
        raise reader.error(
            constructor,
            f"between self and the star stands the site and nothing else, not {names}. Parameters"
            " that a recipe writes come after the star.",
        )
    for star, rest in (("*", arguments.vararg), ("**", arguments.kwarg)):
        if rest is not None:
            raise reader.error(
                rest,
                f"{star}{rest.arg} is not allowed: the signature says every key that a recipe may"
                " write.",
            )
