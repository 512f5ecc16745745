"""Messages of the functions' log lines that explain where a frame stopped (docs/tracing.md)."""

from enum import StrEnum

from kinesight.domain.model import NotAnalyzed


class LogMessage(StrEnum):
    """A message that a function logs about a frame, its evidence or its session."""

    ANALYZED = "analyzed"
    ALREADY_ANALYZED = NotAnalyzed.ALREADY_ANALYZED.value
    GATED = NotAnalyzed.GATED.value
    NO_DETECTOR = NotAnalyzed.NO_DETECTOR.value
    OVER_BUDGET = "over budget"
    RETRIED = "to be retried"
    GIVEN_UP = "given up"
    EVIDENCE_UNAVAILABLE = "evidence no longer available"
    ALERTED = "alerted"
