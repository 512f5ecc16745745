"""The viewer on the deployed stack: the page and its API, requested as by a browser on the local cloud."""

import hashlib
import json
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import av
import boto3
import httpx
import pytest
from botocore.config import Config
from kinesight.adapters.dynamodb.sessions import DynamoDbSessionClips, DynamoDbSessions
from kinesight.domain.analysis.result_records import archive_key, fragment_day
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.sessions.clip import ClipFragment, SessionClip, SessionRef
from kinesight.domain.sessions.model import BestImage, Session, Severity
from kinesight.media.fragments import MediaFragment
from kinesight_local.cloud import LocalCloud
from kinesight_local.viewer import ViewerServer

from tests.e2e.conftest import ROOT
from tests.functional.kvs_producer import everything, fetch, put_clip
from tests.media import a_clip
from tests.raw_http import raw

PAGE = ROOT / "functions/publish_viewer/page"
STREAM = "front-door"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {"StreamNames": STREAM, "ViewerUserEmail": "viewer@example.com"}
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters) as cloud:
        cloud.ensure_stream(STREAM)
        cloud.deploy()
        yield cloud


@pytest.fixture(scope="module")
def viewer(cloud: LocalCloud) -> ViewerServer:
    assert cloud.viewer is not None
    return cloud.viewer


@pytest.fixture
def browser(viewer: ViewerServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {viewer.token}"}
    with httpx.Client(base_url=viewer.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def session_path(cloud: LocalCloud) -> str:
    """Returns the path of a session with a script as label."""
    return stored_event(cloud, round(time.time() * 1000), STREAM)


def stored_event(cloud: LocalCloud, at_ms: int, stream: str) -> str:
    """Its path."""
    best = BestImage("r" * 32, at_ms, "123", HOSTILE, 97.5, Severity.ALERT)
    labels = {HOSTILE: 97.5}
    session = Session("ab" * 16, stream, Severity.ALERT, at_ms, at_ms, at_ms, 1, labels, ("people",), (), best)
    table = cloud.outputs["SessionsTableName"]
    DynamoDbSessions(cloud.client("dynamodb"), table, kept_seconds=3600, epoch_s=time.time).put(session)
    return f"/api/sessions/{stream}/{at_ms:015d}-{'ab' * 16}"


def test_the_stack_output_is_the_address_with_its_token(cloud: LocalCloud, viewer: ViewerServer) -> None:
    assert cloud.outputs["ViewerUrl"] == f"{viewer.url}/#token={viewer.token}"
    assert urlsplit(viewer.url).hostname == "127.0.0.1"
    assert "ViewerUserPoolId" not in cloud.outputs  # the local cloud has none


def test_every_file_of_the_page_is_served_unchanged_with_the_templates_headers(browser: httpx.Client) -> None:
    names = [path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file()]
    for name in names:
        response = browser.get(f"/{name}")
        assert (response.status_code, response.content) == (200, (PAGE / name).read_bytes()), name
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
    assert {"index.html", "style.css", "js/main.js"} <= set(names)
    assert browser.get("/").content == (PAGE / "index.html").read_bytes()


def test_the_policy_allows_this_clouds_s3_and_kvs(cloud: LocalCloud, browser: httpx.Client) -> None:
    policy = browser.get("/").headers["content-security-policy"]
    directives = {name: values for name, *values in (one.split() for one in policy.split(";"))}
    s3, kvs = cloud.endpoints["AWS_ENDPOINT_URL"], cloud.kvs.url

    assert directives["script-src"] == directives["style-src"] == ["'self'"]
    assert "unsafe" not in policy
    assert "${" not in policy
    for name in ("img-src", "media-src", "connect-src"):
        assert {s3, kvs} <= set(directives[name]), name


def test_requests_without_the_token_are_rejected(viewer: ViewerServer, session_path: str) -> None:
    for path in ("/api/sessions", session_path, "/api/rules", "/api/nothing"):
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            assert httpx.get(f"{viewer.url}{path}", headers=headers).status_code == 401, path


def test_a_foreign_host_name_is_forbidden(viewer: ViewerServer) -> None:
    for path in ("/", "/api/sessions"):
        assert raw(viewer, path, Host="evil.example")[0] == 403


def test_no_path_reads_other_files(cloud: LocalCloud, viewer: ViewerServer) -> None:
    bucket = cloud.outputs["EvidenceBucketName"]
    cloud.client("s3").put_object(Bucket=bucket, Key="configuration/secret.txt", Body=b"secret")
    for trick in ("../", "%2e%2e/", "..%2f", "%252e%252e/", "..%5c", "js/../../"):
        for path in (f"/{trick}{bucket}/configuration/secret.txt", f"/api/{trick}{bucket}/configuration/secret.txt"):
            status, body = raw(viewer, path)
            assert status == 404, path
            assert b"secret" not in body


def test_a_missing_file_is_not_found(browser: httpx.Client) -> None:
    assert browser.get("/nothing.js").status_code == 404
    assert browser.get("/api/nothing").status_code == 404
    assert browser.get(f"/api/sessions/{STREAM}/001767268800000-ab").status_code == 404


def test_a_session_is_listed_read_and_marked(browser: httpx.Client, session_path: str) -> None:
    page = browser.get("/api/sessions", params={"stream": STREAM})
    again = browser.get("/api/sessions", params={"stream": STREAM}, headers={"If-None-Match": page.headers["etag"]})
    details = browser.get(session_path)
    marked = browser.patch(session_path, json={"reviewed": True}, headers={"If-Match": details.headers["etag"]})
    late = browser.patch(session_path, json={"reviewed": False}, headers={"If-Match": details.headers["etag"]})

    assert [one["sessionKey"] for one in page.json()["sessions"]] == [session_path.rpartition("/")[2]]
    assert (again.status_code, again.content) == (304, b"")
    assert details.json()["labels"] == {HOSTILE: 97.5}
    assert details.headers["content-type"].startswith("application/json")
    assert (marked.status_code, marked.json()["reviewed"]) == (200, True)
    assert late.status_code == 412


def test_videos_are_read_by_range_requests(cloud: LocalCloud, browser: httpx.Client, viewer: ViewerServer) -> None:
    """Browsers read videos by ranges; a presigned URL allows the page's origin."""
    s3, bucket = boto3.client("s3", config=Config(signature_version="s3v4")), cloud.outputs["EvidenceBucketName"]
    s3.put_object(Bucket=bucket, Key="clips/a.mp4", Body=b"0123456789", ContentType="video/mp4")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "clips/a.mp4"}, ExpiresIn=60)

    part = httpx.get(link, headers={"Range": "bytes=2-4", "Origin": viewer.url})

    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert part.headers["content-type"] == "video/mp4"
    policy = browser.get("/").headers["content-security-policy"]
    assert f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" in policy


