"""Selects streams by name or glob, or by tags."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.json_text import InvalidJsonError, parse_json


class TagFilter(BaseModel):
    """Matches streams whose tag `key` has one of the values; without values, streams that have the tag."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    key: str = Field(min_length=1, max_length=128)
    values: tuple[str, ...] = ()

    def passes(self, tags: Mapping[str, str]) -> bool:
        return self.key in tags and (not self.values or tags[self.key] in self.values)


_FILTERS = TypeAdapter(tuple[TagFilter, ...], config=ConfigDict(defer_build=True))
_TERM = re.compile(r"""\s*(?P<key>[^=,|*"{}\[\]]+?)\s*=(?P<values>\s*\*\s*|[^,*"{}\[\]]+)""")
"""One filter that can be typed: Location=Front|Parking. Of the excluded characters a tag can have the equals sign alone
(TagStream): a key with one needs the JSON form."""


def tag_filter_documents(text: str) -> list[Any]:
    """Reads TagFilters: Location=Front|Parking,Floor=1, or the JSON of KIT, in which several filters are separated by
    commas, with or without brackets around them. `Location=*` is any value.

    Raises InvalidSettingError with an example.
    """
    if text.lstrip()[:1] in ("{", "["):
        return _from_json(text)
    return [_from_term(term) for term in text.split(",")] if text.strip() else []


def _from_json(text: str) -> list[Any]:
    try:
        parsed = parse_json(f"[{text}]")
    except InvalidJsonError as error:
        raise InvalidSettingError(f"TagFilters is not valid JSON: {error}") from error
    return list(parsed[0]) if len(parsed) == 1 and isinstance(parsed[0], list) else list(parsed)


def _from_term(term: str) -> dict[str, Any]:
    match = _TERM.fullmatch(term)
    values = [] if match is None else [value.strip() for value in match["values"].split("|")]
    if match is None or not all(values):
        raise InvalidSettingError(f"TagFilters: {term.strip()!r} is not a filter such as Location=Front|Parking")
    return {"key": match["key"]} | ({} if values == ["*"] else {"values": values})


@dataclass(frozen=True, slots=True)
class StreamSelection:
    """Selects streams whose name matches a pattern, and streams that match all tag filters, if there are any."""

    names: tuple[str, ...]
    tag_filters: tuple[TagFilter, ...]

    @classmethod
    def of(cls, names: Iterable[str], tag_filters: Sequence[Any]) -> "StreamSelection":
        """Raises InvalidSettingError with an example of the expected format."""
        try:
            return cls(tuple(names), _FILTERS.validate_python(tag_filters))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"]))
            raise InvalidSettingError(
                f'TagFilters: {place}: {problem["msg"]}; expected {{"key":"Location","values":["Front","Parking"]}}'
            ) from error

    @classmethod
    def read(cls, names: Iterable[str], tag_filters: str) -> "StreamSelection":
        """From the parameters StreamNames and TagFilters. Raises InvalidSettingError."""
        return cls.of(names, tag_filter_documents(tag_filters))

    @property
    def literal_names(self) -> frozenset[str]:
        """The names that are not patterns: they are selected whether such a stream exists or not."""
        return frozenset(name for name in self.names if not set(name) & set("*?["))

    def matches_name(self, name: str) -> bool:
        """Whether a name matches a pattern; case-sensitive, as stream names are."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)

    def matches_tags(self, tags: Mapping[str, str]) -> bool:
        return bool(self.tag_filters) and all(one.passes(tags) for one in self.tag_filters)
