"""Detections judged against fifty zones, per second of one core, beside asking every zone about every detection.

`python benchmarks/rules.py`, some seconds.
"""

import math
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from kinesight.domain.configuration.document import Camera
from kinesight.domain.configuration.matching import CameraRules
from kinesight.domain.geometry import contains, overlap
from kinesight.domain.model import BoundingBox, Detection

_DETECTIONS = 100_000
_ZONES = 50
_LABELS = ("Person", "Car", "Dog", "Bicycle", "Bag")
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def main() -> None:
    chance = random.Random(1)
    camera = a_camera(chance)
    detections = [a_detection(chance) for _ in range(_DETECTIONS)]
    rules = CameraRules(camera)
    ours, found = timed(lambda: sum(len(one.detection.zones) for one in rules.match(detections, _NOON)))
    few = detections[: _DETECTIONS // 10]
    slow, matched = timed(lambda: sum(each_zone(camera, one) for one in few))
    sys.stdout.write(
        f"{_DETECTIONS} detections, {_ZONES} zones, {len(camera.rules)} rules, {found / _DETECTIONS:.1f} zones each\n"
        f"{'ours':>20} {_DETECTIONS / ours:>10.0f} detections/s\n"
        f"{'every zone checked':>20} {len(few) / slow:>10.0f} detections/s ({matched / len(few):.1f} zones each)\n"
        f"ours is {_DETECTIONS / ours * slow / len(few):.1f}× as fast\n"
    )


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """Seconds of processor, and what came of it."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def each_zone(camera: Camera, detection: Detection) -> int:
    box = detection.bounding_box
    assert box is not None  # noqa: S101 - made so
    x, y = min(max(box.left + box.width / 2, 0), 1), min(max(box.top + box.height, 0), 1)
    return sum(
        contains(zone.polygon, x, y) if zone.least_overlap is None else overlap(zone.polygon, box) >= zone.least_overlap
        for zone in camera.zones
    )


def a_camera(chance: random.Random) -> Camera:
    """Zones of five to twelve corners all over the image; a third match by overlap."""
    zones = [
        {
            "name": f"zone-{index}",
            "polygon": _polygon(chance),
            "by": "OVERLAP" if index % 3 == 0 else "BOTTOM_CENTER",
        }
        for index in range(_ZONES)
    ]
    rules = [
        {"name": label, "labels": [label], "minimumConfidence": 60, "zones": [f"zone-{index}", f"zone-{index + 9}"]}
        for index, label in enumerate(_LABELS)
    ]
    return Camera.model_validate({"streams": ["*"], "zones": zones, "rules": rules})


def _polygon(chance: random.Random) -> list[list[float]]:
    x, y, corners = chance.uniform(0.15, 0.85), chance.uniform(0.15, 0.85), chance.randint(5, 12)
    return [
        [
            x + chance.uniform(0.05, 0.15) * math.cos(2 * math.pi * index / corners),
            y + chance.uniform(0.05, 0.15) * math.sin(2 * math.pi * index / corners),
        ]
        for index in range(corners)
    ]


def a_detection(chance: random.Random) -> Detection:
    width, height = chance.uniform(0.02, 0.2), chance.uniform(0.05, 0.4)
    box = BoundingBox(left=chance.uniform(0, 1 - width), top=chance.uniform(0, 1 - height), width=width, height=height)
    return Detection(label=chance.choice(_LABELS), confidence=chance.uniform(40, 100), bounding_box=box)


if __name__ == "__main__":
    main()
