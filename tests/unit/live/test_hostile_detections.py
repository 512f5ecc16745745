"""A label or number of a model that cannot be stored never stops a live stream."""

import json
import math
from collections.abc import Callable

import pytest
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.detectors.checked_detector import CheckedDetector
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.model import Detection, DetectorInfo, Frame

from tests.unit.live.test_consume_live import World, fragment


class Hostile:
    """Sees something else in the second frame."""

    fingerprint = "hostile/model"

    def __init__(self, second: Callable[[], Detection]) -> None:
        self._second = second
        self.calls = 0

    def detect(self, frame: Frame) -> ModelOutput:
        self.calls += 1
        found = self._second() if frame.fragment_number == "2" else Detection(label="Person", confidence=90)
        return ModelOutput(DetectorInfo(type="t", operation="o", latency_ms=1), (found,), {"label": "\ud800"})


def consume(second: Callable[[], Detection]) -> tuple[World, Hostile]:
    model = Hostile(second)
    world = World(detector=BudgetedDetector(CheckedDetector(model, 50), "t", CallPrice(0), None))
    world.lease("cam", *(fragment(number) for number in range(1, 4)))
    world.consume(lambda: world.leases.checkpoints[-1:] == ["3"])
    return world, model


def labels(world: World) -> dict[str, list[str]]:
    records = [json.loads(data) for _, data in world.sink.records]
    return {one["frame"]["fragmentNumber"]: [found["label"] for found in one["detections"]] for one in records}


@pytest.mark.parametrize(
    ("label", "published"), [("\ud800", "\ufffd"), ("a\x00\n", "a\x00\n"), ("x" * 10_000, "x" * 255 + "…")]
)
def test_a_label_that_cannot_be_stored_is_published_as_one_that_can(label: str, published: str) -> None:
    world, model = consume(lambda: Detection(label=label, confidence=90, attributes={label: [math.nan]}))

    assert labels(world) == {"1": ["Person"], "2": [published], "3": ["Person"]}
    assert (world.dead.sent, model.calls) == ([], 3)


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf, 1e300, -5])
def test_a_confidence_that_is_no_number_is_dead_lettered_alone(confidence: float) -> None:
    world, model = consume(lambda: Detection(label="Person", confidence=confidence))

    assert labels(world) == {"1": ["Person"], "3": ["Person"]}
    ((body, error),) = world.dead.sent
    assert json.loads(body)["fragmentNumber"] == "2"
    assert str(error).startswith("hostile/model returned an invalid detection: confidence: ")
    assert model.calls == 3
