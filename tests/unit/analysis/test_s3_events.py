"""S3 events inside SQS messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.analysis.s3_events import parse_s3_event
from kinesight.domain.errors import InvalidEventError

from tests.builders import BUCKET, an_s3_event


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=3))
def test_any_key_comes_back_decoded(keys: list[str]) -> None:
    assert [(one.bucket, one.key) for one in parse_s3_event(an_s3_event(*keys))] == [(BUCKET, key) for key in keys]


def test_the_test_event_names_no_image() -> None:
    body = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-01-01T12:00:00.000Z", "Bucket": BUCKET}

    assert parse_s3_event(json.dumps(body)) == ()


@pytest.mark.parametrize(
    "body",
    ["", "hello", "null", "[]", "{}", '{"Records": []}', '{"Records": [{}]}', '{"Event": "s3:OtherEvent"}', "\x00"],
)
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(InvalidEventError, match="not an S3 event notification"):
        parse_s3_event(body)


def test_a_removed_object_is_refused() -> None:
    with pytest.raises(InvalidEventError, match="ObjectRemoved:Delete"):
        parse_s3_event(an_s3_event("a").replace("ObjectCreated:Put", "ObjectRemoved:Delete"))
