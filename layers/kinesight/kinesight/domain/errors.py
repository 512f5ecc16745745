"""Errors of the pipeline, classified by what the caller can do.

A PermanentError is dead-lettered with its reason, because no retry can succeed. A TransientError is retried. Neither:
an UnexpectedError is retried a few times and then dead-lettered (batches.MOST_ATTEMPTS), a LeaseLostError stops the
consumer, a BudgetReachedError leaves the frame unanalyzed.
"""


class KinesightError(Exception):
    """Base of the pipeline's errors. For detectors, `may_be_billed` is whether the failed call may be charged, and
    `connection_closed` whether it failed because its connection was closed, so that it can be retried at once."""

    may_be_billed = False
    connection_closed = False


def maybe_billed[E: KinesightError](error: E) -> E:
    """Marks and returns the error of a call that may be charged."""
    error.may_be_billed = True
    return error


class PermanentError(KinesightError):
    """Base of errors that no retry can fix."""


class TransientError(KinesightError):
    """Base of errors that a retry may fix."""


class InvalidEventError(PermanentError):
    """Permanent: the function does not accept the message."""


class UnreadableStateError(PermanentError):
    """Permanent: a stored document is malformed or of another version; its camera starts afresh."""


class InvalidTimestampError(InvalidEventError, ValueError):
    """Permanent: a timestamp before 1970, or beyond the year 9998."""


class NotAKvsImageError(PermanentError):
    """Permanent: the object's name is not one that KVS image generation writes."""


class UnsupportedImageError(PermanentError):
    """Permanent: the detector does not support the image (format or size)."""


class ImageMissingError(PermanentError):
    """Permanent: the object that the message names does not exist any more."""


class EvidenceGoneError(PermanentError):
    """Permanent: KVS does not have the fragment any more, or will never return it."""


class DetectorRejectedError(PermanentError):
    """Permanent: the detector rejected the request."""


class ModelOutputError(PermanentError):
    """Permanent: the model output does not have the declared format."""

    may_be_billed = True


class InvalidSettingError(PermanentError):
    """Permanent: a parameter has an invalid value."""


class InvalidInputError(PermanentError):
    """Permanent: the input of an execution is invalid."""


class InvertedRangeError(PermanentError):
    """Permanent: the range ends before it starts."""


class RangeInFutureError(PermanentError):
    """Permanent: the range is in the future."""


class RangeExpiredError(PermanentError):
    """Permanent: the whole range is older than the stream's retention."""


class NoMediaError(PermanentError):
    """Permanent: the stream has no media in the range."""


class TooManyFailuresError(PermanentError):
    """Permanent: more of an execution failed than is tolerated; its summary has the reasons."""


class DetectorBusyError(TransientError):
    """Transient: the detector throttled the call, or failed on its side."""


class DeliveryError(TransientError):
    """Transient: results or messages could not be written."""


class MediaBusyError(TransientError):
    """Transient: KVS throttled a media call, or failed on its side."""


class WindowUnfinishedError(TransientError):
    """Transient: the invocation's time is short; the next one continues with the rest of the window."""


class StillInProgressError(TransientError):
    """Transient: another invocation is processing this item."""


class InvalidConfigurationError(TransientError):
    """Transient: the configuration document is invalid; messages wait until it is fixed."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class LeaseLostError(KinesightError):
    """Another consumer reads the stream, or may read it: the consumer stops."""


class BudgetReachedError(KinesightError):
    """The budget allows no paid call for this frame. Amounts are in micro-dollars. `is_hard`: none until the UTC day
    ends, else none now, to spread the rest over the day."""

    def __init__(self, counter: str, spent: int, limit: int, *, is_hard: bool) -> None:
        state = "reached" if is_hard else "spread over the rest of the day"
        super().__init__(f"{counter}: ${spent / 1e6:.6f} of today's ${limit / 1e6:.6f} are spent; the limit is {state}")
        self.counter = counter
        self.is_hard = is_hard


class StorageBusyError(TransientError):
    """Transient: S3 or DynamoDB throttled the call, or failed on its side."""


class UnexpectedError(KinesightError):
    """A defect or an unclassified failure, which may or may not pass; the original error is its cause. The message has
    its type and its text."""


class UnreadableMediaError(PermanentError):
    """Permanent: KVS returns malformed Matroska for a fragment on every read."""

    def __init__(self, message: str, fragment_number: str) -> None:
        super().__init__(message)
        self.fragment_number = fragment_number


class StreamGoneError(PermanentError):
    """Permanent: the stream does not exist any more."""


class FragmentNotListedError(PermanentError):
    """Permanent: KVS does not list the fragment of a notification, which may be forged."""


class ForgedDocumentError(PermanentError):
    """Permanent: a document of an execution was written by something else."""


class NoRetentionError(PermanentError):
    """Permanent: the stream's retention is 0, at which KVS neither generates images nor notifies."""


class StreamRefusedError(PermanentError):
    """Permanent: KVS rejects the call as invalid or for lack of permission."""


class StreamBusyError(TransientError):
    """Transient: the stream is not ACTIVE, or another call is changing it."""


class ThrottledError(TransientError):
    """Transient: KVS's control plane or Step Functions throttled the call, or failed on its side."""


class WorkflowRefusedError(PermanentError):
    """Permanent: Step Functions rejects the start of an execution, for lack of permission or of the workflow."""


class ChannelRefusedError(PermanentError):
    """Permanent: a notification channel rejects this message."""


class SessionMissingError(PermanentError):
    """Permanent: the session does not exist, or has expired."""


class VideoMissingError(PermanentError):
    """Permanent: no playable video of a session is in KVS or in the archive."""


class EvidenceTooLargeError(PermanentError):
    """Permanent: the evidence of a session is too large for one request."""


class SessionChangedError(PermanentError):
    """Permanent: the session was changed since it was read."""


class RulesChangedError(PermanentError):
    """Permanent: the configuration document was changed since it was read."""


class StreamNotSelectedError(PermanentError):
    """Permanent: the stack does not select this stream, so the viewer does not show it."""


class NoCameraImageError(PermanentError):
    """Permanent: there is no image of a camera; the message has the reason."""


class AnalysisMissingError(PermanentError):
    """Permanent: the execution does not exist, or Step Functions has deleted it (after 90 days)."""
