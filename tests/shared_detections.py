"""Detections that the processes of a run share: most tests show the local cloud's models the same video, and detecting
takes some tenths of a second per image."""

import hashlib
import json
import os
from collections.abc import Iterator, MutableMapping
from dataclasses import astuple
from pathlib import Path
from typing import override

import cv2
from kinesight_local.vision import detection
from kinesight_local.vision.detection import CachedDetector, Detection

_FOLDER = Path(__file__).resolve().parents[1] / ".kinesight" / "tests" / "detections"


def pytest_configure() -> None:
    """Detections of another version of the models are not found."""
    version = hashlib.sha256(Path(detection.__file__).read_bytes() + cv2.__version__.encode()).hexdigest()[:16]
    for name in ("detect", "detect_faces"):
        detector = getattr(detection, name)
        assert isinstance(detector, CachedDetector)
        detector.cache = _Files(_FOLDER / version / name)


class _Files(MutableMapping[bytes, tuple[Detection, ...]]):
    """One file per image. Nothing is deleted, and there are as many images as tests have."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    @override
    def __getitem__(self, key: bytes) -> tuple[Detection, ...]:
        try:
            stored = json.loads((self._folder / key.hex()).read_bytes())
        except FileNotFoundError:
            raise KeyError(key) from None
        return tuple(Detection(label, confidence, tuple(box)) for label, confidence, box in stored)

    @override
    def __setitem__(self, key: bytes, value: tuple[Detection, ...]) -> None:
        path = self._folder / key.hex()
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps([astuple(one) for one in value]))
            partial.replace(path)

    @override
    def __delitem__(self, key: bytes) -> None:
        """Nothing."""

    @override
    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0
