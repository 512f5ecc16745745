"""Analyzes the keyframes of one fragment, retrying until each is analyzed or dead-lettered.

A transient error is retried as long as the lease is held; an unexpected one in batches.MOST_ATTEMPTS attempts.
"""

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, partial

from kinesight.domain.analysis.pipeline import FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.batches import classified, dead_letter, is_final, is_repeated, run_safely
from kinesight.domain.errors import InvalidTimestampError, KinesightError
from kinesight.domain.live.backoff import backoff_s
from kinesight.domain.live.ports import LivePorts
from kinesight.domain.live.stream_state import StreamState
from kinesight.domain.model import Frame, FrameSource, ImageReference, from_epoch_ms
from kinesight.media.fragments import MediaFragment
from kinesight.media.selection import Keyframe


class FragmentAnalyzer:
    """Analyzes fragments of one stream; safe for threads. Fragments that the configuration calls too old are
    dropped."""

    def __init__(self, state: StreamState, ports: LivePorts, settings: PipelineSettings) -> None:
        self._state = state
        self._ports = ports
        self._settings = settings

    def analyze(self, fragment: MediaFragment, number: str, keyframes: Sequence[Keyframe]) -> bool:
        """Analyzes keyframes of a fragment; False if it was given up because the lease is lost or the consumer ends.
        Never raises: a fragment whose keyframes cannot even be attempted is dead-lettered."""
        for attempt in itertools.count(1):
            try:
                return self._analyze(fragment, number, keyframes)
            except Exception as error:  # noqa: BLE001 - an unexpected error fails this fragment only
                if self.gives_up(fragment_body(self._state.name, fragment, number), classified(error), attempt):
                    return True
            if self._state.is_lost:
                break
            self._state.abandon.wait(backoff_s(attempt))
        return False

    def gives_up(self, body: str, error: KinesightError, attempt: int) -> bool:
        """Whether a keyframe or fragment that failed in this attempt, counted from 1, was dead-lettered."""
        if not is_final(error, attempt):
            self._state.warn(error)
            return False
        return self.dead_letter(body, error)

    def _analyze(self, fragment: MediaFragment, number: str, keyframes: Sequence[Keyframe]) -> bool:
        if self._is_too_old(fragment):
            self._state.counts.add(dropped=len(keyframes))
            return True
        # Cached, so that retries do not convert the keyframe again.
        left = [
            FrameAnalysis(_key(fragment, one), cache(partial(self._frame, fragment, number, one))) for one in keyframes
        ]
        bodies = {_key(fragment, one): self._dead_letter_body(fragment, number, one) for one in keyframes}
        unexpected: Counter[str] = Counter()
        for attempt in itertools.count():
            if self._state.is_lost:
                break
            left = self._retry(left, bodies, unexpected)
            if not left:
                run_safely(lambda: self._count_age(fragment))
                return True
            self._state.counts.add(retried=len(left))
            self._state.abandon.wait(backoff_s(attempt))
        return False

    def _count_age(self, fragment: MediaFragment) -> None:
        self._state.counts.raise_to(age_ms=self._ports.now_ms() - server_ms(fragment))

    def dead_letter(self, body: str, reason: KinesightError) -> bool:
        """Dead-letters a keyframe or fragment; False if that fails."""
        error = dead_letter(body, reason, self._ports.dead_letters)
        if error is not None:
            self._state.warn(error)
            return False
        self._state.counts.add(dead_lettered=1)
        return True

    def _retry(
        self, analyses: list[FrameAnalysis], bodies: dict[str, str], unexpected: Counter[str]
    ) -> list[FrameAnalysis]:
        """Makes one attempt; returns new analyses of the keyframes to be retried. `unexpected` counts the unexpected
        errors of each."""
        try:
            analyze(analyses, self._ports.detection, self._settings)
        finally:
            self._state.counts.frames.add(analyses)
        return [
            FrameAnalysis(one.subject, one.resolve)
            for one in analyses
            if not self._is_finished(one, bodies[one.subject], unexpected)
        ]

    def _is_too_old(self, fragment: MediaFragment) -> bool:
        camera = self._settings.configuration().of_stream(self._state.name).camera
        limit_ms = camera.live.drop_after_seconds * 1000
        return limit_ms > 0 and self._ports.now_ms() - server_ms(fragment) > limit_ms

    def _is_finished(self, one: FrameAnalysis, body: str, unexpected: Counter[str]) -> bool:
        if one.error is None:
            self._count(one)
        else:
            unexpected[one.subject] += is_repeated(one.error)
            if not self.gives_up(body, one.error, unexpected[one.subject]):
                return False
        run_safely(lambda: self._ports.log_frame(one))
        return True

    def _count(self, one: FrameAnalysis) -> None:
        self._state.counts.add(
            analyzed=int(one.record is not None),
            already_analyzed=int(one.already_analyzed),
            gated=int(one.gated),
            over_budget=int(one.over_budget is not None),
        )

    def _dead_letter_body(self, fragment: MediaFragment, number: str, keyframe: Keyframe) -> str:
        """Returns what the on-demand workflow needs to analyze the same image again, as JSON."""
        document = {"streamName": self._state.name, "fragmentNumber": number}
        with suppress(InvalidTimestampError):
            moment = from_epoch_ms(keyframe.at_ms(producer_ms(fragment)))
            document["imageTimestamp"] = moment.isoformat(timespec="milliseconds")
        return json.dumps(document)

    def _frame(self, fragment: MediaFragment, number: str, keyframe: Keyframe) -> Frame:
        """Writes the keyframe's image to S3 and returns its frame."""
        data = self._ports.stills.to_jpeg(keyframe)
        at_server_ms = keyframe.at_ms(server_ms(fragment))
        at_producer = from_epoch_ms(keyframe.at_ms(producer_ms(fragment)))
        key = f"live/{self._state.name}/{number}_{at_server_ms}.jpg"
        self._ports.work.write(key, data, "image/jpeg")
        return Frame(
            source=FrameSource.LIVE,
            stream_name=self._state.name,
            stream_arn=self._state.held.lease.stream_arn,
            fragment_number=number,
            image_timestamp=at_producer,
            producer_timestamp=None if fragment.producer_timestamp is None else at_producer,
            server_timestamp=from_epoch_ms(at_server_ms),
            image=ImageReference(
                bucket=self._ports.work.bucket, key=key, content_type="image/jpeg", size_bytes=len(data)
            ),
            tags=dict(fragment.tags),
        )


