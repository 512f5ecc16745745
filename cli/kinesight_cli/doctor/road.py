"""The checks, in the order of the road that a picture takes. What comes before the symptoms are the causes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kinesight.domain.health import checks as of_stream
from kinesight.domain.health.findings import Cause, Verdict

from kinesight_cli.doctor import judging_models as of_models
from kinesight_cli.doctor import judging_pictures as of_pictures
from kinesight_cli.doctor import judging_stack as of_stack
from kinesight_cli.doctor import judging_streams as of_streams
from kinesight_cli.doctor import looking_at_models
from kinesight_cli.doctor.looking_at_stack import StackEye
from kinesight_cli.doctor.looking_at_stream import StreamEye


@dataclass(frozen=True, slots=True)
class Check:
    """`look` gathers the facts, `judge` judges them (None: there is nothing to say).

    `causes`: what it can name. `needs`: checks that have to be good, or unknown, before; while one of them is broken
    this one tells nothing. `when`: the stack's parameter that has to be ENABLED, "" for none.
    """

    name: str
    look: Callable[[Any], Any]
    judge: Callable[[Any], Verdict | None]
    causes: tuple[Cause, ...]
    needs: tuple[str, ...]
    when: str
    of_stream: bool


def _of_stack(
    name: str,
    look: Callable[[StackEye], Any],
    judge: Callable[[Any], Verdict | None],
    *causes: Cause,
    needs: tuple[str, ...] = ("stack",),
    when: str = "",
) -> Check:
    return Check(name, look, judge, causes, needs, when, of_stream=False)


def _of_stream(
    name: str,
    look: Callable[[StreamEye], Any],
    judge: Callable[[Any], Verdict | None],
    *causes: Cause,
    needs: tuple[str, ...],
    when: str = "",
) -> Check:
    return Check(name, look, judge, causes, needs, when, of_stream=True)


_READER = (Cause.MAPPING_MISSING, Cause.MAPPING_DISABLED, Cause.FUNCTION_THROTTLED, Cause.FUNCTION_NOT_READY)
_MODEL = (
    Cause.ENDPOINT_NOT_IN_SERVICE,
    Cause.COLLECTION_MISSING,
    Cause.MODEL_NOT_RUNNING,
    Cause.MODEL_SILENT,
    Cause.MODEL_NOT_ALLOWED,
)

ROAD: tuple[Check, ...] = (
    _of_stack("stack", lambda eye: eye.stack, of_streams.stack, Cause.STACK_MISSING, Cause.STACK_UNFINISHED, needs=()),
    # -- the stream
    _of_stream("stream", lambda eye: eye.stream, of_stream.stream, Cause.STREAM_MISSING, needs=("stack",)),
    _of_stream("status", lambda eye: eye.stream, of_stream.status, Cause.STREAM_NOT_ACTIVE, needs=("stream",)),
    _of_stream("retention", lambda eye: eye.stream, of_stream.retention, Cause.NO_RETENTION, needs=("status",)),
    _of_stream("stream key", lambda eye: eye.key, of_streams.stream_key, Cause.STREAM_KEY_UNUSABLE, needs=("stream",)),
    _of_stream("selection", lambda eye: eye.selection, of_streams.selection, Cause.NOT_SELECTED, needs=("stream",)),
    _of_stream(
        "image generation",
        lambda eye: eye.image_generation,
        of_stream.image_generation,
        Cause.IMAGES_NOT_CONFIGURED,
        Cause.IMAGES_DISABLED,
        Cause.IMAGES_ELSEWHERE,
        Cause.IMAGES_DRIFTED,
        needs=("retention", "selection"),
        when="ImageGenerationStatus",
    ),
    # -- where its pictures go
    _of_stack(
        "images bucket",
        lambda eye: eye.images_bucket,
        of_streams.bucket,
        Cause.BUCKET_MISSING,
        Cause.DESTINATION_REGION,
    ),
    _of_stream(
        "destination",
        lambda eye: eye.destination,
        of_streams.destination,
        Cause.DESTINATION_REGION,
        needs=("image generation", "images bucket"),
        when="ImageGenerationStatus",
    ),
    _of_stack(
        "bucket policy",
        lambda eye: eye.bucket_policy,
        of_pictures.bucket_policy,
        Cause.BUCKET_REFUSES,
        needs=("images bucket",),
    ),
    _of_stack("key", lambda eye: eye.key, of_streams.stack_key, Cause.KEY_UNUSABLE),
    # -- what the camera sends
    _of_stream(
        "fragments",
        lambda eye: eye.fragments,
        of_stream.fragments,
        Cause.NO_FRAGMENTS,
        Cause.PRODUCER_SILENT,
        needs=("retention", "stream key"),
    ),
    _of_stream("clock", lambda eye: eye.clock, of_stream.clock, Cause.CLOCK_OFF, needs=("fragments",)),
    _of_stream(
        "tags",
        lambda eye: eye.media,
        of_pictures.tags,
        Cause.UNTAGGED,
        needs=("fragments",),
        when="ImageGenerationStatus",
    ),
    _of_stream(
        "codec",
        lambda eye: eye.media,
        of_pictures.codec,
        Cause.CODEC_UNUSABLE,
        needs=("fragments",),
        when="ImageGenerationStatus",
    ),
    _of_stream(
        "pictures",
        lambda eye: eye.pictures,
        of_pictures.pictures,
        Cause.PICTURES_NOT_WRITTEN,
        needs=("destination", "image generation", "bucket policy", "key", "tags", "codec"),
        when="ImageGenerationStatus",
    ),
    # -- who hears of them
    _of_stack(
        "queue",
        lambda eye: eye.queue,
        of_stack.queue_exists,
        Cause.QUEUE_MISSING,
    ),
    _of_stack(
        "bucket notification",
        lambda eye: eye.bucket_notification,
        of_stack.bucket_notification,
        Cause.BUCKET_TELLS_NOBODY,
        needs=("images bucket", "queue"),
    ),
    _of_stack(
        "queue policy", lambda eye: eye.queue_policy, of_stack.queue_policy, Cause.QUEUE_REFUSES, needs=("queue",)
    ),
    _of_stack("analyze_images", lambda eye: eye.images_reader(), of_stack.reader, *_READER, needs=("queue",)),
    _of_stack("model", looking_at_models.first, of_models.model, *_MODEL),
    _of_stack("second model", looking_at_models.second, of_models.model, *_MODEL),
    # -- what becomes of the results
    _of_stack("results stream", lambda eye: eye.results, of_stack.results, Cause.RESULTS_STREAM_MISSING),
    _of_stack("keep_evidence", lambda eye: eye.evidence_reader(), of_stack.reader, *_READER, needs=("results stream",)),
    _of_stack(
        "track_sessions", lambda eye: eye.sessions_reader(), of_stack.reader, *_READER, needs=("results stream",)
    ),
    _of_stack(
        "evidence bucket", lambda eye: eye.evidence_bucket, of_stack.evidence_bucket, Cause.EVIDENCE_BUCKET_MISSING
    ),
    _of_stack(
        "alerts",
        lambda eye: eye.alerts,
        of_stack.alerts,
        Cause.TOPIC_MISSING,
        Cause.ALERTS_UNSUBSCRIBED,
        Cause.ALERTS_UNCONFIRMED,
    ),
    # -- the two other ways in
    _of_stream(
        "live",
        lambda eye: eye.live,
        of_stream.live,
        Cause.LIVE_UNREAD,
        Cause.LIVE_LATE,
        needs=("selection", "fragments"),
        when="LiveStatus",
    ),
    _of_stream(
        "notifications",
        lambda eye: eye.notifications,
        of_stream.notifications,
        Cause.NOTIFICATIONS_NOT_CONFIGURED,
        needs=("retention", "selection"),
        when="NotificationStatus",
    ),
    _of_stack(
        "notification topic",
        lambda eye: eye.notifications_topic,
        of_stack.notifications_subscription,
        Cause.TOPIC_MISSING,
        Cause.NOTIFICATIONS_UNSUBSCRIBED,
        when="NotificationStatus",
    ),
    _of_stack(
        "notifications queue policy",
        lambda eye: eye.notifications_queue_policy,
        of_stack.notifications_queue_policy,
        Cause.QUEUE_REFUSES,
        needs=("notification topic",),
        when="NotificationStatus",
    ),
    _of_stack(
        "start_analysis",
        lambda eye: eye.notifications_reader(),
        of_stack.reader,
        *_READER,
        when="NotificationStatus",
    ),
    # -- symptoms: the reasons of what failed
    _of_stack("errors", lambda eye: eye.errors, of_stack.errors, Cause.FUNCTION_ERRORS),
    _of_stack("waiting", lambda eye: eye.queue, of_stack.queue_waits, Cause.PICTURES_WAIT, needs=("queue",)),
    _of_stack("dead letters", lambda eye: eye.dead_letters, of_stack.dead_letters, Cause.DEAD_LETTERS),
)
"""A check of the whole stack needs only such checks."""
