"""What holds for the output of every detector, whatever its service returns."""

from dataclasses import replace

from pydantic import ValidationError

from kinesight.domain.detectors.ports import Detector, ModelOutput
from kinesight.domain.errors import ModelOutputError
from kinesight.domain.model import Frame
from kinesight.domain.plain_values import describe, plain_json


class CheckedDetector:
    """Drops detections below `minimum_confidence`, 0 to 100. Services apply a minimum of their own to labels but not to
    their instances, to words but not to lines, or have none.

    Output with a value that cannot be stored, such as a confidence that is not finite, is a ModelOutputError.
    """

    def __init__(self, detector: Detector, minimum_confidence: float) -> None:
        self._detector = detector
        self._minimum_confidence = minimum_confidence

    @property
    def fingerprint(self) -> str:
        """The detector's own."""
        return self._detector.fingerprint

    def detect(self, frame: Frame) -> ModelOutput:
        """Raises what the detector raises, and ModelOutputError."""
        try:
            output = self._detector.detect(frame)
        except ValidationError as error:
            raise ModelOutputError(f"{self.fingerprint} returned an invalid detection: {describe(error)}") from error
        sure = tuple(one for one in output.detections if one.confidence >= self._minimum_confidence)
        return replace(output, detections=sure, raw_output=plain_json(output.raw_output))
