"""A Rekognition stream processor as parameters and rules of ours."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kinesight_cli.migration import Migration, MigrationError, Note
from kinesight_cli.stream_processor import ConnectedHome, FaceSearch, Region, StreamProcessor

LABELS: dict[str, tuple[str, ...]] = {
    "PERSON": ("Person",),
    "PET": ("Cat", "Dog", "Pet"),
    "PACKAGE": ("Package", "Package Delivery", "Box", "Cardboard", "Carton"),
}
"""What DetectLabels calls that which a label of ConnectedHome means."""

_LEAST_FACE_MATCH = 80.0
_DIGITS = 6


def migrate_rekognition(text: str) -> Migration:
    """Raises MigrationError: for another kind of file, fields that Rekognition does not have, unusable values."""
    processor = StreamProcessor.parse(text)
    _, _, _, region, account, resource = processor.input.kinesis_video_stream.arn.split(":")
    stream = resource.split("/")[1]
    parameters = {"StreamNames": stream, "ImageGenerationStatus": "DISABLED", **_of_kind(processor)}
    key_arn = _key_arn(processor.kms_key_id, region, account)
    if key_arn is not None:
        parameters["KmsKeyArn"] = key_arn
    return Migration(parameters, tuple(_notes(processor, key_arn)), _rules(processor, stream), region)


def _of_kind(processor: StreamProcessor) -> dict[str, str]:
    """Sessions of label detection are short and started by events, as notified bursts are; face search never ends."""
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
    """(PERSON, labels of DetectLabels) and so on, each once."""
    unknown = [label for label in home.labels if label not in LABELS and label != "ALL"]
    if unknown:
        known = ", ".join([*LABELS, "ALL"])
        raise MigrationError(f"Settings.ConnectedHome.Labels: {', '.join(unknown)} is not among {known}")
    return [(name, labels) for name, labels in LABELS.items() if name in home.labels or "ALL" in home.labels]


# ---- Rules ---------------------------------------------------------------------------------------------------------


def _rules(processor: StreamProcessor, stream: str) -> dict[str, Any] | None:
    """None where Labels and MinimumConfidence say the same."""
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
    camera = {
        "streams": [stream],
        "zones": zones,
        "rules": [rule | {"zones": names} for rule in rules],
        # A processor reports what stands in view from the first picture on.
        "stationary": {"enabled": False},
    }
    return {"schemaVersion": 1, "cameras": [camera]}


def _zone(number: int, region: Region) -> dict[str, Any]:
    """Rekognition asks for more than half of an object, which is what OVERLAP asks for by default."""
    return {"name": f"region-{number}", "polygon": _corners(region), "by": "OVERLAP", "minimumOverlap": 0.5}


def _corners(region: Region) -> list[list[float]]:
    if region.polygon is not None:
        return [[_share(point.x), _share(point.y)] for point in region.polygon]
    box = region.bounding_box
    assert box is not None  # noqa: S101 - the document has one of the two
    left, top, right, bottom = box.left, box.top, box.left + box.width, box.top + box.height
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return [[_share(x), _share(y)] for x, y in corners]


def _share(value: float) -> float:
    """What lies outside the picture has its edge there."""
    return round(min(max(value, 0.0), 1.0), _DIGITS)


def _number(value: float) -> str:
    return f"{value:g}"


# ---- What is said --------------------------------------------------------------------------------------------------


def _key_arn(key_id: str | None, region: str, account: str) -> str | None:
    """None for an alias: CloudFormation needs the key itself."""
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
            yield Note(note.of, note.said.replace("{}", value))
    if processor.kms_key_id is not None and key_arn is None:
        said = "{0} is an alias. aws kms describe-key --key-id {0} tells the key's ARN: give it as KmsKeyArn."
        yield Note("KmsKeyId", said.format(processor.kms_key_id))


def _of_labels(home: ConnectedHome, regions: Sequence[Region]) -> Iterator[Note]:
    names = [name for name, _ in _classes(home)]
    if "PACKAGE" in names or "PET" in names:
        said = (
            "DetectLabels has names of its own ({}), and confidences of its own: look at a day of results and adjust."
        )
        chosen = "; ".join(f"{name}: {', '.join(LABELS[name])}" for name in names)
        yield Note("Labels", said.format(chosen))
    if regions:
        yield Note(
            "RegionsOfInterest",
            "they are zones of the rules document. A label for which Rekognition tells no box can't be in a zone, and "
            "does not match there.",
        )


def _of_threshold(search: FaceSearch) -> Iterator[Note]:
    if search.face_match_threshold < _LEAST_FACE_MATCH:
        said = f"{_number(search.face_match_threshold)} becomes 80, which Rekognition took it for, too."
        yield Note("FaceMatchThreshold", said)


_HOME = (
    Note(
        "Sessions (StartStreamProcessor with StartSelector and StopSelector.MaxDurationInSeconds)",
        "no description tells how long they were. Have the producer tag fragments with AWS_KINESISVIDEO_NOTIFICATION "
        "where StartStreamProcessor was called, and set NotificationPostRollSeconds (10) to the duration; or start the "
        "state machine of the output AnalyzeRangeArn with the time range. LiveStatus=ENABLED watches always, at the "
        "price of a picture a second (LiveSamplingInterval).",
    ),
    Note(
        "Every frame of a session",
        "one picture per AnalysisSamplingInterval (1000 ms) is looked at, and paid for; lower it for what is quick.",
    ),
    Note(
        "One notification per label and session, and a summary at its end",
        "one alert per session (docs/sessions.md), whatever the number of labels; EventBridge tells of further labels "
        "(Session UPDATE) and of the end (Session END). AlertPer=PICTURE has one alert per matching picture.",
    ),
)
_FACES = (
    Note(
        "Every frame",
        "one keyframe per LiveSamplingInterval (1000 ms) is looked at, and paid for as one call: up to 2.6 million a "
        "month and stream. Raise it, or use sweeps, where seconds don't matter.",
    ),
    Note(
        "StartStreamProcessor and StopStreamProcessor",
        "attached streams are read from the deployment on; LiveStatus=DISABLED stops it.",
    ),
)

_GIVEN: tuple[tuple[Callable[[StreamProcessor], str | None], Note], ...] = (
    (
        lambda of: of.output.s3_destination.bucket if of.output and of.output.s3_destination else None,
        Note(
            "Output.S3Destination",
            "{} stays as it is. Records, pictures and fragments go to the stack's own bucket (output "
            "EvidenceBucketName), under results/, annotated/ and archive/.",
        ),
    ),
    (
        lambda of: of.output.kinesis_data_stream.arn if of.output and of.output.kinesis_data_stream else None,
        Note(
            "Output.KinesisDataStream",
            "{} gets nothing. Records go to the stack's own stream (output ResultsStreamName), in the form of "
            "docs/result-record.md: attach consumers there.",
        ),
    ),
    (
        lambda of: of.notification_channel.sns_topic_arn if of.notification_channel else None,
        Note(
            "NotificationChannel",
            "{} gets nothing. Subscribe what listens to it to the alert topic (output AlertTopicArn); AlertEmail "
            "subscribes a person.",
        ),
    ),
    (lambda of: of.role_arn, Note("RoleArn", "{} is not used: every function has a role of its own.")),
    (
        lambda of: str(of.data_sharing_preference.opt_in).lower() if of.data_sharing_preference else None,
        Note(
            "DataSharingPreference",
            "OptIn was {}. The image operations have no such switch; the opt-out policy for AI services of AWS "
            "Organizations speaks for whole accounts.",
        ),
    ),
    (
        lambda of: of.name,
        Note(
            "Name",
            "{} is not needed; when Kinesight does its work, aws rekognition delete-stream-processor --name {} ends "
            "what it costs.",
        ),
    ),
)
