"""The frame gate's decision: is this frame worth a paid call of the detector?

A frame is compared with the last one of its stream that was sent. Pure: the same settings, state, picture and moment
always give the same answer, and a frame that was once let through is let through whenever it comes again.
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

_REMEMBERED = 64
_CLOCK_WENT_BACK_MS = 15 * 60_000
"""A frame that is older by so much tells of a camera whose clock was set, not of a message that took its time."""


class GateMode(StrEnum):
    """OBSERVE sends everything and counts what ON would hold back."""

    OFF = "OFF"
    OBSERVE = "OBSERVE"
    ON = "ON"


class GateMethod(StrEnum):
    """What is scored: changed blocks of the picture, or changed bits of its difference hash."""

    LUMA = "LUMA"
    PERCEPTUAL_HASH = "PERCEPTUAL_HASH"


class Reason(StrEnum):
    """Why a frame is sent or held back."""

    OFF = "OFF"
    FIRST = "FIRST"
    AGAIN = "AGAIN"
    CLOCK_WENT_BACK = "CLOCK_WENT_BACK"
    TOO_LATE_TO_TELL = "TOO_LATE_TO_TELL"
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
"""Percent. Chosen with benchmarks/gate.py."""

_Ratio = Annotated[float, Field(ge=0, le=1)]
_Region = Annotated[tuple[tuple[_Ratio, _Ratio], ...], Field(min_length=3)]


class GateSettings(Value):
    """How frames of a stream are judged. `threshold`: percent that must have changed; None takes the method's default.

    `ignored_regions`: polygons, their corners as ratios of width and height. Of two frames that are sent, the second is
    at least `minimum_interval_milliseconds` after the first; and one is sent, changed or not, when the last was
    `maximum_interval_seconds` ago.
    """

    model_config = ConfigDict(extra="forbid")

    mode: GateMode = GateMode.OFF
    method: GateMethod = GateMethod.LUMA
    threshold: float | None = Field(default=None, gt=0, le=100)
    ignored_regions: tuple[_Region, ...] = ()
    minimum_interval_milliseconds: int = Field(default=0, ge=0)
    maximum_interval_seconds: int = Field(default=60, ge=1, le=86_400)

    @model_validator(mode="after")
    def _has_room_between_its_intervals(self) -> "GateSettings":
        if self.minimum_interval_milliseconds > 1000 * self.maximum_interval_seconds:
            raise ValueError("minimumIntervalMilliseconds is more than maximumIntervalSeconds")
        return self

    @property
    def threshold_percent(self) -> float:
        return DEFAULT_THRESHOLDS[self.method] if self.threshold is None else self.threshold

    def score(self, reference: bytes, luma: bytes) -> float:
        """Percent that has changed, by the method, outside the ignored regions."""
        return _SCORES[self.method](reference, luma, watched_blocks(self.ignored_regions))


class GateState(Value):
    """What is remembered of a stream: the newest sent frame's luma (base64) and moment, the moments that were sent
    last, and the newest moment that such a memory was lost of. Epoch milliseconds."""

    reference: str
    reference_ms: int
    sent_ms: tuple[int, ...]
    forgotten_ms: int | None = None

    @property
    def luma(self) -> bytes:
        return b64decode(self.reference)


@dataclass(frozen=True, slots=True)
class Decision:
    """`score`: percent that has changed, None where nothing was compared. `state`: what to remember from now on."""

    sends: bool
    reason: Reason
    score: float | None
    state: GateState | None


def read_state(body: str | None) -> GateState | None:
    """None also for a document that can't be understood: the stream then begins anew."""
    try:
        state = GateState.model_validate_json(body) if body is not None else None
        return state if state is None or len(state.luma) == BLOCKS else None
    except (ValidationError, binascii.Error):
        return None


def decide(settings: GateSettings, state: GateState | None, luma: bytes, moment_ms: int) -> Decision:
    """`luma`: as in gate/image_difference.py; `moment_ms`: timestamp of the frame in epoch milliseconds."""
    if settings.mode is GateMode.OFF:
        return Decision(True, Reason.OFF, None, state)
    if state is None:
        return Decision(True, Reason.FIRST, None, _begun(luma, moment_ms))
    score = settings.score(state.luma, luma)
    reason = _reason(settings, state, score, moment_ms)
    match reason:
        case Reason.AGAIN | Reason.TOO_SOON | Reason.UNCHANGED:
            return Decision(reason is Reason.AGAIN, reason, score, state)
        case Reason.CLOCK_WENT_BACK:
            # What was sent by the new clock before now is not known, so nothing before now is held back.
            return Decision(True, reason, score, _begun(luma, moment_ms, forgotten_ms=moment_ms))
        case _:
            return Decision(True, reason, score, _sent(state, luma, moment_ms))


def _reason(settings: GateSettings, state: GateState, score: float, moment_ms: int) -> Reason:
    certain = _reason_of_memory(state, moment_ms)
    if certain is not None:
        return certain
    if min(abs(moment_ms - sent) for sent in state.sent_ms) < settings.minimum_interval_milliseconds:
        return Reason.TOO_SOON
    if moment_ms - state.reference_ms >= 1000 * settings.maximum_interval_seconds:
        return Reason.DUE
    return Reason.CHANGED if score >= settings.threshold_percent else Reason.UNCHANGED


def _reason_of_memory(state: GateState, moment_ms: int) -> Reason | None:
    """Where a frame is sent whatever it shows."""
    if moment_ms in state.sent_ms:
        return Reason.AGAIN
    if state.reference_ms - moment_ms > _CLOCK_WENT_BACK_MS:
        return Reason.CLOCK_WENT_BACK
    if state.forgotten_ms is not None and moment_ms <= state.forgotten_ms:
        return Reason.TOO_LATE_TO_TELL
    return None


def _begun(luma: bytes, moment_ms: int, *, forgotten_ms: int | None = None) -> GateState:
    return GateState(reference=_text(luma), reference_ms=moment_ms, sent_ms=(moment_ms,), forgotten_ms=forgotten_ms)


def _sent(state: GateState, luma: bytes, moment_ms: int) -> GateState:
    """A late frame is remembered, but the newest one stays what others are compared with."""
    is_newest = moment_ms > state.reference_ms
    sent = (*state.sent_ms, moment_ms)
    lost = sent[:-_REMEMBERED] if state.forgotten_ms is None else (state.forgotten_ms, *sent[:-_REMEMBERED])
    return GateState(
        reference=_text(luma) if is_newest else state.reference,
        reference_ms=max(moment_ms, state.reference_ms),
        sent_ms=sent[-_REMEMBERED:],
        forgotten_ms=max(lost, default=None),
    )


def _text(luma: bytes) -> str:
    return b64encode(luma).decode()
