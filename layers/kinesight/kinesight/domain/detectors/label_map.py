"""The names of a model's classes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kinesight.domain.errors import InvalidSettingError


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Names by class index, as text, or by the model's own name of the class."""

    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str]) -> "LabelMap":
        """The first name is that of class 0."""
        return cls({str(index): name for index, name in enumerate(names)})

    def name(self, label: str | int) -> str:
        """An index without a name is `class-<index>`, a word without one is its own name."""
        known = self.names.get(str(label))
        return known or (f"class-{label}" if isinstance(label, int) else label)


def parse_label_map(text: str, source: str) -> LabelMap:
    """Reads a JSON list, a JSON object of index → name, or lines of text, of which empty ones count but name nothing.

    Raises InvalidSettingError, which names the `source` of the text.
    """
    if not text.lstrip().startswith(("[", "{")):
        return LabelMap.of([line.strip() for line in text.splitlines()])
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSettingError(f"the labels in {source} are not valid JSON: {error}") from error
    named = document if isinstance(document, dict) else {str(index): name for index, name in enumerate(document)}
    wrong = [index for index, name in named.items() if not isinstance(name, str)]
    if wrong:
        raise InvalidSettingError(f"the labels in {source} must be strings, that of {wrong[0]} is not")
    return LabelMap(named)