def test_a_video_is_played_by_kvs_and_from_the_archive_and_downloaded(cloud: LocalCloud, browser: httpx.Client) -> None:
    """The function has FFmpeg's libraries in its layer, and enough disk space."""
    start_ms = round(time.time() * 1000)
    put_clip(cloud.kvs, a_clip(2), start_ms=start_ms, stream=STREAM)
    kept, gone = (stored_event(cloud, start_ms + 1500, stream) for stream in (STREAM, "taken-down"))
    archive(cloud, gone)

    from_kvs = browser.get(f"{kept}/playback").json()
    from_archive = browser.get(f"{gone}/playback").json()
    bundle = browser.post(f"{gone}/bundle").json()

    assert (from_kvs["kind"], from_archive["kind"], from_archive["missing"]) == ("HLS", "CLIP", None)
    for address in (from_kvs["url"], from_archive["url"]):
        with av.open(address, "r") as played:
            assert len(list(played.decode(video=0))) == 20
    with ZipFile(BytesIO(httpx.get(bundle["link"]).content)) as files:
        for one in bundle["manifest"]["files"]:
            assert hashlib.sha256(files.read(one["name"])).hexdigest() == one["sha256"]
    assert {"video/0001.mkv", "video/0002.mkv", "video.mp4"} <= {one["name"] for one in bundle["manifest"]["files"]}


def archive(cloud: LocalCloud, session_path: str) -> None:
    """Archives the camera's fragments as those of a session, and deletes the stream."""
    stream, _, session_key = session_path.removeprefix("/api/sessions/").partition("/")
    data: Any = boto3.client("kinesis-video-archived-media", endpoint_url=cloud.kvs.url)
    found = data.list_fragments(StreamName=STREAM, FragmentSelector=everything())["Fragments"]
    numbers = sorted(one["FragmentNumber"] for one in found)
    for one in fetch(data, *numbers, stream=STREAM):
        assert isinstance(one, MediaFragment)
        key = archive_key(stream, str(one.number))
        cloud.client("s3").put_object(Bucket=cloud.outputs["EvidenceBucketName"], Key=key, Body=one.raw)
    opened_ms, _, identity = session_key.partition("-")
    at = from_epoch_ms(int(opened_ms))
    fragments = tuple(ClipFragment(number=one, date=fragment_day(one)) for one in numbers)
    video = SessionClip(
        images=1, selector="PRODUCER_TIMESTAMP", started_at=at, ended_at=at, complete=True, fragments=fragments
    )
    videos = DynamoDbSessionClips(cloud.client("dynamodb"), cloud.outputs["SessionsTableName"])
    assert videos.save(SessionRef(stream, int(opened_ms), identity), video)


def test_deleting_the_stack_removes_the_page(cloud: LocalCloud, browser: httpx.Client) -> None:
    """The last test of this file."""
    assert cloud.stack is not None
    cloud.stack.delete_custom_resources()

    assert browser.get("/").status_code == 404
    assert json.loads(browser.get("/config.json").content) == {}
