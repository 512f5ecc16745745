"""Ports of the detectors: the detector, crops for a chained detector, and the spend counters."""

from dataclasses import dataclass
from typing import Any, Protocol

from kinesight.domain.detectors.spend import FrameSpend
from kinesight.domain.model import BoundingBox, Detection, DetectorInfo, Frame


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Input and output tokens that a call is billed for."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """Detections in one frame; `raw_output` is the model output as received, `raw_body` its bytes, if it had any.
    `tokens` where the service counts them. `dropped_rows`: rows of the output that are no detection."""

    info: DetectorInfo
    detections: tuple[Detection, ...]
    raw_output: Any
    raw_body: bytes = b""
    tokens: TokenUsage | None = None
    dropped_rows: int = 0


class Detector(Protocol):
    """A model that analyzes one frame."""

    @property
    def fingerprint(self) -> str:
        """Identifies the model and operation; part of every result id."""

    def detect(self, frame: Frame) -> ModelOutput:
        """Raises PermanentError if this frame can't be analyzed, DetectorBusyError to try again later."""


class SpendingDetector(Protocol):
    """One detector or a chain of them, with what their calls cost."""

    @property
    def fingerprint(self) -> str:
        """Names the models and operations; part of every result id."""

    def detect(self, frame: Frame, spend: FrameSpend) -> ModelOutput:
        """Adds to `spend`, also when it raises. Raises as Detector does, and BudgetReachedError if the budget has no
        call left for this frame."""


class Detectors(Protocol):
    """The detectors of all streams."""

    def of_stream(self, stream_name: str) -> SpendingDetector | None:
        """Returns the detector of a stream, None if its frames are not analyzed. Raises InvalidConfigurationError."""


@dataclass(frozen=True, slots=True)
class ReserveResult:
    """Spend of a counter on a day in micro-dollars, and whether it includes the requested amount."""

    is_granted: bool
    micro_usd: int


class SpendCounters(Protocol):
    """Spend in micro-dollars by counter and UTC day (2026-11-21), shared by all functions."""

    def reserve(self, counter: str, day: str, micro_usd: int, most_micro_usd: int) -> ReserveResult:
        """Adds a call and its price, unless the sum would exceed `most_micro_usd`. Raises StorageBusyError."""

    def correct(self, counter: str, day: str, micro_usd: int, *, calls: int) -> None:
        """Adds an amount, which may be negative. At most once: after StorageBusyError it may have been added."""


class CropMaker(Protocol):
    """Crops images."""

    def crop(self, frame: Frame, box: BoundingBox) -> tuple[Frame, BoundingBox]:
        """Returns the cropped frame, and its box in the original: around `box`, with a margin.

        Raises UnsupportedImageError, ImageMissingError, StorageBusyError.
        """
