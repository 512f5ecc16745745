"""Detects people, faces, cats and licence plates in an image, with the models inside opencv-python-headless 4.

People: histogram of oriented gradients with OpenCV's pedestrian classifier. The others: Haar cascades. Their recall is
far below Rekognition's, but they analyze the real pixels, and the same image gives the same detections.
"""

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height × width × 3, blue-green-red."""

_PEOPLE_SIDE = 640
_SCALE_STEP = 1.1
"""Between two sizes in a cascade's search. Smaller steps find hardly more: 1.06 takes twice as long."""
_OVERLAP = 0.4
_MOST_CACHED = 1000

MODEL_VERSION = "opencv-4"


@dataclass(frozen=True, slots=True)
class Detection:
    """One object. `box` is left, top, width, height as ratios of the image; `confidence` is 0 to 100."""

    label: str
    confidence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Cascade:
    """Parameters of a cascade: the minimum number of overlapping windows, the size in pixels of the smallest object,
    which is what it was trained with, and the longer side that larger images are scaled to. The smallest object is
    this part of the image then."""

    label: str
    least_neighbours: int
    least_sides_px: tuple[int, int] = (24, 24)
    side_px: int = 480


_FACES = _Cascade("Face", 8)
_CATS = _Cascade("Cat", 5, side_px=320)
# A drawn plate has at least 11 neighbours; coins in scikit-image's test images have 3.
_PLATES = _Cascade("License Plate", 8, least_sides_px=(60, 20), side_px=960)


class _Models(threading.local):
    """One instance per thread: OpenCV's detectors are not thread-safe."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.face = _cascade("haarcascade_frontalface_alt2.xml")
        self.cat = _cascade("haarcascade_frontalcatface_extended.xml")
        self.plate = _cascade("haarcascade_russian_plate_number.xml")
        self.people = cv2.HOGDescriptor()
        self.people.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))


def _cascade(name: str) -> Any:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))


_MODELS = _Models()


Detect = Callable[[Pixels], tuple[Detection, ...]]


class CachedDetector:
    """Detects objects in images, and keeps the detections of the latest ones in `cache`: detecting takes some tenths of
    a second, and the same pixels give the same detections."""

    def __init__(self, detect: Detect) -> None:
        self._detect = detect
        self._lock = threading.Lock()
        self.cache: MutableMapping[bytes, tuple[Detection, ...]] = OrderedDict()

    def __call__(self, image: Pixels) -> tuple[Detection, ...]:
        key = hashlib.sha256(str(image.shape).encode() + image.tobytes()).digest()
        with self._lock:
            found = self.cache.pop(key, None)
        if found is None:
            found = self._detect(image)
        with self._lock:
            self.cache[key] = found
            while len(self.cache) > _MOST_CACHED:
                del self.cache[next(iter(self.cache))]
        return found


@CachedDetector
def detect(image: Pixels) -> tuple[Detection, ...]:
    """People, faces, cats and licence plates by descending confidence, which is at least about 50."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    found = [*faces(grey), *people(image), *plates(grey)]
    found += [
        cat for cat in cats(grey) if all(_overlap(cat.box, one.box) < 0.2 for one in found if one.label == "Face")
    ]
    return tuple(sorted(found, key=lambda one: -one.confidence))


@CachedDetector
def detect_faces(image: Pixels) -> tuple[Detection, ...]:
    """Faces only, by descending confidence, in a third of the time of `detect`."""
    found = faces(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return tuple(sorted(found, key=lambda one: -one.confidence))


def faces(grey: NDArray[Any]) -> list[Detection]:
    """Upright frontal faces."""
    return _by_cascade(_MODELS.face, grey, _FACES)


def cats(grey: NDArray[Any]) -> list[Detection]:
    """Upright frontal cat faces."""
    return _by_cascade(_MODELS.cat, grey, _CATS)


def plates(grey: NDArray[Any]) -> list[Detection]:
    """Frontal licence plates with dark characters on a light background, three times as wide as high."""
    return _by_cascade(_MODELS.plate, grey, _PLATES)


def _by_cascade(cascade: Any, grey: NDArray[Any], settings: _Cascade) -> list[Detection]:
    height, width = grey.shape
    scale = min(1.0, settings.side_px / max(height, width))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    boxes, neighbours = cascade.detectMultiScale2(
        small,
        scaleFactor=_SCALE_STEP,
        minNeighbors=settings.least_neighbours,
        minSize=settings.least_sides_px,
    )
    if len(boxes) == 0:
        return []
    ratios = [_ratios(box, small.shape[1], small.shape[0]) for box in boxes]
    return _suppressed(settings.label, ratios, [_cascade_confidence(int(count)) for count in neighbours])


def _cascade_confidence(neighbours: int) -> float:
    """Confidence by the number of overlapping windows: a real face has about 30 (91 %), a false one under 9 (75 %)."""
    return 100 * neighbours / (neighbours + 3)


def people(image: Pixels) -> list[Detection]:
    """Standing or walking people whose height is at least about a third of a wide image's."""
    height, width = image.shape[:2]
    scale = _PEOPLE_SIDE / max(height, width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if small.shape[0] < 128 or small.shape[1] < 64:
        return []
    boxes, weights = _MODELS.people.detectMultiScale(small, winStride=(8, 8), padding=(8, 8), scale=1.06)
    ratios = [_ratios(_trimmed(box), small.shape[1], small.shape[0]) for box in boxes]
    confidences = [_confidence(float(weight), half_at=0.3) for weight in np.asarray(weights).reshape(-1)]
    return _suppressed("Person", ratios, confidences)


def _trimmed(box: Sequence[int]) -> tuple[float, float, float, float]:
    """The classifier's window has a margin of an eighth around the person."""
    x, y, width, height = box
    return x + 0.15 * width, y + 0.06 * height, 0.7 * width, 0.86 * height


def _ratios(box: Sequence[float], width: int, height: int) -> tuple[float, float, float, float]:
    return float(box[0] / width), float(box[1] / height), float(box[2] / width), float(box[3] / height)


def _confidence(weight: float, *, half_at: float) -> float:
    """Maps the classifier's margin, which has no unit, monotonically to 0–100."""
    return 100 / (1 + math.exp(-2.5 * (weight - half_at)))


def _suppressed(
    label: str, boxes: Sequence[tuple[float, float, float, float]], confidences: Sequence[float]
) -> list[Detection]:
    """Non-maximum suppression: of overlapping boxes, keeps the one with the highest confidence."""
    kept: list[Detection] = []
    for confidence, box in sorted(zip(confidences, boxes, strict=True), key=lambda pair: -pair[0]):
        if all(_overlap(box, other.box) < _OVERLAP for other in kept):
            kept.append(Detection(label, confidence, box))
    return kept


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Intersection over the smaller of the two."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min(one[2] * one[3], other[2] * other[3])
