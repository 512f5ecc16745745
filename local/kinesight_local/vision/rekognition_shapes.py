"""Detections in Rekognition's format."""

from typing import Any

from kinesight_local.vision.detection import Detection


def box(found: Detection) -> dict[str, float]:
    """A BoundingBox."""
    left, top, width, height = found.box
    return {"Left": left, "Top": top, "Width": width, "Height": height}


def face_detail(found: Detection) -> dict[str, Any]:
    """A FaceDetail without the fields that OpenCV cannot compute."""
    return {"BoundingBox": box(found), "Confidence": found.confidence, "Landmarks": []}
