"""The names of a model's classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Names by class index, as text."""

    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str]) -> "LabelMap":
        """The first name is that of class 0."""
        return cls({str(index): name for index, name in enumerate(names)})

    def name(self, label: str | int) -> str:
        """An index without a name is `class-<index>`, a word without one is its own name."""
        known = self.names.get(str(label))
        return known or (f"class-{label}" if isinstance(label, int) else label)
