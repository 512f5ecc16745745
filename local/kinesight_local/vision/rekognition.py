"""DetectLabels and DetectFaces with Rekognition's limits, errors and shapes.

Left out, since OpenCV can't tell: landmarks, pose, quality, colours, age, emotions. A Person label has instances, a
Face label is a child of Person; the confidence is this service's own, not comparable to Rekognition's.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.looking import Found, Pixels, look, look_for_faces
from kinesight_local.vision.objects import s3
from kinesight_local.vision.pictures import JPEG_OR_PNG, decoded

Parameters = dict[str, Any]

MODEL_VERSION = "opencv-4"
_MAXIMUM_S3_BYTES = 15 * 1024 * 1024
_MAXIMUM_INLINE_BYTES = 5 * 1024 * 1024
_MINIMUM_SIDE = 80
_MAXIMUM_SIDE = 10_000
_DEFAULT_LABEL_CONFIDENCE = 55.0
_PARENTS = {"Face": ["Head", "Person"], "Person": [], "Cat": ["Animal", "Mammal", "Pet"]}
_CATEGORIES = {"Face": "Person Description", "Person": "Person Description", "Cat": "Animals and Pets"}


class Rekognition:
    """Reads pictures from S3 through the standard endpoint variables."""

    def call(self, operation: str, parameters: Parameters) -> Parameters:
        """Raises VisionError."""
        operations: dict[str, Callable[[Parameters], Parameters]] = {
            "DetectLabels": self._detect_labels,
            "DetectFaces": self._detect_faces,
        }
        if operation not in operations:
            raise VisionError("UnknownOperationException", f"The local vision service does not have {operation}.")
        return operations[operation](parameters)

    def _detect_labels(self, wanted: Parameters) -> Parameters:
        least = float(wanted.get("MinConfidence", _DEFAULT_LABEL_CONFIDENCE))
        most = int(wanted.get("MaxLabels", 1000))
        if not 0 <= least <= 100 or most < 0:
            raise VisionError("InvalidParameterException", "MinConfidence is 0 to 100, MaxLabels 0 or more.")
        found = [one for one in look(self._picture(wanted)) if one.confidence >= least]
        labels = [_label(name, found) for name in _names(found)]
        return {
            "Labels": sorted(labels, key=lambda label: -float(label["Confidence"]))[:most],
            "LabelModelVersion": MODEL_VERSION,
        }

    def _detect_faces(self, wanted: Parameters) -> Parameters:
        faces = look_for_faces(self._picture(wanted))
        details = [{"BoundingBox": _box(one), "Confidence": one.confidence, "Landmarks": []} for one in faces]
        return {"FaceDetails": details[:100]}

    def _picture(self, wanted: Parameters) -> Pixels:
        image = wanted.get("Image") or {}
        body = self._from_s3(image["S3Object"]) if image.get("S3Object") else _inline(image.get("Bytes"))
        picture = decoded(body) if body.startswith(JPEG_OR_PNG) else None
        if picture is None:
            raise VisionError("InvalidImageFormatException", "Request has invalid image format")
        height, width = picture.shape[:2]
        if min(height, width) < _MINIMUM_SIDE:
            raise VisionError("InvalidParameterException", f"The picture is under {_MINIMUM_SIDE} pixels.")
        if max(height, width) > _MAXIMUM_SIDE:
            raise VisionError("InvalidParameterException", f"The picture is over {_MAXIMUM_SIDE} pixels.")
        return picture

    def _from_s3(self, address: Parameters) -> bytes:
        unreadable = VisionError(
            "InvalidS3ObjectException",
            "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
        )
        try:
            answer = s3().get_object(Bucket=address["Bucket"], Key=address["Name"])
            if answer["ContentLength"] > _MAXIMUM_S3_BYTES:
                raise VisionError("ImageTooLargeException", f"The object passes {_MAXIMUM_S3_BYTES} bytes.")
            body: bytes = answer["Body"].read()
        except (ClientError, BotoCoreError, KeyError) as error:
            raise unreadable from error
        return body


def _inline(encoded: Any) -> bytes:
    try:
        body = base64.b64decode(encoded or "", validate=True)
    except (binascii.Error, TypeError) as error:
        raise VisionError("InvalidParameterException", "Image.Bytes is not base64.") from error
    if not body:
        raise VisionError("InvalidParameterException", "Image needs Bytes or S3Object.")
    if len(body) > _MAXIMUM_INLINE_BYTES:
        raise VisionError("ImageTooLargeException", f"Image.Bytes passes {_MAXIMUM_INLINE_BYTES} bytes.")
    return body


def _names(found: list[Found]) -> list[str]:
    """What is seen, and what that is a kind of: a face is a person's."""
    names = {one.label for one in found}
    return sorted(names | {parent for name in names for parent in _PARENTS[name] if parent in _PARENTS})


def _label(name: str, found: list[Found]) -> Parameters:
    """A label that only follows from others (a person from a face) has their confidence and no instances."""
    instances = [one for one in found if one.label == name]
    confidence = max(one.confidence for one in instances or found if one.label == name or name in _PARENTS[one.label])
    return {
        "Name": name,
        "Confidence": confidence,
        "Instances": [{"BoundingBox": _box(one), "Confidence": one.confidence} for one in instances],
        "Parents": [{"Name": parent} for parent in _PARENTS[name]],
        "Aliases": [],
        "Categories": [{"Name": _CATEGORIES[name]}],
    }


def _box(found: Found) -> Parameters:
    left, top, width, height = found.box
    return {"Left": left, "Top": top, "Width": width, "Height": height}
