"""Labels with confidences, as a log line has them."""

from kinesight.domain.model import Detection

from tests.builders import a_record


def test_each_label_has_its_highest_confidence() -> None:
    found = [Detection(label=label, confidence=sure) for label, sure in (("Cat", 60), ("Person", 98.76), ("Cat", 71))]

    assert list(a_record(detections=tuple(found)).label_confidences.items()) == [("Person", 98.8), ("Cat", 71.0)]


def test_only_the_most_confident_labels_are_logged() -> None:
    found = tuple(Detection(label=f"L{number}", confidence=number) for number in range(60))

    assert list(a_record(detections=found).label_confidences) == [f"L{number}" for number in range(59, 39, -1)]
