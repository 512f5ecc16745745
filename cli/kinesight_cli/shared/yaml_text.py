"""YAML of a configuration document: what JSON can express, with the scalars of YAML 1.2.

PyYAML implements YAML 1.1, which reads the key `on` as true, 19:00 as 1140 and 2026-11-20 as a date. The rules here are
the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), for which these three are text.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from kinesight_cli.shared.source_text import SourceText, UnreadableTextError, ValuePath

_TAG = "tag:yaml.org,2002:"
_CORE: Mapping[str, tuple[str, str]] = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
"""Pattern of each type's scalars, and the characters that they begin with."""

_LINE_BREAKS = re.compile("[\x85\u2028\u2029]")
"""PyYAML reads these as line breaks, but escapes them only within double quotes."""
_MOST_ON_A_LINE = 3
"""Members of an object that is written on one line."""
_MOST_VALUES = 500_000
"""More come of aliases that name each other, not of cameras."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML adds to the attribute of a class


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or 1.2 reads as another type than text."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        if len(node.value) > _MOST_ON_A_LINE:
            node.flow_style = False
        return node

    def text(self, value: str) -> yaml.ScalarNode:
        return self.represent_scalar(f"{_TAG}str", value, style='"' if _LINE_BREAKS.search(value) else None)


_Dumper.add_representer(str, _Dumper.text)


for _kind, (_pattern, _first) in _CORE.items():
    _compiled = re.compile(rf"^(?:{_pattern})$")
    for _one in (_Loader, _Dumper):
        _one.add_implicit_resolver(_TAG + _kind, _compiled, [*_first, ""] if _kind == "null" else list(_first))


def to_yaml(value: Any) -> str:
    """Returns a JSON value as YAML, keys in their order."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None, line_break="\n"
    )


def read_yaml(text: str) -> SourceText:
    """Raises UnreadableTextError with the line of the first error."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        reader = _Reader()
        value = None if root is None else reader.value(root, ())
    except yaml.MarkedYAMLError as error:
        raise _marked(text, error) from error
    except yaml.reader.ReaderError as error:
        character = f"U+{error.character:04X}" if isinstance(error.character, int) else repr(error.character)
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableTextError(f"not valid YAML: the character {character} is not allowed", line) from error
    except RecursionError as error:
        raise UnreadableTextError("not valid YAML: nested too deeply") from error
    return SourceText(value, reader.problems, reader.line_of)


def _marked(text: str, error: yaml.MarkedYAMLError) -> UnreadableTextError:
    mark = error.problem_mark or error.context_mark
    said = f"not valid YAML: {', '.join(part for part in (error.context, error.problem) if part)}"
    if mark is None:
        return UnreadableTextError(said)
    said += f" (column {mark.column + 1})"
    if mark.index >= len(text.rstrip()):
        said += ". The file ends within a value, so it may be truncated"
    return UnreadableTextError(said, mark.line + 1)


class _Reader:
    """Makes a value of nodes. `problems` are (path, message)."""

    def __init__(self) -> None:
        self.problems: list[tuple[ValuePath, str]] = []
        self._lines: dict[tuple[str | int, ...], int] = {(): 1}
        self._open: set[int] = set()

    def line_of(self, path: ValuePath) -> int:
        """Returns the line of the value at this path, or of its innermost ancestor; of a member, that of its key."""
        parts = tuple(path)
        while parts not in self._lines:
            parts = parts[:-1]
        return self._lines[parts]

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if len(self._lines) > _MOST_VALUES:
            raise UnreadableTextError(f"the document has more than {_MOST_VALUES} values")
        if id(node) in self._open:
            return self._problem(path, "the alias names the value that it is part of")
        self._open.add(id(node))
        try:
            return self._value(node, path)
        finally:
            self._open.remove(id(node))

    def _value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return dict(self._members(node, path))
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.value(one, (*path, index)) for index, one in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
            return self._scalar(kind, node.value, path)
        shown = node.tag.replace(_TAG, "!!")
        return self._problem(path, f"the tag {shown} is not supported: write text, a number, a list or an object")

    def _members(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
        names: set[str] = set()
        for key, value in node.value:
            name = self._key(key, path)
            if name is None:
                continue
            inside = (*path, name)
            if name in names:
                self._lines[inside] = key.start_mark.line + 1
                self._problem(inside, "this key occurs several times in one object")
            names.add(name)
            self._lines.setdefault(inside, key.start_mark.line + 1)
            yield name, self.value(value, inside)

    def _key(self, node: yaml.Node, path: tuple[str | int, ...]) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}str":
            shown = f"key {node.value}" if isinstance(node, yaml.ScalarNode) else "key"
            self._lines[(*path, shown)] = node.start_mark.line + 1
            self._problem((*path, shown), "a key must be text: put it in quotes")
            return None
        if node.value == "<<" and node.style is None:
            self._lines[(*path, "<<")] = node.start_mark.line + 1
            self._problem((*path, "<<"), "merge keys are not supported: put common settings under defaults")
            return None
        return str(node.value)

    def _scalar(self, kind: str, text: str, path: tuple[str | int, ...]) -> Any:
        try:
            value = _SCALARS[kind](text)
        except ValueError:
            return self._problem(path, f"{text[:40]!r} is not of the type {kind}")
        if isinstance(value, float) and not math.isfinite(value):
            return self._problem(path, f"{text} is not a finite number")
        return value

    def _problem(self, path: ValuePath, message: str) -> None:
        self.problems.append((path, message))


def _int(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2])
    return int(text) if base is None else int(text[2:], base)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _int,
    "float": _float,
    "str": str,
}
