"""The viewer's links on the local cloud: each opens the object it was signed for until it expires."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import botocore.auth
import httpx
import pytest
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.s3.evidence_reader import S3EvidenceReader
from kinesight_local.cloud import LocalCloud

MINE, OTHERS = "annotated/stream=front-door/mine.jpg", "annotated/stream=yard/theirs.jpg"
PAGE = "results/stream=front-door/page.html"


@pytest.fixture(autouse=True)
def clean_environment() -> None:
    """Sets the environment variables of the local cloud."""


@pytest.fixture(scope="module")
def evidence_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3EvidenceReader]:
    folder = tmp_path_factory.mktemp("cloud")
    with LocalCloud(folder, folder / "data", {}):
        aws_clients.s3.cache_clear()
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="evidence")
        for key in (MINE, OTHERS, PAGE):
            s3.put_object(Bucket="evidence", Key=key, Body=key.encode(), ContentType="text/html")
        yield S3EvidenceReader(aws_clients.s3(), "evidence", link_seconds=900)
        aws_clients.s3.cache_clear()


def code(response: httpx.Response) -> str:
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


def test_a_link_opens_its_object_with_its_type(evidence_reader: S3EvidenceReader) -> None:
    response = httpx.get(evidence_reader.link(MINE))

    assert (response.status_code, response.text) == (200, MINE)
    assert (response.headers["content-type"], response.headers["content-disposition"]) == ("image/jpeg", "inline")


def test_executable_content_is_downloaded_instead(evidence_reader: S3EvidenceReader) -> None:
    """For any type of the object: a document of the bucket's origin could read its links."""
    response = httpx.get(evidence_reader.link(PAGE))

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ("front-door/mine.jpg", "yard/theirs.jpg"),
        ("front-door/mine.jpg", "front-door/../../stream%3Dyard/theirs.jpg"),
        ("X-Amz-Expires=900", "X-Amz-Expires=604800"),
        ("response-content-type=image%2Fjpeg", "response-content-type=text%2Fhtml"),
        ("response-content-disposition=inline&", ""),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host&versionId=1"),
        ("X-Amz-Credential=local", "X-Amz-Credential=another"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_an_edited_link_is_rejected(evidence_reader: S3EvidenceReader, found: str, instead: str) -> None:
    link = evidence_reader.link(MINE)
    assert found in link

    response = httpx.get(link.replace(found, instead))

    assert (response.status_code, code(response)) in [(403, "SignatureDoesNotMatch"), (403, "InvalidAccessKeyId")]


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
def test_a_read_link_cannot_write(evidence_reader: S3EvidenceReader, method: str) -> None:
    assert httpx.request(method, evidence_reader.link(MINE)).status_code == 403
    assert evidence_reader.read(MINE) == MINE.encode()


@pytest.mark.parametrize(("seconds_ago", "opens"), [(840, True), (901, False)])
def test_a_link_expires(
    evidence_reader: S3EvidenceReader, monkeypatch: pytest.MonkeyPatch, seconds_ago: int, opens: bool
) -> None:
    signed_at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    # Lambda has this signer; with AWS's C library installed, botocore would use that one, which has its own clock.
    monkeypatch.setitem(botocore.auth.AUTH_TYPE_MAPS, "s3v4-query", botocore.auth.S3SigV4QueryAuth)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: signed_at)

    response = httpx.get(evidence_reader.link(MINE))

    expected = (200, "") if opens else (403, "AccessDenied")
    assert (response.status_code, code(response)) == expected
    assert ("Request has expired" in response.text) is not opens


@pytest.mark.parametrize(
    "query", ["", "?Signature=1", "?X-Amz-Signature=1", "?AWSAccessKeyId=local&Signature=1&Expires=9999999999"]
)
def test_an_unsigned_link_is_rejected(evidence_reader: S3EvidenceReader, query: str) -> None:
    address = evidence_reader.link(MINE).partition("?")[0] + query

    assert httpx.get(address).status_code in (400, 403)
