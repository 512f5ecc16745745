"""PageStore: the fake and S3; and publish_viewer, from CloudFormation's request to its response."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from kinesight.adapters.s3.page_store import S3PageStore
from kinesight.domain.errors import InvalidEventError, StorageBusyError
from kinesight.domain.viewer.publish_viewer import PageStore
from kinesight.observability import LambdaContext
from kinesight.wiring import publish_viewer as wiring
from moto import mock_aws

from functions.publish_viewer import app
from tests.fakes import FakePageStore
from tests.template.choices import ROOT

BUCKET = "page"
CONTEXT = SimpleNamespace(
    function_name="publish_viewer",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:publish_viewer",
    aws_request_id="test",
)
Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture(params=["fake", "s3"])
def store(request: pytest.FixtureRequest, s3: Any) -> PageStore:
    return FakePageStore() if request.param == "fake" else S3PageStore(s3, BUCKET)


def test_written_files_are_listed_once(store: PageStore) -> None:
    for body in (b"one", b"two"):
        store.write("js/a.js", body, "text/javascript")
    store.write("index.html", b"", "text/html")

    assert store.names() == {"js/a.js", "index.html"}


def test_removing_files_is_idempotent(store: PageStore) -> None:
    store.write("index.html", b"", "text/html")

    store.remove({"index.html", "nothing.js"})
    store.remove({"index.html"})

    assert store.names() == set()


def test_browsers_revalidate_files(s3: Any) -> None:
    S3PageStore(s3, BUCKET).write("index.html", b"<p>", "text/html; charset=utf-8")

    found = s3.get_object(Bucket=BUCKET, Key="index.html")

    assert (found["ContentType"], found["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert found["Body"].read() == b"<p>"


@pytest.mark.parametrize("what", ["names", "write", "remove"])
def test_a_missing_bucket_is_an_error(s3: Any, what: str) -> None:
    store = S3PageStore(s3, "absent")
    operations: dict[str, Callable[[], object]] = {
        "names": store.names,
        "write": lambda: store.write("a.js", b"", "text/javascript"),
        "remove": lambda: store.remove({"a.js"}),
    }

    with pytest.raises(StorageBusyError, match="NoSuchBucket"):
        operations[what]()


# -- the function --


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Reason of the failure of each request, or None."""
    found: list[str | None] = []
    monkeypatch.setattr(wiring, "respond", lambda _, *, failure, **_data: found.append(failure))
    return found


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PAGE_BUCKET", BUCKET)
    wiring.store.cache_clear()
    yield
    wiring.store.cache_clear()


@pytest.fixture
def sample() -> Sample:
    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((ROOT / f"events/publish_viewer/{name}.json").read_text())
        return found

    return read


def test_create_publishes_and_delete_withdraws(s3: Any, failures: list[str | None], sample: Sample) -> None:
    for request in ("create", "update"):
        assert app.handler(sample(request), cast(LambdaContext, CONTEXT))["removed"] == 0
        names = S3PageStore(s3, BUCKET).names()
        assert {"index.html", "config.json", "js/main.js"} <= names
    configuration = json.loads(s3.get_object(Bucket=BUCKET, Key="config.json")["Body"].read())
    assert configuration["clientId"] == sample("create")["ResourceProperties"]["ClientId"]

    app.handler(sample("delete"), cast(LambdaContext, CONTEXT))

    assert S3PageStore(s3, BUCKET).names() == set()
    assert failures == [None, None, None]


def test_a_failure_is_reported_to_cloudformation(s3: Any, failures: list[str | None], sample: Sample) -> None:
    s3.delete_bucket(Bucket=BUCKET)

    with pytest.raises(StorageBusyError):
        app.handler(sample("create"), cast(LambdaContext, CONTEXT))

    (failure,) = failures
    assert failure is not None
    assert "NoSuchBucket" in failure


def test_another_event_is_rejected(failures: list[str | None], sample: Sample) -> None:
    with pytest.raises(InvalidEventError):
        app.handler(sample("not_an_event"), cast(LambdaContext, CONTEXT))

    assert failures == []
