"""Decides whether the frame gate sends a frame to the detector, which is a paid call, or drops it as unchanged.

A frame is compared with the last frame of its stream that was sent. Decisions are pure: the same settings, state, image
and timestamp give the same decision, and a frame that was sent once is sent again when it is redelivered.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError, model_validator

from kinesight.domain.gate.image_difference import BLOCKS, changed_bits_percent, changed_blocks_percent, watched_blocks
from kinesight.domain.model import Value
from kinesight.domain.stream_clock import CLOCK_JUMP_MS

_SENT_FRAMES_KEPT = 64


class GateMode(StrEnum):
    """OBSERVE sends every frame and counts those that ON would gate."""

    OFF = "OFF"
    OBSERVE = "OBSERVE"
    ON = "ON"


class GateMethod(StrEnum):
    """What the score counts: changed blocks of the image, or changed bits of its difference hash."""

    LUMA = "LUMA"
    PERCEPTUAL_HASH = "PERCEPTUAL_HASH"


class Reason(StrEnum):
    """Why a frame is sent or gated."""

    OFF = "OFF"
    FIRST = "FIRST"
    AGAIN = "AGAIN"
    CLOCK_WENT_BACK = "CLOCK_WENT_BACK"
    OLDER_THAN_STATE = "OLDER_THAN_STATE"
    TOO_SOON = "TOO_SOON"
    DUE = "DUE"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"


_Score = Callable[[bytes, bytes, Sequence[bool]], float]
_SCORES: Mapping[GateMethod, _Score] = {
    GateMethod.LUMA: changed_blocks_percent,
    GateMethod.PERCEPTUAL_HASH: changed_bits_percent,
}
DEFAULT_THRESHOLDS: Mapping[GateMethod, float] = {GateMethod.LUMA: 0.2, GateMethod.PERCEPTUAL_HASH: 1.0}
"""Percent. Measured with benchmarks/gate.py."""

_Ratio = Annotated[float, Field(ge=0, le=1)]
_Region = Annotated[tuple[tuple[_Ratio, _Ratio], ...], Field(min_length=3)]


class GateSettings(Value):
    """Gate settings of a stream."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    mode: GateMode = Field(default=GateMode.OFF, description="`OBSERVE` sends every frame and counts.")
    method: GateMethod = Field(default=GateMethod.LUMA, description="How two frames are compared.")
    threshold: float | None = Field(
        default=None, gt=0, le=100, description="Percent that must have changed; `null`: the method's default."
    )
    ignored_regions: tuple[_Region, ...] = Field(default=(), description="Polygons in which changes do not count.")
    minimum_interval_milliseconds: int = Field(
        default=0, ge=0, description="Least time between two frames that are sent."
    )
    maximum_interval_seconds: int = Field(
        default=60, ge=1, le=86_400, description="A frame is sent at least this often, changed or not."
    )

    @model_validator(mode="after")
    def _check_intervals(self) -> "GateSettings":
        if self.minimum_interval_milliseconds > 1000 * self.maximum_interval_seconds:
            raise ValueError("minimumIntervalMilliseconds is more than maximumIntervalSeconds")
        return self

    @property
    def threshold_percent(self) -> float:
        return DEFAULT_THRESHOLDS[self.method] if self.threshold is None else self.threshold

    def score(self, reference: bytes, luma: bytes) -> float:
        """Returns the percentage that has changed outside the ignored regions, measured by the method."""
        return _SCORES[self.method](reference, luma, watched_blocks(self.ignored_regions))


class GateState(Value):
    """Stored state of a stream. `reference` is the luma (base64) of the newest sent frame, `reference_ms` its
    timestamp. `sent_ms` are the timestamps of the last sent frames, `forgotten_ms` the newest timestamp dropped from
    them. All timestamps are epoch milliseconds."""

    reference: str
    reference_ms: int
    sent_ms: tuple[int, ...]
    forgotten_ms: int | None = None

    @property
    def luma(self) -> bytes:
        return b64decode(self.reference)


