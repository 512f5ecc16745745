"""What an execution reads back from S3 is what it wrote: forged, moved, cut and foreign documents are refused."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import ForgedDocumentError
from kinesight.domain.on_demand.detect_objects import report_key
from kinesight.domain.on_demand.extract_images import manifest_key
from kinesight.domain.on_demand.messages import WINDOW, RangePlan, WindowManifest, WindowReport
from kinesight.domain.on_demand.seals import check_window, read_document, read_windows, write_document
from kinesight.domain.on_demand.summarize_range import summarize
from kinesight.workflow_events import planned_window

from tests.fakes import FakeWork
from tests.unit.on_demand.test_on_demand import NOON, FakeCamera, Workflow

Forgery = Callable[[bytes], bytes]


def emptied_report(_: bytes) -> bytes:
    return WindowReport(index=0).model_dump_json(by_alias=True).encode()


def emptied_manifest(body: bytes) -> bytes:
    """With the seal of the true one."""
    plain = WindowManifest(index=0, frames=(), missing={}).model_dump_json(by_alias=True).encode()
    return body[:76] + plain[1:]


def changed(body: bytes) -> bytes:
    return body.replace(b"17", b"18", 1)


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def spaced(body: bytes) -> bytes:
    return body.replace(b",", b", ", 2)


FORGERIES = [emptied_report, emptied_manifest, changed, cut, spaced, lambda _: b"", lambda _: b"null"]


def done(seconds: int = 60) -> tuple[Workflow, RangePlan]:
    workflow = Workflow(FakeCamera(seconds=seconds))
    return workflow, workflow.run(EndTimestamp=NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_forged_manifest_fails_its_window_and_the_summary(forged: Forgery) -> None:
    workflow, plan = done()
    key = manifest_key(plan, 0)
    workflow.work.objects[key] = forged(workflow.work.objects[key])

    with pytest.raises(ForgedDocumentError, match=f"^{re.escape(key)} was not written by this execution"):
        workflow.detect(plan, workflow.windows(plan)[0])
    with pytest.raises(ForgedDocumentError):
        summarize(plan, workflow.work, "evidence")
    assert len(workflow.sink.records) == 60


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_forged_report_hides_nothing(forged: Forgery) -> None:
    workflow, plan = done()
    key = report_key(plan, 0)
    workflow.work.objects[key] = forged(workflow.work.objects[key])

    with pytest.raises(ForgedDocumentError):
        summarize(plan, workflow.work, "evidence")
    workflow.detect(plan, workflow.windows(plan)[0])
    summary = summarize(plan, workflow.work, "evidence")

    assert summary.published + summary.already_analyzed == 60
    assert len(workflow.sink.records) == 60


def test_a_document_is_valid_at_its_own_key_alone() -> None:
    workflow, plan = done(seconds=300)
    objects = workflow.work.objects

    objects[manifest_key(plan, 1)], objects[manifest_key(plan, 0)] = (
        objects[manifest_key(plan, 0)],
        objects[manifest_key(plan, 1)],
    )

    with pytest.raises(ForgedDocumentError):
        workflow.detect(plan, workflow.windows(plan)[0])


def test_documents_of_another_execution_are_refused() -> None:
    workflow, _ = done()
    other = workflow.plan("one").model_copy(update={"seal_key": "ab" * 32})

    with pytest.raises(ForgedDocumentError):
        summarize(other, workflow.work, "evidence")


@pytest.mark.parametrize("key", ["seal", "requests"])
def test_a_forged_window_is_refused_by_both_functions(key: str) -> None:
    workflow, plan = done(seconds=300)
    windows = json.loads(workflow.work.objects[plan.windows_key])
    windows[0][key] = windows[1][key]
    workflow.work.objects[plan.windows_key] = json.dumps(windows).encode()

    for window in windows[:1]:
        with pytest.raises(ForgedDocumentError):
            planned_window({"plan": json.loads(plan.model_dump_json(by_alias=True)), "window": window})
    with pytest.raises(ForgedDocumentError):
        read_windows(plan, workflow.work)


def test_a_window_that_step_functions_has_rewritten_is_accepted() -> None:
    workflow = Workflow()
    plan = workflow.plan()
    (first, *_) = workflow.windows(plan)

    rewritten = json.loads(json.dumps(json.loads(WINDOW.dump_json(first)), indent=1, sort_keys=True))

    _, window = planned_window({"plan": json.loads(plan.model_dump_json(by_alias=True)), "window": rewritten})
    assert window == first


@pytest.mark.parametrize("forged", [lambda all_: all_[1:], lambda all_: all_[:-1], lambda _: [], lambda all_: all_ * 2])
def test_windows_that_are_removed_or_repeated_are_noticed(forged: Callable[[list[object]], list[object]]) -> None:
    workflow, plan = done()
    windows = json.loads(workflow.work.objects[plan.windows_key])
    workflow.work.objects[plan.windows_key] = json.dumps(forged(windows)).encode()

    with pytest.raises(ForgedDocumentError):
        summarize(plan, workflow.work, "evidence")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'[{"index": 0, "requests": [], "seal": "\\ud800"}]'])
def test_a_plan_that_is_none_is_refused(body: bytes) -> None:
    workflow, plan = done()
    workflow.work.objects[plan.windows_key] = body

    with pytest.raises(ForgedDocumentError):
        read_windows(plan, workflow.work)


def test_the_key_is_in_no_object_and_no_representation() -> None:
    workflow, plan = done()
    summarize(plan, workflow.work, "evidence")

    assert len(workflow.work.objects) > 60
    assert not [key for key, body in workflow.work.objects.items() if plan.seal_key.encode() in body]
    assert plan.seal_key not in repr(plan)


def test_a_plan_of_a_version_without_seals_is_carried_on() -> None:
    workflow = Workflow(key="")
    plan = workflow.run()

    for window in workflow.windows(plan):
        check_window(plan, window)
    assert summarize(plan, workflow.work, "evidence").published == 60


@given(st.integers(0, 10**6), st.dictionaries(st.integers(0, 10**14), st.text(max_size=20), max_size=5))
def test_a_sealed_document_is_read_as_written_also_without_its_key(index: int, missing: dict[int, str]) -> None:
    plan, work = Workflow().plan(), FakeWork()
    manifest = WindowManifest(index=index, frames=(), missing=missing)

    write_document(plan, "a/key.json", manifest, work)

    assert WindowManifest.model_validate_json(read_document(plan, "a/key.json", work) or b"") == manifest
    assert WindowManifest.model_validate_json(work.objects["a/key.json"]) == manifest
