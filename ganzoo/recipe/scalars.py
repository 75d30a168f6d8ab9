"""Scalars by the core rules of YAML 1.2, and back.

The habits of YAML 1.1 are wrong for a record: here ``off`` and ``yes`` are words, ``12:30`` is a
word, ``2e-3`` is a number, and ``010`` is refused because people read it as ten and machines as
eight. Added to the core rules: underscores between the digits of a decimal number.
"""

from __future__ import annotations

import math
import re

import yaml

Scalar = bool | int | float | str | None

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {
    text: text.lower() == "true" for t in ("true", "false") for text in (t, t.title(), t.upper())
}
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_INT = re.compile(rf"[-+]?{_DIGITS}")
_OTHER_BASE = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(rf"[-+]?(?:\.[0-9]+|{_DIGITS}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]")
_PLAIN = re.compile(r"[A-Za-z0-9_/](?:[A-Za-z0-9_./+(), -]*[A-Za-z0-9_./+()-])?")


class BadScalar(ValueError):
    """A scalar that could be misread; the text is a sentence with its remedy."""


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises:
        BadScalar: a number with a leading zero, too large, or not finite.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _NOT_FINITE.fullmatch(text):
        raise BadScalar(f"{text} is not a finite number, and a recipe holds only those")
    if not _FLOAT.fullmatch(text):
        return text
    if _LEADING_ZERO.match(text):
        raise BadScalar(
            f"{text} is a number with a leading zero, which some read as octal. "
            "Drop the zero, or put it in quotes if it is a word"
        )
    if _INT.fullmatch(text):
        return _whole_number(text)
    number = float(text)
    if not math.isfinite(number):
        raise BadScalar(f"{text} is larger than a number can be")
    return number


def write_scalar(value: Scalar, *, in_list: bool = False) -> str:
    """The shortest text that reads back as ``value``, for a block or inside ``[...]``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if _PLAIN.fullmatch(value) and not (in_list and "," in value) and _reads_as_word(value):
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=math.inf)
    return quoted.rstrip("\n")


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadScalar(f"a number of {len(text)} digits is too long") from None


def _reads_as_word(text: str) -> bool:
    try:
        return isinstance(read_scalar(text), str)
    except BadScalar:
        return False
