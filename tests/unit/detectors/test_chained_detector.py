"""A second detector, where the first one saw something."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.adapters.media.pillow_images import cropped
from kinesight.domain.detectors.chained_detector import MOST_CROPS, ChainedDetector, ChainRules
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.detectors.spend import FrameSpend, Spend
from kinesight.domain.errors import DetectorBusyError, UnsupportedImageError
from kinesight.domain.model import BoundingBox, Detection, DetectorInfo, Frame
from PIL import Image

from tests.builders import a_frame


def a_box(left: float, top: float, width: float, height: float) -> BoundingBox:
    return BoundingBox(left=left, top=top, width=width, height=height)


@dataclass
class Canned:
    """A detector that always returns `sees`, and records the keys of the analyzed images."""

    name: str
    sees: tuple[Detection, ...]
    failure: Exception | None = None
    analyzed_keys: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return self.name

    def detect(self, frame: Frame, spend: FrameSpend) -> ModelOutput:
        spend.add(self.name, Spend(calls=1))
        self.analyzed_keys.append(frame.image.key)
        if self.failure is not None:
            raise self.failure
        info = DetectorInfo(type="fake", operation=self.name, latency_ms=10)
        return ModelOutput(info, self.sees, {"by": self.name})


@dataclass
class Crops:
    """Cuts exactly at the box, and names crops by their left edge."""

    failure: Exception | None = None

    def crop(self, frame: Frame, box: BoundingBox) -> tuple[Frame, BoundingBox]:
        if self.failure is not None:
            raise self.failure
        image = frame.image.model_copy(update={"key": f"crop-{box.left:g}"})
        return frame.model_copy(update={"image": image}), box


def a_person(confidence: float = 90, left: float = 0.2) -> Detection:
    return Detection(label="Person", confidence=confidence, bounding_box=a_box(left, 0.2, 0.4, 0.4))


FACE = Detection(label="Face", confidence=99, bounding_box=a_box(0.25, 0, 0.5, 0.5), attributes={"known": True})


def test_without_its_condition_the_second_is_not_called() -> None:
    second = Canned("faces", (FACE,))
    chain = ChainedDetector(Canned("labels", (a_person(70),)), second, ChainRules.of(["person"], 80, "FRAME"), Crops())

    output = chain.detect(a_frame(), FrameSpend())

    assert output.detections == (a_person(70),)
    assert second.analyzed_keys == []


def test_on_the_frame_the_second_is_called_once() -> None:
    second = Canned("faces", (FACE,))
    people = (a_person(90), a_person(85))
    chain = ChainedDetector(Canned("labels", people), second, ChainRules.of([" PERSON "], 80, "FRAME"), Crops())

    output = chain.detect(a_frame(), FrameSpend())

    assert second.analyzed_keys == [a_frame().image.key]
    assert output.detections[:2] == people
    assert output.detections[2].attributes == {"known": True, "detector": "faces"}
    assert output.info.latency_ms == 20
    assert output.raw_output == {"first": {"by": "labels"}, "second": [{"by": "faces"}]}


def test_on_crops_boxes_come_back_to_the_image() -> None:
    chain = ChainedDetector(
        Canned("labels", (a_person(),)), Canned("faces", (FACE,)), ChainRules.of([], 0, "CROP"), Crops()
    )

    box = chain.detect(a_frame(), FrameSpend()).detections[1].bounding_box

    assert box is not None
    assert (box.left, box.top, box.width, box.height) == pytest.approx((0.3, 0.2, 0.2, 0.2))


def test_only_crops_of_the_highest_confidence_are_analyzed() -> None:
    people = tuple(a_person(50 + index, left=index / 100) for index in range(9))
    second = Canned("faces", ())

    chain = ChainedDetector(Canned("labels", people), second, ChainRules.of([], 0, "CROP"), Crops())
    chain.detect(a_frame(), FrameSpend())

    assert second.analyzed_keys == [f"crop-{index / 100:g}" for index in range(8, 8 - MOST_CROPS, -1)]


def test_a_crop_that_cannot_be_analyzed_costs_only_itself() -> None:
    first = Canned("labels", (a_person(),))
    chain = ChainedDetector(
        first, Canned("faces", ()), ChainRules.of([], 0, "CROP"), Crops(UnsupportedImageError("no image"))
    )

    assert chain.detect(a_frame(), FrameSpend()).detections == (a_person(),)


def test_a_busy_second_makes_the_frame_come_again() -> None:
    busy = Canned("faces", (), failure=DetectorBusyError("throttled"))
    chain = ChainedDetector(Canned("labels", (a_person(),)), busy, ChainRules.of([], 0, "FRAME"), Crops())

    with pytest.raises(DetectorBusyError):
        chain.detect(a_frame(), FrameSpend())


def test_the_condition_is_part_of_a_results_identity() -> None:
    def chain(rules: ChainRules) -> str:
        return ChainedDetector(Canned("a", ()), Canned("b", ()), rules, Crops()).fingerprint

    assert chain(ChainRules.of(["Person"], 80, "CROP")) == "a>person@80/CROP>b"
    assert chain(ChainRules.of([], 0, "FRAME")) == "a>*@0/FRAME>b"


@given(st.floats(-0.2, 1), st.floats(-0.2, 1), st.floats(0.001, 1.2), st.floats(0.001, 1.2))
def test_a_crop_lies_in_the_image_and_holds_what_of_the_box_is_in_it(
    left: float, top: float, width: float, height: float
) -> None:
    from io import BytesIO

    target = BytesIO()
    Image.new("RGB", (640, 360), "green").save(target, "JPEG")

    body, cut = cropped(target.getvalue(), a_box(left, top, width, height))

    size = Image.open(BytesIO(body)).size
    assert size == (round(cut.width * 640), round(cut.height * 360))
    assert min(size) >= 100
    assert -1e-9 <= cut.left <= max(0.0, left) + 1 / 640 or cut.left + cut.width >= 1 - 1e-9
    assert cut.left + cut.width <= 1 + 1e-9
    assert cut.top + cut.height <= 1 + 1e-9
