"""Which detections matter. Pure decisions over one frame's detections."""

from collections.abc import Iterable
from dataclasses import dataclass

from kinesight.domain.model import Detection


@dataclass(frozen=True, slots=True)
class Rules:
    """`labels`: those that matter, in any case of letters; empty means every label. Confidence is 0 to 100."""

    labels: frozenset[str]
    minimum_confidence: float

    @classmethod
    def of(cls, labels: Iterable[str], minimum_confidence: float) -> "Rules":
        """Labels as a person wrote them: blanks around them and empty ones don't count."""
        return cls(frozenset(label.strip().casefold() for label in labels if label.strip()), minimum_confidence)


def matching_labels(detections: Iterable[Detection], rules: Rules) -> tuple[str, ...]:
    """The labels of the detections that pass, each once, in order of appearance."""
    passed = (
        found.label
        for found in detections
        if found.confidence >= rules.minimum_confidence and (not rules.labels or found.label.casefold() in rules.labels)
    )
    return tuple(dict.fromkeys(passed))
