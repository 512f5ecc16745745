"""Which streams are selected: by name or glob, or by tag in KIT's form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kinesight.domain.errors import InvalidSettingError


class TagFilter(BaseModel):
    """A stream passes if its tag `key` has one of the values; without values, if it has the tag at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(min_length=1, max_length=128)
    values: tuple[str, ...] = ()

    def passes(self, tags: Mapping[str, str]) -> bool:
        return self.key in tags and (not self.values or tags[self.key] in self.values)


_FILTERS = TypeAdapter(tuple[TagFilter, ...])


@dataclass(frozen=True, slots=True)
class StreamSelection:
    """Selected are streams whose name matches a pattern, and streams that pass all tag filters (if there are any)."""

    names: tuple[str, ...]
    tag_filters: tuple[TagFilter, ...]

    @classmethod
    def of(cls, names: Iterable[str], tag_filters: Sequence[Any]) -> "StreamSelection":
        """Raises InvalidSettingError, showing the form that is wanted."""
        try:
            return cls(tuple(names), _FILTERS.validate_python(tag_filters))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"]))
            raise InvalidSettingError(
                f'TagFilters: {place}: {problem["msg"]}; the form is {{"key":"Location","values":["Front","Parking"]}}'
            ) from error

    @property
    def literal_names(self) -> frozenset[str]:
        """Those that are no patterns: they are selected whether there is such a stream or not."""
        return frozenset(name for name in self.names if not set(name) & set("*?["))

    def matches_name(self, name: str) -> bool:
        """Case counts, as it does in stream names."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)

    def matches_tags(self, tags: Mapping[str, str]) -> bool:
        return bool(self.tag_filters) and all(one.passes(tags) for one in self.tag_filters)
