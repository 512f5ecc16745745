"""Two detectors one after the other: if the first sees something, the second looks closer. "If a person is seen, then
search faces"."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from kinesight.domain.detectors.ports import CropMaker, Detector, ModelOutput
from kinesight.domain.errors import BudgetReachedError, UnsupportedImageError
from kinesight.domain.model import BoundingBox, Detection, Frame

MOST_CROPS = 5
"""Of one picture: each is a paid call. The surest detections come first."""


@dataclass(frozen=True, slots=True)
class ChainRules:
    """When the second detector looks (labels in any case of letters, confidence 0 to 100), and at what: the whole
    picture, or what the first one found."""

    labels: frozenset[str]
    minimum_confidence: float
    on: Literal["FRAME", "CROP"]

    @classmethod
    def of(cls, labels: Iterable[str], minimum_confidence: float, on: Literal["FRAME", "CROP"]) -> "ChainRules":
        """Labels as a person wrote them; none means that anything the first one sees will do."""
        return cls(frozenset(one.strip().casefold() for one in labels if one.strip()), minimum_confidence, on)

    def triggers(self, detections: Iterable[Detection]) -> list[Detection]:
        """The surest first."""
        wanted = [
            one
            for one in detections
            if one.confidence >= self.minimum_confidence and (not self.labels or one.label.casefold() in self.labels)
        ]
        return sorted(wanted, key=lambda one: -one.confidence)


class ChainedDetector:
    """Answers what both saw; detections of the second name it in the attribute `detector`."""

    def __init__(self, first: Detector, second: Detector, rules: ChainRules, crops: CropMaker) -> None:
        self._first = first
        self._second = second
        self._rules = rules
        self._crops = crops

    @property
    def fingerprint(self) -> str:
        """Both, and the condition between them."""
        rules = self._rules
        condition = f"{','.join(sorted(rules.labels)) or '*'}@{rules.minimum_confidence:g}/{rules.on}"
        return f"{self._first.fingerprint}>{condition}>{self._second.fingerprint}"

    def detect(self, frame: Frame) -> ModelOutput:
        """One call, and one more or up to MOST_CROPS where the condition holds. Raises what the detectors raise.

        The first call is paid when the budget holds a second one back, so what it saw is kept, and says so.
        """
        answer = self._first.detect(frame)
        triggers = self._rules.triggers(answer.detections)
        if not triggers:
            return answer
        closer: list[ModelOutput] = []
        try:
            for one in self._closer(frame, triggers):
                closer.append(one)  # noqa: PERF402 - what was seen before the budget ended is kept
        except BudgetReachedError:
            answer = _marked(answer, triggers)
        return self._joined(answer, closer)

    def _closer(self, frame: Frame, triggers: Sequence[Detection]) -> Iterator[ModelOutput]:
        if self._rules.on == "FRAME":
            yield self._second.detect(frame)
            return
        for box in [one.bounding_box for one in triggers if one.bounding_box is not None][:MOST_CROPS]:
            try:
                crop, cut = self._crops.crop(frame, box)
                yield _on_the_whole(self._second.detect(crop), cut)
            except UnsupportedImageError:
                continue  # too small to be looked at closer; what the first one saw stays

    def _joined(self, answer: ModelOutput, closer: Sequence[ModelOutput]) -> ModelOutput:
        named = {"detector": self._second.fingerprint}
        more = [
            found.model_copy(update={"attributes": {**found.attributes, **named}})
            for one in closer
            for found in one.detections
        ]
        spent_ms = answer.info.latency_ms + sum(one.info.latency_ms for one in closer)
        raw: dict[str, Any] = {"first": answer.raw_output, "second": [one.raw_output for one in closer]}
        return replace(
            answer,
            info=answer.info.model_copy(update={"latency_ms": spent_ms}),
            detections=(*answer.detections, *more),
            raw_output=raw,
        )


def _marked(answer: ModelOutput, triggers: Sequence[Detection]) -> ModelOutput:
    """An answer whose triggers were not, or not all, looked at more closely."""
    mark = {"closerLook": "HELD_BACK_BY_BUDGET"}
    marked = [
        one.model_copy(update={"attributes": {**one.attributes, **mark}}) if one in triggers else one
        for one in answer.detections
    ]
    return replace(answer, detections=tuple(marked))


def _on_the_whole(answer: ModelOutput, cut: BoundingBox) -> ModelOutput:
    found = [
        one.model_copy(update={"bounding_box": _placed(one.bounding_box, cut)}) if one.bounding_box else one
        for one in answer.detections
    ]
    return replace(answer, detections=tuple(found))


def _placed(box: BoundingBox, cut: BoundingBox) -> BoundingBox:
    """A box in a part of the picture, as a box in the picture."""
    return BoundingBox(
        left=cut.left + box.left * cut.width,
        top=cut.top + box.top * cut.height,
        width=box.width * cut.width,
        height=box.height * cut.height,
    )
