"""Converts a Rekognition stream processor to Kinesight's parameters and configuration document."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kinesight_cli.migrate.former_parameters import converted
from kinesight_cli.migrate.migration import Migration, MigrationError, Note
from kinesight_cli.migrate.stream_processor import ConnectedHome, FaceSearch, Region, StreamProcessor

LABELS: dict[str, tuple[str, ...]] = {
    "PERSON": ("Person",),
    "PET": ("Cat", "Dog", "Pet"),
    "PACKAGE": ("Package", "Package Delivery", "Box", "Cardboard", "Carton"),
}
"""Labels of DetectLabels for each label of ConnectedHome."""

_LEAST_FACE_MATCH = 80.0
_DIGITS = 6


def migrate_rekognition(text: str) -> Migration:
    """Converts the text of the file.

    Raises MigrationError for another kind of file, fields that Rekognition does not have, and invalid values.
    """
    processor = StreamProcessor.parse(text)
    _, _, _, region, account, resource = processor.input.kinesis_video_stream.arn.split(":")
    stream = resource.split("/")[1]
    parameters = {"StreamNames": stream, "ImageGenerationStatus": "DISABLED", **_kind_parameters(processor)}
    key_arn = _key_arn(processor.kms_key_id, region, account)
    if key_arn is not None:
        parameters["KmsKeyArn"] = key_arn
    kept, moved = converted(parameters)
    return Migration(kept, tuple(_notes(processor, key_arn)), _document(moved, _camera(processor, stream)), region)


def _kind_parameters(processor: StreamProcessor) -> dict[str, str]:
    """Returns the parameters of the kind of processor, those that moved to the document included.

    Label detection runs short sessions on events, like notified ranges here. Face search runs continuously.
    """
    settings = processor.settings
    if settings.connected_home is not None:
        return {
            "Detector": "REKOGNITION_LABELS",
            "NotificationStatus": "ENABLED",
            "Labels": ",".join(label for _, labels in _classes(settings.connected_home) for label in labels),
            "MinimumConfidence": _number(settings.connected_home.min_confidence),
        }
    assert settings.face_search is not None  # noqa: S101 - the document has one of the two
    return {
        "Detector": "REKOGNITION_FACE_SEARCH",
        "LiveStatus": "ENABLED",
        "FaceCollectionId": settings.face_search.collection_id,
        "FaceMatchThreshold": _number(max(_LEAST_FACE_MATCH, settings.face_search.face_match_threshold)),
    }


def _classes(home: ConnectedHome) -> list[tuple[str, tuple[str, ...]]]:
    """Returns (PERSON, labels of DetectLabels) and so on, each once."""
    unknown = [label for label in home.labels if label not in LABELS and label != "ALL"]
    if unknown:
        known = ", ".join([*LABELS, "ALL"])
        raise MigrationError(f"Settings.ConnectedHome.Labels: {', '.join(unknown)} is not one of {known}")
    return [(name, labels) for name, labels in LABELS.items() if name in home.labels or "ALL" in home.labels]


# ---- Configuration document ----------------------------------------------------------------------------------------


def _document(moved: dict[str, Any] | None, camera: dict[str, Any] | None) -> dict[str, Any] | None:
    if camera is None:
        return moved
    return {"schemaVersion": 1, **(moved or {}), "cameras": [camera]}


def _camera(processor: StreamProcessor, stream: str) -> dict[str, Any] | None:
    """Returns a camera with zones and rules, or None if Labels and defaults.minimumConfidence suffice."""
    zones = [_zone(number, region) for number, region in enumerate(processor.regions_of_interest, 1)]
    home = processor.settings.connected_home
    classes = _classes(home) if home is not None else []
    if not zones and len(classes) < 2:
        return None
    names = [str(zone["name"]) for zone in zones]
    if home is None:
        rules: list[dict[str, Any]] = [{"name": "face"}]
    else:
        least = home.min_confidence
        rules = [{"name": name.lower(), "labels": list(labels), "minimumConfidence": least} for name, labels in classes]
    return {
        "streams": [stream],
        "zones": zones,
        "rules": [rule | {"zones": names} for rule in rules],
        # A processor also reports objects that are in view from the first image on.
        "stationary": {"enabled": False},
    }


def _zone(number: int, region: Region) -> dict[str, Any]:
    """Returns a zone. Rekognition requires more than half of an object, which is the default of OVERLAP."""
    return {"name": f"region-{number}", "polygon": _corners(region), "by": "OVERLAP", "minimumOverlap": 0.5}


def _corners(region: Region) -> list[list[float]]:
    if region.polygon is not None:
        return [[_clamped(point.x), _clamped(point.y)] for point in region.polygon]
    box = region.bounding_box
    assert box is not None  # noqa: S101 - the document has one of the two
    left, top, right, bottom = box.left, box.top, box.left + box.width, box.top + box.height
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return [[_clamped(x), _clamped(y)] for x, y in corners]


def _clamped(value: float) -> float:
    """Limits a coordinate to the image."""
    return round(min(max(value, 0.0), 1.0), _DIGITS)


def _number(value: float) -> str:
    return f"{value:g}"


# ---- Notes --------------------------------------------------------------------------------------------------


def _key_arn(key_id: str | None, region: str, account: str) -> str | None:
    """Returns the ARN of the key; None for an alias, since CloudFormation needs the key itself."""
    if key_id is None:
        return None
    if re.fullmatch(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[a-zA-Z0-9-]+", key_id):
        return key_id
    if re.fullmatch(r"[a-zA-Z0-9-]+", key_id):
        return f"arn:{_partition(region)}:kms:{region}:{account}:key/{key_id}"
    return None


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _notes(processor: StreamProcessor, key_arn: str | None) -> Iterator[Note]:
    settings = processor.settings
    if settings.connected_home is not None:
        yield from _HOME
        yield from _of_labels(settings.connected_home, processor.regions_of_interest)
    if settings.face_search is not None:
        yield from _FACES
        yield from _of_threshold(settings.face_search)
    for given, note in _GIVEN:
        if (value := given(processor)) is not None:
            yield Note(note.setting, note.text.replace("{}", value))
    if processor.kms_key_id is not None and key_arn is None:
        text = (
            "{0} is an alias. Get the ARN of the key with aws kms describe-key --key-id {0} and pass it as KmsKeyArn."
        )
        yield Note("KmsKeyId", text.format(processor.kms_key_id))


def _of_labels(home: ConnectedHome, regions: Sequence[Region]) -> Iterator[Note]:
    names = [name for name, _ in _classes(home)]
    if "PACKAGE" in names or "PET" in names:
        text = "DetectLabels has other label names ({}) and other confidences: review a day of results and adjust."
        chosen = "; ".join(f"{name}: {', '.join(LABELS[name])}" for name in names)
        yield Note("Labels", text.format(chosen))
    if regions:
        yield Note(
            "RegionsOfInterest",
            "they become zones of the configuration document. A label for which Rekognition returns no bounding box "
            "is in no zone and does not match.",
        )


def _of_threshold(search: FaceSearch) -> Iterator[Note]:
    if search.face_match_threshold < _LEAST_FACE_MATCH:
        text = f"{_number(search.face_match_threshold)} becomes 80, as which Rekognition treats it, too."
        yield Note("FaceMatchThreshold", text)


_HOME = (
    Note(
        "Sessions (StartStreamProcessor with StartSelector and StopSelector.MaxDurationInSeconds)",
        "the processor does not store their duration. Have the producer tag fragments with "
        "AWS_KINESISVIDEO_NOTIFICATION instead of calling StartStreamProcessor, and set analysis.postRollSeconds (10) "
        "of the configuration document to the duration; or start the state machine of the output AnalyzeRangeArn with "
        "the time range. LiveStatus=ENABLED analyzes continuously, at the price of one image per second "
        "(live.samplingInterval).",
    ),
    Note(
        "Every frame of a session",
        "one image per analysis.samplingInterval (1000 ms) is analyzed and paid for; reduce it for fast objects.",
    ),
    Note(
        "One notification per label and session, and a summary at its end",
        "one alert per session (docs/sessions.md), whatever the number of labels; EventBridge events report further "
        "labels (Session UPDATE) and the end (Session END). alerts.per IMAGE "
        "of the configuration document sends one alert per matching image.",
    ),
)
_FACES = (
    Note(
        "Every frame",
        "one keyframe per live.samplingInterval (1000 ms) is analyzed and paid for as one call: up to 2.6 million per "
        "month and stream. Increase it, or use sweeps, if seconds do not matter.",
    ),
    Note(
        "StartStreamProcessor and StopStreamProcessor",
        "attached streams are read continuously after the deployment; LiveStatus=DISABLED stops reading.",
    ),
)

_GIVEN: tuple[tuple[Callable[[StreamProcessor], str | None], Note], ...] = (
    (
        lambda of: of.output.s3_destination.bucket if of.output and of.output.s3_destination else None,
        Note(
            "Output.S3Destination",
            "{} is not changed. Records, images and fragments are written to the stack's bucket (output "
            "EvidenceBucketName), under results/, annotated/ and archive/.",
        ),
    ),
    (
        lambda of: of.output.kinesis_data_stream.arn if of.output and of.output.kinesis_data_stream else None,
        Note(
            "Output.KinesisDataStream",
            "{} receives nothing. Records go to the stack's own stream (output ResultsStreamName), in the format of "
            "docs/result-record.md: attach your consumers to it.",
        ),
    ),
    (
        lambda of: of.notification_channel.sns_topic_arn if of.notification_channel else None,
        Note(
            "NotificationChannel",
            "{} receives nothing. Subscribe its subscribers to the alert topic (output AlertTopicArn); AlertEmail "
            "subscribes an e-mail address.",
        ),
    ),
    (lambda of: of.role_arn, Note("RoleArn", "{} is not used: every function has its own role.")),
    (
        lambda of: str(of.data_sharing_preference.opt_in).lower() if of.data_sharing_preference else None,
        Note(
            "DataSharingPreference",
            "OptIn was {}. The image operations have no such setting; the opt-out policy for AI services of AWS "
            "Organizations applies to whole accounts.",
        ),
    ),
    (
        lambda of: of.name,
        Note(
            "Name",
            "{} is not needed. Once Kinesight has replaced it, delete it, since it costs money: aws rekognition "
            "delete-stream-processor --name {}",
        ),
    ),
)
