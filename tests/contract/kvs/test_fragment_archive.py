"""Fragments from KVS: omitted and truncated fragments and errors are retried."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.domain.errors import MediaBusyError, StreamRefusedError
from kinesight.domain.ports import FragmentMedia, FragmentUnavailable
from kinesight.media import fragments
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaFragment
from kinesight_local.kvs.operations.documents import zeroed

from tests.unit.media.test_fragments import error_document, kvs_fragment


class Body:
    """A StreamingBody; `cut` ends it by an error after so many bytes."""

    def __init__(self, data: bytes, cut: bool = False) -> None:
        self._data = data
        self._cut = cut

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        for at in range(0, len(self._data), size):
            yield self._data[at : at + size]
        if self._cut:
            raise ReadTimeoutError(endpoint_url="kvs")


class Kvs:
    """Control plane and archived media in one; each response is used once, the last one for all further calls."""

    def __init__(self, *responses: Any) -> None:
        self.responses = list(responses)
        self.requests: list[list[str]] = []
        self.endpoints = 0

    def get_data_endpoint(self, **_: Any) -> Any:
        self.endpoints += 1
        return {"DataEndpoint": "http://kvs"}

    def get_media_for_fragment_list(self, *, StreamName: str, Fragments: list[str]) -> Any:  # noqa: N803 - boto3's
        assert StreamName == "cam"
        self.requests.append(Fragments)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        return {"Payload": response if isinstance(response, Body) else Body(response)}


def archive(kvs: Kvs) -> KvsFragmentArchive:
    clients: Any = DataClients(kvs, lambda _: kvs, monotonic_s=lambda: 0.0)  # type: ignore[arg-type]  # a part of one
    return KvsFragmentArchive(clients, sleep=lambda _: None)


def refusal(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Get")  # type: ignore[typeddict-item]


def test_every_fragment_is_returned_unchanged() -> None:
    bodies = [kvs_fragment(1), kvs_fragment(2)]

    assert list(archive(Kvs(b"".join(bodies))).fetch("cam", ["1", "2"])) == [
        FragmentMedia("1", bodies[0]),
        FragmentMedia("2", bodies[1]),
    ]


def test_only_omitted_fragments_are_requested_again() -> None:
    kvs = Kvs(kvs_fragment(1), kvs_fragment(2))

    found = list(archive(kvs).fetch("cam", ["1", "2"]))

    assert [one.fragment_number for one in found] == ["1", "2"]
    assert kvs.requests == [["1", "2"], ["2"]]


def test_an_error_tag_is_a_reason_and_not_media() -> None:
    found = list(archive(Kvs(error_document(2))).fetch("cam", ["2"]))

    assert found == [FragmentUnavailable("2", "4000 Fragment not found")]


def test_a_fragment_that_is_not_available_yet_is_found_by_a_retry() -> None:
    found = list(archive(Kvs(error_document(2), error_document(2), kvs_fragment(2))).fetch("cam", ["2"]))

    assert [type(one) for one in found] == [FragmentMedia]


@pytest.mark.parametrize(
    "trouble",
    [refusal("ClientLimitExceededException"), refusal("InternalFailure", 500), Body(kvs_fragment(2), cut=True)],
)
def test_transient_errors_are_retried(trouble: Any) -> None:
    kvs = Kvs(trouble, kvs_fragment(1) + kvs_fragment(2))

    found = list(archive(kvs).fetch("cam", ["1", "2"]))

    assert {one.fragment_number for one in found if isinstance(one, FragmentMedia)} == {"1", "2"}
    assert kvs.endpoints == 2  # a failing endpoint is requested again


def test_a_truncated_body_gives_its_complete_fragments_and_the_rest_is_requested() -> None:
    first = kvs_fragment(1)
    kvs = Kvs(first + kvs_fragment(2)[:-10], kvs_fragment(2))

    assert [one.fragment_number for one in archive(kvs).fetch("cam", ["1", "2"])] == ["1", "2"]
    assert kvs.requests == [["1", "2"], ["2"]]


def unreadable(number: int) -> bytes:
    cluster = write.cluster(5000, [write.simple_block(1, 0, True, b"key")], known_size=True)
    return kvs_fragment(number).replace(cluster, zeroed(cluster))


def test_a_malformed_fragment_is_reported_and_later_ones_are_returned() -> None:
    kvs = Kvs(
        kvs_fragment(1) + unreadable(2) + kvs_fragment(3) + unreadable(4) + kvs_fragment(5),
        kvs_fragment(3) + unreadable(4) + kvs_fragment(5),
        kvs_fragment(5),
    )

    found = list(archive(kvs).fetch("cam", ["1", "2", "3", "4", "5"]))

    assert [(one.fragment_number, isinstance(one, FragmentMedia)) for one in found] == [
        ("1", True),
        ("2", False),
        ("3", True),
        ("4", False),
        ("5", True),
    ]
    assert kvs.requests == [["1", "2", "3", "4", "5"], ["3", "4", "5"], ["5"]]


def test_continued_throttling_is_a_transient_error() -> None:
    with pytest.raises(MediaBusyError):
        list(archive(Kvs(refusal("ClientLimitExceededException"))).fetch("cam", ["1"]))


@pytest.mark.parametrize("code", ["AccessDeniedException", "NotAuthorizedException", "InvalidArgumentException"])
def test_a_refused_call_is_permanent_and_not_repeated(code: str) -> None:
    kvs = Kvs(refusal(code))

    with pytest.raises(StreamRefusedError, match=code):
        list(archive(kvs).fetch("cam", ["1"]))
    assert len(kvs.requests) == 1


def test_a_defect_in_reading_a_fragment_is_that_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    make = fragments._fragment

    def defective(document: fragments._Document, timecode: int) -> MediaFragment:
        made = make(document, timecode)
        if made.number == "2":
            raise OverflowError("year 10000")
        return made

    monkeypatch.setattr(fragments, "_fragment", defective)
    kvs = Kvs(kvs_fragment(1) + kvs_fragment(2), kvs_fragment(3))

    found = {one.fragment_number: one for one in archive(kvs).fetch("cam", ["1", "2", "3"])}

    assert isinstance(found["2"], FragmentUnavailable)
    assert "OverflowError: year 10000" in found["2"].reason
    assert isinstance(found["1"], FragmentMedia)
    assert isinstance(found["3"], FragmentMedia)


def test_a_deleted_stream_has_no_fragments() -> None:
    found = list(archive(Kvs(refusal("ResourceNotFoundException", 404))).fetch("cam", ["1"]))

    assert [type(one) for one in found] == [FragmentUnavailable]


def test_long_lists_are_requested_in_parts() -> None:
    kvs = Kvs(b"".join(kvs_fragment(n) for n in range(250)))

    found = list(archive(kvs).fetch("cam", [str(n) for n in range(250)]))

    assert len({one.fragment_number for one in found}) == 250
    assert max(len(numbers) for numbers in kvs.requests) == 100