@dataclass(frozen=True, slots=True)
class Decision:
    """Decision on one frame. `score` is the changed percentage, or None if no comparison was made. `state` is the
    stream's new state."""

    sends: bool
    reason: Reason
    score: float | None
    state: GateState | None


def read_state(body: str | None) -> GateState | None:
    """Parses a stored state; None if there is none or it is malformed, after which the stream starts afresh."""
    try:
        state = GateState.model_validate_json(body) if body is not None else None
        return state if state is None or len(state.luma) == BLOCKS else None
    except (ValidationError, binascii.Error):
        return None


def decide(settings: GateSettings, state: GateState | None, luma: bytes, moment_ms: int) -> Decision:
    """Decides on a frame. `luma` is described in gate/image_difference.py; `moment_ms` is the frame's timestamp in
    epoch milliseconds."""
    if settings.mode is GateMode.OFF:
        return Decision(True, Reason.OFF, None, state)
    if state is None:
        return Decision(True, Reason.FIRST, None, _new_state(luma, moment_ms))
    score = settings.score(state.luma, luma)
    reason = _reason(settings, state, score, moment_ms)
    match reason:
        case Reason.AGAIN | Reason.TOO_SOON | Reason.UNCHANGED:
            return Decision(reason is Reason.AGAIN, reason, score, state)
        case Reason.CLOCK_WENT_BACK:
            # Frames sent before now by the new clock are unknown, so no frame before now is gated.
            return Decision(True, reason, score, _new_state(luma, moment_ms, forgotten_ms=moment_ms))
        case _:
            return Decision(True, reason, score, _with_sent(state, luma, moment_ms))


def _reason(settings: GateSettings, state: GateState, score: float, moment_ms: int) -> Reason:
    certain = _reason_of_sent_frames(state, moment_ms)
    if certain is not None:
        return certain
    if min(abs(moment_ms - sent) for sent in state.sent_ms) < settings.minimum_interval_milliseconds:
        return Reason.TOO_SOON
    if moment_ms - state.reference_ms >= 1000 * settings.maximum_interval_seconds:
        return Reason.DUE
    return Reason.CHANGED if score >= settings.threshold_percent else Reason.UNCHANGED


def _reason_of_sent_frames(state: GateState, moment_ms: int) -> Reason | None:
    """Returns the reason to send a frame whatever it shows, or None."""
    if moment_ms in state.sent_ms:
        return Reason.AGAIN
    if state.reference_ms - moment_ms > CLOCK_JUMP_MS:
        return Reason.CLOCK_WENT_BACK
    if state.forgotten_ms is not None and moment_ms <= state.forgotten_ms:
        return Reason.OLDER_THAN_STATE
    return None


def _new_state(luma: bytes, moment_ms: int, *, forgotten_ms: int | None = None) -> GateState:
    return GateState(reference=_encoded(luma), reference_ms=moment_ms, sent_ms=(moment_ms,), forgotten_ms=forgotten_ms)


def _with_sent(state: GateState, luma: bytes, moment_ms: int) -> GateState:
    """Returns the state after a frame was sent. A late frame is added, but the newest frame stays the reference."""
    is_newest = moment_ms > state.reference_ms
    sent = (*state.sent_ms, moment_ms)
    lost = sent[:-_SENT_FRAMES_KEPT] if state.forgotten_ms is None else (state.forgotten_ms, *sent[:-_SENT_FRAMES_KEPT])
    return GateState(
        reference=_encoded(luma) if is_newest else state.reference,
        reference_ms=max(moment_ms, state.reference_ms),
        sent_ms=sent[-_SENT_FRAMES_KEPT:],
        forgotten_ms=max(lost, default=None),
    )


def _encoded(luma: bytes) -> str:
    return b64encode(luma).decode()
