"""Literals of a signature as values of a recipe."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import cast

from ganzoo.registry.types import Value


class Refused(Exception):
    """An expression that is not of the allowed forms; the text completes a sentence."""


def literal(node: ast.expr) -> Value:
    """The value of a literal; nothing is computed, and nothing that could change is shared.

    Raises:
        Refused: it is not a number, text, truth value, None, or a tuple or mapping of these.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float, str)):
        return node.value
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        number = literal(node.operand)
        if type(number) in (int, float):
            return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.Tuple):
        return tuple(literal(item) for item in node.elts)
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = cast("list[ast.expr]", node.keys)
        values: Mapping[Value, Value] = {
            literal(key): literal(value) for key, value in zip(keys, node.values)
        }
        return values
    if isinstance(node, (ast.List, ast.Set)):
        raise Refused("write a tuple, which nobody can change")
    raise Refused("only literals can be read without running the file")