def fragment_body(stream_name: str, fragment: MediaFragment, number: str) -> str:
    """Returns what the on-demand workflow needs to analyze a whole fragment, as JSON; without its times if these are
    what is wrong with it."""
    try:
        start_ms = server_ms(fragment)
        ticks = max((block.timecode for block in fragment.blocks), default=fragment.cluster_timecode)
        length_ms = max(0, (ticks - fragment.cluster_timecode) * fragment.timecode_scale_ns // 1_000_000)
        return range_body(stream_name, start_ms, start_ms + length_ms, fragmentNumber=number)
    except Exception:  # noqa: BLE001 - the fragment is dead-lettered in any case
        return json.dumps({"streamName": stream_name, "fragmentNumber": number})


def range_body(stream_name: str, start_ms: int, end_ms: int, **fields: str) -> str:
    """Returns what the on-demand workflow needs to analyze a range of server timestamps, as JSON."""
    start, end = (from_epoch_ms(one).isoformat(timespec="milliseconds") for one in (start_ms, end_ms))
    return json.dumps({"streamName": stream_name, **fields, "startTimestamp": start, "endTimestamp": end})


def server_ms(fragment: MediaFragment) -> int:
    """Returns the fragment's server timestamp in epoch milliseconds, 0 if it has none."""
    return int((fragment.server_timestamp or 0) * 1000)


def producer_ms(fragment: MediaFragment) -> int:
    """Returns the fragment's producer timestamp in epoch milliseconds, or else its server timestamp."""
    return int((fragment.producer_timestamp or fragment.server_timestamp or 0) * 1000)


def _key(fragment: MediaFragment, keyframe: Keyframe) -> str:
    return f"{fragment.number} + {int(keyframe.offset_ms)} ms"
