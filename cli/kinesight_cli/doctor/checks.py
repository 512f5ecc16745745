"""The checks, in pipeline order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kinesight.domain.check_results import Cause, Result
from kinesight.domain.health import checks as stream_health

from kinesight_cli.doctor import (
    capacity_checks,
    image_checks,
    model_checks,
    model_inspector,
    pipeline_checks,
    setup_checks,
)
from kinesight_cli.doctor.inspectors import StackInspectors, StreamInspectors


@dataclass(frozen=True, slots=True)
class Check:
    """`inspect` reads the facts, `evaluate` returns the result (None: the check does not apply).

    `causes`: those it can report. `needs`: checks that must not have failed; otherwise this one is skipped. `applies`:
    whether the settings of the stack or of the stream need this check.
    """

    name: str
    inspect: Callable[[Any], Any]
    evaluate: Callable[[Any], Result | None]
    causes: tuple[Cause, ...]
    needs: tuple[str, ...]
    applies: Callable[[Any], bool]
    of_stream: bool


def _always(_: Any) -> bool:
    return True


def _has_images(of: StreamInspectors) -> bool:
    return of.stream.camera.image_generation.status == "ENABLED"


def _has_notifications(of: StreamInspectors) -> bool:
    return of.stream.camera.notifications.status == "ENABLED"


def _is_read_live(of: StreamInspectors) -> bool:
    return of.stream.stack.parameter("LiveStatus") == "ENABLED" and of.stream.camera.detector is not None


def _uses_notifications(of: StackInspectors) -> bool:
    return of.stack.uses_notifications


def _of_stack(
    name: str,
    inspect: Callable[[StackInspectors], Any],
    evaluate: Callable[[Any], Result | None],
    *causes: Cause,
    needs: tuple[str, ...] = ("stack",),
    when: Callable[[StackInspectors], bool] = _always,
) -> Check:
    return Check(name, inspect, evaluate, causes, needs, when, of_stream=False)


def _of_stream(
    name: str,
    inspect: Callable[[StreamInspectors], Any],
    evaluate: Callable[[Any], Result | None],
    *causes: Cause,
    needs: tuple[str, ...],
    when: Callable[[StreamInspectors], bool] = _always,
) -> Check:
    return Check(name, inspect, evaluate, causes, needs, when, of_stream=True)


_FUNCTION = (Cause.MAPPING_MISSING, Cause.MAPPING_DISABLED, Cause.FUNCTION_THROTTLED, Cause.FUNCTION_NOT_READY)
_MODEL = (
    Cause.ENDPOINT_NOT_IN_SERVICE,
    Cause.COLLECTION_MISSING,
    Cause.MODEL_NOT_RUNNING,
    Cause.MODEL_SILENT,
    Cause.MODEL_NOT_ALLOWED,
)

CHECKS: tuple[Check, ...] = (
    _of_stack(
        "stack", lambda of: of.stack.facts, setup_checks.stack, Cause.STACK_MISSING, Cause.STACK_UNFINISHED, needs=()
    ),
    # -- the stream
    _of_stream("stream", lambda of: of.stream.facts, stream_health.stream, Cause.STREAM_MISSING, needs=("stack",)),
    _of_stream("status", lambda of: of.stream.facts, stream_health.status, Cause.STREAM_NOT_ACTIVE, needs=("stream",)),
    _of_stream("retention", lambda of: of.stream.facts, stream_health.retention, Cause.NO_RETENTION, needs=("status",)),
    _of_stream(
        "stream key", lambda of: of.stream.key, setup_checks.stream_key, Cause.STREAM_KEY_UNUSABLE, needs=("stream",)
    ),
    _of_stream(
        "selection", lambda of: of.stream.selection, setup_checks.selection, Cause.NOT_SELECTED, needs=("stream",)
    ),
    _of_stream(
        "image generation",
        lambda of: of.stream.image_generation,
        stream_health.image_generation,
        Cause.IMAGES_NOT_CONFIGURED,
        Cause.IMAGES_DISABLED,
        Cause.IMAGES_ELSEWHERE,
        Cause.IMAGES_DRIFTED,
        needs=("retention", "selection"),
        when=_has_images,
    ),
    # -- destination of the images
    _of_stack(
        "images bucket",
        lambda of: of.buckets.images_bucket,
        setup_checks.bucket,
        Cause.BUCKET_MISSING,
        Cause.DESTINATION_REGION,
    ),
    _of_stream(
        "destination",
        lambda of: of.destination,
        setup_checks.destination,
        Cause.DESTINATION_REGION,
        needs=("image generation", "images bucket"),
        when=_has_images,
    ),
    _of_stack(
        "bucket policy",
        lambda of: of.buckets.bucket_policy,
        image_checks.bucket_policy,
        Cause.BUCKET_REFUSES,
        needs=("images bucket",),
    ),
    _of_stack("key", lambda of: of.stack.key, setup_checks.stack_key, Cause.KEY_UNUSABLE),
    # -- what the camera sends
    _of_stream(
        "fragments",
        lambda of: of.media.fragments,
        stream_health.fragments,
        Cause.NO_FRAGMENTS,
        Cause.PRODUCER_SILENT,
        needs=("retention", "stream key"),
    ),
    _of_stream("clock", lambda of: of.media.clock, stream_health.clock, Cause.CLOCK_OFF, needs=("fragments",)),
    _of_stream(
        "tags",
        lambda of: of.media.media,
        image_checks.tags,
        Cause.UNTAGGED,
        needs=("fragments",),
        when=_has_images,
    ),
    _of_stream(
        "codec",
        lambda of: of.media.media,
        image_checks.codec,
        Cause.CODEC_UNUSABLE,
        needs=("fragments",),
        when=_has_images,
    ),
    _of_stream(
        "images",
        lambda of: of.images.images,
        image_checks.images,
        Cause.IMAGES_NOT_WRITTEN,
        needs=("destination", "image generation", "bucket policy", "key", "tags", "codec"),
        when=_has_images,
    ),
    # -- notification and analysis
    _of_stack(
        "queue",
        lambda of: of.queues.images_queue,
        pipeline_checks.queue_exists,
        Cause.QUEUE_MISSING,
    ),
    _of_stack(
        "bucket notification",
        lambda of: of.buckets.bucket_notification,
        pipeline_checks.bucket_notification,
        Cause.BUCKET_NOT_NOTIFYING,
        needs=("images bucket", "queue"),
    ),
    _of_stack(
        "queue policy",
        lambda of: of.queues.images_queue_policy,
        pipeline_checks.queue_policy,
        Cause.QUEUE_REFUSES,
        needs=("queue",),
    ),
    _of_stack(
        "analyze_images", lambda of: of.functions.analyze_images, pipeline_checks.function, *_FUNCTION, needs=("queue",)
    ),
    _of_stack("model", lambda of: model_inspector.first(of.stack), model_checks.models, *_MODEL),
    _of_stack("second model", lambda of: model_inspector.second(of.stack), model_checks.models, *_MODEL),
    # -- results
    _of_stack("results stream", lambda of: of.stack.results, pipeline_checks.results, Cause.RESULTS_STREAM_MISSING),
    _of_stack("shards", lambda of: of.capacity.shards, capacity_checks.shards, needs=("results stream",)),
    _of_stack(
        "keep_evidence",
        lambda of: of.functions.keep_evidence,
        pipeline_checks.function,
        *_FUNCTION,
        needs=("results stream",),
    ),
    _of_stack(
        "track_sessions",
        lambda of: of.functions.track_sessions,
        pipeline_checks.function,
        *_FUNCTION,
        needs=("results stream",),
    ),
    _of_stack(
        "evidence bucket",
        lambda of: of.buckets.evidence_bucket,
        pipeline_checks.evidence_bucket,
        Cause.EVIDENCE_BUCKET_MISSING,
    ),
    _of_stack(
        "alerts",
        lambda of: of.topics.alerts,
        pipeline_checks.alerts,
        Cause.TOPIC_MISSING,
        Cause.ALERTS_UNSUBSCRIBED,
        Cause.ALERTS_UNCONFIRMED,
    ),
    # -- live consumers and notifications
    _of_stream(
        "live",
        lambda of: of.media.live,
        stream_health.live,
        Cause.LIVE_UNREAD,
        Cause.LIVE_LATE,
        needs=("selection", "fragments"),
        when=_is_read_live,
    ),
    _of_stream(
        "notifications",
        lambda of: of.stream.notifications,
        stream_health.notifications,
        Cause.NOTIFICATIONS_NOT_CONFIGURED,
        needs=("retention", "selection"),
        when=_has_notifications,
    ),
    _of_stack(
        "notification topic",
        lambda of: of.topics.notifications,
        pipeline_checks.notifications_subscription,
        Cause.TOPIC_MISSING,
        Cause.NOTIFICATIONS_UNSUBSCRIBED,
        when=_uses_notifications,
    ),
    _of_stack(
        "notifications queue policy",
        lambda of: of.queues.notifications_queue_policy,
        pipeline_checks.notifications_queue_policy,
        Cause.QUEUE_REFUSES,
        needs=("notification topic",),
        when=_uses_notifications,
    ),
    _of_stack(
        "start_analysis",
        lambda of: of.functions.start_analysis,
        pipeline_checks.function,
        *_FUNCTION,
        when=_uses_notifications,
    ),
    # -- symptoms
    _of_stack("concurrency", lambda of: of.capacity.concurrency, capacity_checks.concurrency),
    _of_stack("errors", lambda of: of.functions.errors, pipeline_checks.errors, Cause.FUNCTION_ERRORS),
    _of_stack(
        "waiting", lambda of: of.queues.images_queue, pipeline_checks.queue_age, Cause.IMAGES_WAIT, needs=("queue",)
    ),
    _of_stack("dead letters", lambda of: of.queues.dead_letters, pipeline_checks.dead_letters, Cause.DEAD_LETTERS),
)
"""In pipeline order, so that causes precede symptoms. Stack checks need only other stack checks."""
