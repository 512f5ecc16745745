"""Retention, with a clock that the test controls."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kinesight_local.kvs.aws_models import routes
from kinesight_local.kvs.exceptions import ResourceNotFoundError
from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.media.ingest import Ingest
from kinesight_local.kvs.service import KvsService
from kinesight_local.kvs.storage.index import UnreadableStateError

from tests.builders import NOON_MS
from tests.functional.kvs_producer import everything
from tests.media import a_clip, clusters, producer_header

HOUR_MS = 3_600_000
CLIP = a_clip(1, fps=2)


class Clock:
    now_ms = NOON_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(tmp_path: Path, clock: Clock) -> KvsService:
    return a_service(tmp_path, clock)


def a_service(folder: Path, clock: Clock) -> KvsService:
    return KvsService(folder, region="us-east-1", account_id="123456789012", url="http://kvs.test", now_ms=clock)


def call(service: KvsService, path: str, **parameters: Any) -> Any:
    return service.call(routes()[path], parameters)


def put(service: KvsService, arn: str) -> str:
    """Ingests one fragment; returns its number."""
    ingest = Ingest()
    outcomes = ingest.feed(producer_header(CLIP) + clusters(CLIP, NOON_MS)[0][1]) + ingest.close()
    identity = service.begin_fragment(arn)
    (fragment,) = (outcome for outcome in outcomes if isinstance(outcome, IngestedFragment))
    service.persist(arn, fragment, identity)
    return identity.number


def listed(service: KvsService) -> list[str]:
    found = call(service, "/listFragments", StreamName="cam", FragmentSelector=everything())["Fragments"]
    return sorted(one["FragmentNumber"] for one in found)


def media(service: KvsService, number: str) -> bytes:
    return b"".join(call(service, "/getMediaForFragmentList", StreamName="cam", Fragments=[number]).chunks)


def files(folder: Path) -> int:
    return sum(1 for path in (folder / "fragments").rglob("*") if path.is_file())


def test_expired_fragments_are_not_served(service: KvsService, clock: Clock) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=2)["StreamARN"]
    old = put(service, arn)
    clock.now_ms += HOUR_MS
    young = put(service, arn)

    clock.now_ms += HOUR_MS - 1
    assert listed(service) == [old, young]
    clock.now_ms += 1
    assert listed(service) == [young]
    assert b"EXCEPTION_ERROR_CODE" in media(service, old)
    assert b"EXCEPTION_ERROR_CODE" not in media(service, young)


def test_expired_fragments_are_deleted_from_disk(service: KvsService, clock: Clock, tmp_path: Path) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    put(service, arn)
    clock.now_ms += HOUR_MS
    assert files(tmp_path) == 1

    assert service.sweep() == 1
    assert files(tmp_path) == 0


def test_expired_fragments_are_swept_while_media_arrives(service: KvsService, clock: Clock, tmp_path: Path) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    put(service, arn)
    clock.now_ms += HOUR_MS
    put(service, arn)

    assert files(tmp_path) == 1


def test_a_shorter_retention_applies_to_stored_media(service: KvsService, clock: Clock) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=5)["StreamARN"]
    put(service, arn)
    clock.now_ms += 2 * HOUR_MS
    version = call(service, "/describeStream", StreamName="cam")["StreamInfo"]["Version"]

    call(
        service,
        "/updateDataRetention",
        StreamName="cam",
        CurrentVersion=version,
        Operation="DECREASE_DATA_RETENTION",
        DataRetentionChangeInHours=4,
    )

    assert listed(service) == []


def test_fragments_survive_a_restart_and_numbers_continue(service: KvsService, clock: Clock, tmp_path: Path) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    first = put(service, arn)
    before = media(service, first)
    service.close()

    again = a_service(tmp_path, clock)
    assert media(again, first) == before
    assert put(again, arn) > first


def test_numbers_continue_after_everything_has_expired(service: KvsService, clock: Clock, tmp_path: Path) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    first = put(service, arn)
    clock.now_ms += 2 * HOUR_MS
    service.sweep()
    service.close()
    clock.now_ms = NOON_MS

    assert put(a_service(tmp_path, clock), arn) > first


def test_numbers_ascend_within_a_millisecond(service: KvsService) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]

    numbers = [put(service, arn) for _ in range(12)]

    assert numbers == sorted(numbers)


def test_a_folder_of_another_version_is_rejected(service: KvsService, clock: Clock, tmp_path: Path) -> None:
    service.close()
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as index:
        index.execute("PRAGMA user_version=0")

    with pytest.raises(UnreadableStateError):
        a_service(tmp_path, clock)


def test_incomplete_files_of_a_killed_emulator_are_deleted(service: KvsService, clock: Clock, tmp_path: Path) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    put(service, arn)
    (whole,) = (tmp_path / "fragments").rglob("*.mkv")
    whole.with_suffix(".part").write_bytes(b"half")
    service.close()

    a_service(tmp_path, clock)

    assert files(tmp_path) == 1


def test_deleting_a_stream_deletes_media_of_the_same_millisecond(service: KvsService, tmp_path: Path) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    put(service, arn)

    call(service, "/deleteStream", StreamARN=arn)

    assert list((tmp_path / "fragments").iterdir()) == []
    with pytest.raises(ResourceNotFoundError):
        put(service, arn)


def test_a_fragment_without_its_file_is_missing(service: KvsService, tmp_path: Path) -> None:
    arn = call(service, "/createStream", StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    number = put(service, arn)
    for path in (tmp_path / "fragments").rglob("*.mkv"):
        path.unlink()

    assert b"EXCEPTION_ERROR_CODE" in media(service, number)
