"""Result records: their identity, their size limit, and where their evidence lies."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import ModelOutputError
from kinesight.domain.model import Detection, Frame, ResultRecord, from_epoch_ms, to_epoch_ms
from kinesight.domain.plain_values import plain_json

MAXIMUM_RECORD_BYTES = 1_000_000
"""Below the 1 MiB that PutRecords takes for data and partition key together."""

_PLAUSIBLE_MS = (1_262_304_000_000, 4_102_444_800_000)  # 2010 to 2100


def result_id(frame: Frame, detector_fingerprint: str) -> str:
    """The same frame seen by the same detector has the same id, whenever and by whatever way it came.

    32 hexadecimal digits over stream, fragment number, moment of the image and detector. The stream counts by
    name: its ARN may be unknown when the image is analyzed, and then known on the second try.
    """
    identity = json.dumps(
        [frame.stream_name, frame.fragment_number, to_epoch_ms(frame.image_timestamp), detector_fingerprint]
    )
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Matches:
    """Detections of a frame with their zones, and the labels and rules that matched."""

    detections: tuple[Detection, ...]
    labels: tuple[str, ...]
    rules: tuple[str, ...]


def make_record(
    frame: Frame, output: ModelOutput, fingerprint: str, matches: Matches, *, include_raw: bool
) -> ResultRecord:
    """The record of a frame, its detections and the rules that matched."""
    return ResultRecord(
        result_id=result_id(frame, fingerprint),
        frame=frame,
        detector=output.info,
        detections=matches.detections,
        matched=bool(matches.rules),
        matched_labels=matches.labels,
        matched_rules=matches.rules,
        raw_output=output.raw_output if include_raw else None,
    )


def encode_record(record: ResultRecord, extra: Mapping[str, Any] | None = None) -> bytes:
    """The record as JSON under the stream's limit, with the fields of `extra`; raw output is dropped first if it does
    not fit.

    Raises ModelOutputError if the detections alone pass the limit.
    """
    for candidate in (record, record.model_copy(update={"raw_output": None})):
        encoded = candidate.model_dump_json(by_alias=True, exclude_none=False).encode()
        if extra:
            encoded = json.dumps(json.loads(encoded) | plain_json(extra), ensure_ascii=False).encode()
        if len(encoded) <= MAXIMUM_RECORD_BYTES:
            return encoded
    raise ModelOutputError(
        f"the record of {record.frame.image.key} has {len(record.detections)} detections and passes "
        f"{MAXIMUM_RECORD_BYTES} bytes; raise minimumConfidence or lower maxLabels"
    )


@dataclass(frozen=True, slots=True)
class EvidenceKeys:
    """Where one record's evidence lies in the evidence bucket. Same record, same keys."""

    result: str
    annotated: str
    archive: str | None


def evidence_keys(record: ResultRecord) -> EvidenceKeys:
    """Partitioned by stream and UTC day of the image, so Athena and a person find them alike."""
    frame = record.frame
    moment, number = frame.image_timestamp, frame.fragment_number
    return keys_of(frame.stream_name, moment, record.result_id, number, matched=record.matched)


def keys_of(
    stream_name: str, at: datetime, identity: str, fragment_number: str | None, *, matched: bool = True
) -> EvidenceKeys:
    """As `evidence_keys`, without a record; `identity` is the result's id.

    Records that did not match have a folder of their own: a listing of the other has the images of sessions only.
    """
    moment = at.astimezone(UTC)
    folder = f"stream={stream_name}/date={moment:%Y-%m-%d}"
    name = f"{moment:%H%M%S}{moment.microsecond // 1000:03d}_{identity}"
    archive = archive_key(stream_name, fragment_number) if fragment_number else None
    results = "results" if matched else "results/unmatched"
    return EvidenceKeys(f"{results}/{folder}/{name}.json", f"annotated/{folder}/{name}.jpg", archive)


def annotated_key(result_key: str) -> str:
    """Where the annotated image of a record lies, derived from the key of the record."""
    return f"annotated/{result_key.removeprefix('results/').removesuffix('.json')}.jpg"


def archive_key(stream_name: str, fragment_number: str) -> str:
    """Where a fragment is archived: by its number alone, so that all its frames, also over midnight, share it."""
    return f"archive/stream={stream_name}/date={fragment_day(fragment_number)}/{fragment_number}.mkv"


def fragment_day(fragment_number: str) -> str:
    """The UTC day in the number, or `unknown`: bits 28 to 91 are the server's epoch milliseconds.

    AWS doesn't document that; every fragment number seen in captures and logs holds it. Should it change, the
    folder's name says so and nothing else depends on it.
    """
    server_ms = (int(fragment_number) >> 28) & (2**64 - 1)
    if not _PLAUSIBLE_MS[0] <= server_ms < _PLAUSIBLE_MS[1]:
        return "unknown"
    return f"{from_epoch_ms(server_ms):%Y-%m-%d}"
