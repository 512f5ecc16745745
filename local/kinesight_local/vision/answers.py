"""What is seen, in Rekognition's words."""

from typing import Any

from kinesight_local.vision.looking import Found


def box(found: Found) -> dict[str, float]:
    """A BoundingBox: ratios of the picture."""
    left, top, width, height = found.box
    return {"Left": left, "Top": top, "Width": width, "Height": height}


def face_detail(found: Found) -> dict[str, Any]:
    """A FaceDetail without what OpenCV can't tell."""
    return {"BoundingBox": box(found), "Confidence": found.confidence, "Landmarks": []}
