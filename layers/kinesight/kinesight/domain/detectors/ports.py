"""Ports of the detectors: the detector itself, crops for a second one, and the counters of spend."""

from dataclasses import dataclass
from typing import Any, Protocol

from kinesight.domain.detectors.spend import FrameSpend
from kinesight.domain.model import BoundingBox, Detection, DetectorInfo, Frame


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens that a call is billed by."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """Detections in one frame; `raw_output` is the model output as received, `raw_body` its bytes, if it had any.
    `tokens` where the service counts them."""

    info: DetectorInfo
    detections: tuple[Detection, ...]
    raw_output: Any
    raw_body: bytes = b""
    tokens: TokenUsage | None = None


class Detector(Protocol):
    """A model that analyzes one frame."""

    @property
    def fingerprint(self) -> str:
        """Names the model and operation; part of every result id."""

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


@dataclass(frozen=True, slots=True)
class ReserveResult:
    """Micro-dollars that a counter has on a day, and whether what was asked for is among them."""

    is_granted: bool
    micro_usd: int


class SpendCounters(Protocol):
    """Micro-dollars by counter and UTC day (2026-11-21), shared by everybody who spends."""

    def reserve(self, counter: str, day: str, micro_usd: int, most_micro_usd: int) -> ReserveResult:
        """Adds a call and its price, unless the sum would pass the most. Raises StorageBusyError."""

    def correct(self, counter: str, day: str, micro_usd: int, *, calls: int) -> None:
        """Adds, or takes away; at most once. Raises StorageBusyError; then it may have happened."""


class CropMaker(Protocol):
    """Cuts parts out of pictures."""

    def crop(self, frame: Frame, box: BoundingBox) -> tuple[Frame, BoundingBox]:
        """The part as a frame of the same moment, and where it was cut: around the box, somewhat larger.

        Raises UnsupportedImageError, ImageMissingError, StorageBusyError.
        """
