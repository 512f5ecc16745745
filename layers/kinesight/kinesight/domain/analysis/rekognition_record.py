"""Fields that Rekognition's face search stream processors publish per frame, for consumers written for them
(Rekognition's guide, "Understanding the Kinesis face recognition JSON frame record").

Its three fields stand beside our own record's, whose names begin with a small letter.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.model import Frame, to_epoch_ms

_LONGEST_FRAGMENT_MS = 20_000  # "Amazon Kinesis Video Streams quotas"
_CHAIN = {"first", "second"}
"""Keys of a chain's output (ChainedDetector). Boxes of the second detector may be those of a crop."""
_DETECTED = ("BoundingBox", "Confidence", "Landmarks", "Pose", "Quality")
_KNOWN_FACE = ("BoundingBox", "FaceId", "Confidence", "ImageId", "ExternalImageId")


def face_record_fields(frame: Frame, output: ModelOutput) -> dict[str, Any]:
    """Faces of SearchFacesByImage or DetectFaces output; any other output has none. Times are in epoch seconds.

    SearchFacesByImage returns no landmarks, pose and quality: the first is empty, the others are absent.
    """
    return {
        "InputInformation": {"KinesisVideo": _place(frame)},
        "StreamProcessorInformation": {"Status": "RUNNING"},
        "FaceSearchResponse": list(_faces(output.raw_output)),
    }


def offset_in_fragment_ms(image_ms: int, producer_ms: int | None, server_ms: int | None) -> int:
    """How far behind its fragment's time stamps an image is, in milliseconds; 0 if neither is known."""
    offsets = (image_ms - since_ms for since_ms in (producer_ms, server_ms) if since_ms is not None)
    return next((offset for offset in offsets if 0 <= offset <= _LONGEST_FRAGMENT_MS), 0)


def _place(frame: Frame) -> dict[str, Any]:
    image_ms = to_epoch_ms(frame.image_timestamp)
    producer_ms = to_epoch_ms(frame.producer_timestamp) if frame.producer_timestamp else None
    server_ms = to_epoch_ms(frame.server_timestamp) if frame.server_timestamp else None
    return {
        "StreamArn": frame.stream_arn,
        "FragmentNumber": frame.fragment_number,
        "ServerTimestamp": _seconds(server_ms),
        "ProducerTimestamp": _seconds(producer_ms),
        "FrameOffsetInSeconds": offset_in_fragment_ms(image_ms, producer_ms, server_ms) / 1000,
    }


def _seconds(epoch_ms: int | None) -> float | None:
    return None if epoch_ms is None else epoch_ms / 1000


def _faces(raw: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(raw, Mapping):
        return
    if raw.keys() == _CHAIN:
        yield from _faces(raw["first"])
        return
    if "SearchedFaceBoundingBox" in raw:
        searched = {"BoundingBox": raw["SearchedFaceBoundingBox"], "Confidence": raw.get("SearchedFaceConfidence")}
        yield {
            "DetectedFace": searched | {"Landmarks": []},
            "MatchedFaces": [_match(one) for one in raw.get("FaceMatches") or ()],
        }
    for detail in raw.get("FaceDetails") or ():
        yield {"DetectedFace": _only(_DETECTED, detail), "MatchedFaces": []}


def _match(match: Mapping[str, Any]) -> dict[str, Any]:
    return {"Similarity": match.get("Similarity"), "Face": _only(_KNOWN_FACE, match.get("Face") or {})}


def _only(names: tuple[str, ...], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}
