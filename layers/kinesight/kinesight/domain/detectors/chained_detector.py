"""Two detectors one after the other: the second analyzes what the first one detected, such as faces of a person."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from kinesight.domain.detectors.ports import CropMaker, ModelOutput, SpendingDetector
from kinesight.domain.detectors.spend import FrameSpend
from kinesight.domain.errors import BudgetReachedError, UnsupportedImageError
from kinesight.domain.model import BoundingBox, Detection, Frame

MOST_CROPS = 5
"""Of one frame: each is a paid call. Detections with the highest confidence come first."""


@dataclass(frozen=True, slots=True)
class ChainRules:
    """When the second detector is called (labels in any case of letters, confidence 0 to 100), and for what: the whole
    frame, or crops of what the first one detected."""

    labels: frozenset[str]
    minimum_confidence: float
    on: Literal["FRAME", "CROP"]

    @classmethod
    def of(cls, labels: Iterable[str], minimum_confidence: float, on: Literal["FRAME", "CROP"]) -> "ChainRules":
        """Labels as a person wrote them; none means any label."""
        return cls(frozenset(one.strip().casefold() for one in labels if one.strip()), minimum_confidence, on)

    def triggers(self, detections: Iterable[Detection]) -> list[Detection]:
        """Detections that meet the condition, the highest confidence first."""
        found = [
            one
            for one in detections
            if one.confidence >= self.minimum_confidence and (not self.labels or one.label.casefold() in self.labels)
        ]
        return sorted(found, key=lambda one: -one.confidence)


class ChainedDetector:
    """Returns the detections of both; those of the second name it in the attribute `detector`."""

    def __init__(self, first: SpendingDetector, second: SpendingDetector, rules: ChainRules, crops: CropMaker) -> None:
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

    def detect(self, frame: Frame, spend: FrameSpend) -> ModelOutput:
        """One call, and one more or up to MOST_CROPS where the condition holds. Raises what the detectors raise.

        When the budget has no second call left, the first one is paid already, so its detections are kept and marked.
        """
        output = self._first.detect(frame, spend)
        triggers = self._rules.triggers(output.detections)
        if not triggers:
            return output
        second: list[ModelOutput] = []
        try:
            for one in self._second_outputs(frame, triggers, spend):
                second.append(one)  # noqa: PERF402 - what was detected before the budget ended is kept
        except BudgetReachedError:
            output = _marked(output, triggers)
        return self._joined(output, second)

    def _second_outputs(self, frame: Frame, triggers: Sequence[Detection], spend: FrameSpend) -> Iterator[ModelOutput]:
        if self._rules.on == "FRAME":
            yield self._second.detect(frame, spend)
            return
        for box in [one.bounding_box for one in triggers if one.bounding_box is not None][:MOST_CROPS]:
            try:
                crop, cut = self._crops.crop(frame, box)
                yield _in_frame(self._second.detect(crop, spend), cut)
            except UnsupportedImageError:
                continue  # too small for the second detector; the detection of the first one stays

    def _joined(self, output: ModelOutput, second: Sequence[ModelOutput]) -> ModelOutput:
        named = {"detector": self._second.fingerprint}
        more = [
            found.model_copy(update={"attributes": {**found.attributes, **named}})
            for one in second
            for found in one.detections
        ]
        spent_ms = output.info.latency_ms + sum(one.info.latency_ms for one in second)
        raw: dict[str, Any] = {"first": output.raw_output, "second": [one.raw_output for one in second]}
        return replace(
            output,
            info=output.info.model_copy(update={"latency_ms": spent_ms}),
            detections=(*output.detections, *more),
            raw_output=raw,
            dropped_rows=output.dropped_rows + sum(one.dropped_rows for one in second),
        )


def _marked(output: ModelOutput, triggers: Sequence[Detection]) -> ModelOutput:
    """Output whose triggers were not, or not all, analyzed by the second detector."""
    mark = {"thenDetector": "OVER_BUDGET"}
    marked = [
        one.model_copy(update={"attributes": {**one.attributes, **mark}}) if one in triggers else one
        for one in output.detections
    ]
    return replace(output, detections=tuple(marked))


def _in_frame(output: ModelOutput, cut: BoundingBox) -> ModelOutput:
    found = [
        one.model_copy(update={"bounding_box": _placed(one.bounding_box, cut)}) if one.bounding_box else one
        for one in output.detections
    ]
    return replace(output, detections=tuple(found))


def _placed(box: BoundingBox, cut: BoundingBox) -> BoundingBox:
    """A box in a crop, as a box in the frame."""
    return BoundingBox(
        left=cut.left + box.left * cut.width,
        top=cut.top + box.top * cut.height,
        width=box.width * cut.width,
        height=box.height * cut.height,
    )
