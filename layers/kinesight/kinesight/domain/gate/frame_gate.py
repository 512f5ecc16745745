"""The frame gate at work: a stream's pictures are compared with the last one that was sent, before a paid call is made.

It never loses a picture: one that can't be compared, for whatever reason, is let through.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kinesight.domain.errors import PermanentError, TransientError
from kinesight.domain.gate.decision import Decision, GateMode, GateSettings, decide, read_state
from kinesight.domain.model import Frame, to_epoch_ms
from kinesight.domain.ports import ImageStore, VersionedDocuments

_ATTEMPTS = 4
"""With several pictures of one stream at work at once, each may find that another was quicker."""


class Verdict(StrEnum):
    """What the gate says of a frame; only GATED keeps it from the detector."""

    SENT = "SENT"
    GATED = "GATED"
    WOULD_BE_GATED = "WOULD_BE_GATED"
    FAILED_OPEN = "FAILED_OPEN"


class LumaReader(Protocol):
    """Makes a picture small and grey."""

    def luma(self, picture: bytes) -> bytes:
        """As `kinesight.domain.gate.image_difference` has it. Raises UnsupportedImageError."""


@dataclass(frozen=True, slots=True)
class FrameGate:
    """`settings` are those of a stream, by its name, and may change at any time."""

    settings: Callable[[str], GateSettings]
    images: ImageStore
    lumas: LumaReader
    states: VersionedDocuments

    def verdict(self, frame: Frame) -> Verdict | None:
        """None where the gate is off: then nothing is read and nothing remembered. Never raises what passes or what is
        wrong with one picture; the detector will say that."""
        wanted = self.settings(frame.stream_name)
        if wanted.mode is GateMode.OFF:
            return None
        try:
            luma = self.lumas.luma(self.images.read(frame.image))
            decision = self._decided(wanted, frame, luma)
        except (TransientError, PermanentError):
            return Verdict.FAILED_OPEN
        if decision is None:
            return Verdict.FAILED_OPEN
        if decision.sends:
            return Verdict.SENT
        return Verdict.GATED if wanted.mode is GateMode.ON else Verdict.WOULD_BE_GATED

    def _decided(self, wanted: GateSettings, frame: Frame, luma: bytes) -> Decision | None:
        """None if others were quicker each time. A decision that changes nothing is not written."""
        for _ in range(_ATTEMPTS):
            seen = self.states.load(frame.stream_name)
            before = read_state(seen.body)
            decision = decide(wanted, before, luma, to_epoch_ms(frame.image_timestamp))
            if decision.state is None or decision.state == before:
                return decision
            body = decision.state.model_dump_json(by_alias=True)
            if self.states.save(frame.stream_name, body, seen.version):
                return decision
        return None
