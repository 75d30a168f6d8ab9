"""YAML text to a marked tree; what could be misread is refused.

Works on the parser's events, because only they still know anchors, aliases and explicit tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import yaml

from ganzoo.errors import RecipeError
from ganzoo.recipe.place import Place, Problems
from ganzoo.recipe.scalars import BadScalar, read_scalar
from ganzoo.recipe.tree import BROKEN, Branch, Items, Key, Leaf, Node

_DEEPEST = 40


def read_yaml(text: str, place_of: Callable[[int], Place], problems: Problems) -> Node | None:
    """The one document of a text, or None where it holds none.

    Args:
        place_of: from a line, counted from 1, to the place that errors name.
        problems: receives repeated keys, tags, anchors, aliases, ``<<`` and doubtful numbers.

    Raises:
        RecipeError: the text is not YAML, or more than one document.
    """
    try:
        return _Composer(text, place_of, problems).document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = " ".join(str(error.problem or error.context).split())
        raise RecipeError(
            f"this is not YAML: {problem}. Look at indentation, colons and brackets here and "
            "on the line above",
            where=str(place_of(line)),
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RecipeError(
            f"this is not text: it holds the character {error.character!r}",
            where=str(place_of(line)),
        ) from error


class _Composer:
    """One pass over the events of a text."""

    def __init__(self, text: str, place_of: Callable[[int], Place], problems: Problems) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._place_of = place_of
        self._problems = problems

    def document(self) -> Node | None:
        next(self._events)  # stream start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        first = next(self._events)
        node = self._node(first, self._place(first), "", 0)
        next(self._events)  # document end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise RecipeError(
                "a second YAML document begins here; a recipe is one document, so remove the ---",
                where=str(self._place(after)),
            )
        return node

    def _node(self, event: yaml.Event, place: Place, path: str, depth: int) -> Node:
        if depth > _DEEPEST:
            raise RecipeError(f"nested more than {_DEEPEST} deep", where=str(place), path=path)
        if isinstance(event, yaml.AliasEvent):
            self._note(f"*{event.anchor} repeats another value; write the value out", place, path)
            return Leaf(BROKEN, place)
        assert isinstance(event, yaml.NodeEvent)
        self._refuse_marks(event, place, path)
        if isinstance(event, yaml.ScalarEvent):
            return Leaf(self._scalar(event, place, path), place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(place, path, depth)
        return self._branch(place, path, depth)

    def _items(self, place: Place, path: str, depth: int) -> Items:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, self._place(event), path, depth + 1))
        return Items(tuple(items), place)

    def _branch(self, place: Place, path: str, depth: int) -> Branch:
        entries: dict[Key, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_place = self._place(event)
            key = self._key(event, path, depth)
            inner = f"{path}.{key}" if path else str(key)
            node = self._node(next(self._events), key_place, inner, depth + 1)
            if key is None:
                continue
            if key in entries:
                self._note(
                    f"this key is repeated; it stands already at {entries[key].place}. Keep one",
                    key_place,
                    inner,
                )
                continue
            entries[key] = node
        return Branch(entries, place)

    def _key(self, event: yaml.Event, path: str, depth: int) -> Key | None:
        place = self._place(event)
        noted = len(self._problems)
        node = self._node(event, place, path, depth + 1)
        if len(self._problems) > noted:
            return None
        value = node.value if isinstance(node, Leaf) else None
        if value == "<<" and isinstance(event, yaml.ScalarEvent) and event.style is None:
            self._note("<< is not read; to build on another recipe, use 'extends'", place, path)
            return None
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return value
        self._note("a key is a word or a whole number; put other keys in quotes", place, path)
        return None

    def _scalar(self, event: yaml.ScalarEvent, place: Place, path: str) -> object:
        text: str = event.value
        if event.style is not None:
            return text
        try:
            return read_scalar(text)
        except BadScalar as error:
            self._note(str(error), place, path)
            return BROKEN

    def _refuse_marks(self, event: yaml.NodeEvent, place: Place, path: str) -> None:
        if event.anchor is not None:
            self._note(
                f"&{event.anchor} marks a value for repetition; write values out", place, path
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._note(f"the tag {shown} is not read; types come from the component", place, path)

    def _note(self, message: str, place: Place, path: str) -> None:
        self._problems.add(RecipeError, message, place, path)

    def _place(self, event: yaml.Event) -> Place:
        return self._place_of(event.start_mark.line + 1 if event.start_mark else 1)
