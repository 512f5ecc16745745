"""The frame gate: reads a frame's image and its stream's state, decides, and stores the new state.

The gate fails open: a frame that cannot be compared is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kinesight.domain.gate.decision import Decision, GateMode, GateSettings, decide, read_state
from kinesight.domain.model import Frame, to_epoch_ms
from kinesight.domain.ports import ImageStore, VersionedDocuments

_ATTEMPTS = 4
"""Concurrent frames of one stream may change its state between loading and saving."""


class GateDecision(StrEnum):
    """Decision of the gate on one frame. Only GATED frames are not sent to the detector."""

    SENT = "SENT"
    GATED = "GATED"
    WOULD_BE_GATED = "WOULD_BE_GATED"
    FAILED_OPEN = "FAILED_OPEN"


class LumaReader(Protocol):
    """Reduces an image to its luma."""

    def luma(self, image: bytes) -> bytes:
        """Returns the luma that gate/image_difference.py describes. Raises UnsupportedImageError."""


@dataclass(frozen=True, slots=True)
class FrameGate:
    """Gates frames. `settings` returns the settings of a stream by its name; they may change at any time."""

    settings: Callable[[str], GateSettings]
    images: ImageStore
    lumas: LumaReader
    states: VersionedDocuments

    def decide(self, frame: Frame) -> GateDecision | None:
        """Returns the decision on a frame; None if the gate is off, which reads and stores nothing.

        Raises only errors of `settings`: the detector raises those of the image when it reads it."""
        settings = self.settings(frame.stream_name)
        if settings.mode is GateMode.OFF:
            return None
        try:
            luma = self.lumas.luma(self.images.read(frame.image))
            decision = self._decide(settings, frame, luma)
        except Exception:  # noqa: BLE001 - whatever failed, the frame is sent
            return GateDecision.FAILED_OPEN
        if decision is None:
            return GateDecision.FAILED_OPEN
        if decision.sends:
            return GateDecision.SENT
        return GateDecision.GATED if settings.mode is GateMode.ON else GateDecision.WOULD_BE_GATED

    def _decide(self, settings: GateSettings, frame: Frame, luma: bytes) -> Decision | None:
        """Decides and saves the new state, if it changed; None if every save lost against a concurrent one."""
        for _ in range(_ATTEMPTS):
            stored = self.states.load(frame.stream_name)
            before = read_state(stored.body)
            decision = decide(settings, before, luma, to_epoch_ms(frame.image_timestamp))
            if decision.state is None or decision.state == before:
                return decision
            body = decision.state.model_dump_json(by_alias=True)
            if self.states.save(frame.stream_name, body, stored.version):
                return decision
        return None
