"""What can go wrong, classified by what the caller can do about it.

KinesightError
├── LeaseLostError                 another consumer reads the stream now: stop
├── BudgetReachedError             the day's budget has no call left for this frame: do without
├── PermanentError                 no retry will help: dead-letter it with this reason
│   ├── InvalidEventError          the message is not what this function takes
│   ├── NotAKvsImageError          the object was not written by KVS image generation
│   ├── UnsupportedImageError      the detector can't take this picture (format, size)
│   ├── ImageMissingError          the object is gone
│   ├── EvidenceGoneError          KVS has the fragment no more
│   ├── DetectorRejectedError      the detector refused the request for good
│   ├── ModelOutputError        the detector's answer has not the declared form
│   ├── InvalidSettingError        a parameter has an impossible value
│   ├── InvalidInputError          an execution was started with something else than it takes
│   ├── InvertedRangeError         the range ends before it begins
│   ├── RangeInFutureError         the range has not happened yet
│   ├── RangeExpiredError          retention has passed the whole range
│   ├── NoMediaError               the stream has no media in the range
│   ├── TooManyFailuresError       more of an execution failed than is tolerated
│   ├── UnreadableMediaError       KVS's copy of a fragment can't be read, however often it is asked for
│   ├── StreamGoneError            the stream does not exist any more
│   ├── NoRetentionError           the stream keeps nothing, so KVS generates nothing from it
│   ├── StreamRefusedError         KVS refuses to configure the stream
│   ├── WorkflowRefusedError       Step Functions refuses to start an execution
│   ├── ChannelRefusedError        a channel of alerts or events will never take this message
│   ├── SessionMissingError          there is no such event, or it has expired
│   ├── VideoMissingError          nothing of an event's video can be played
│   ├── EvidenceTooLargeError      an event's evidence passes what is done in one request
│   ├── SessionChangedError          somebody else has changed the event since it was seen
│   ├── RulesChangedError          somebody else has changed the rules document since it was seen
│   ├── StreamNotSelectedError      the stack does not select this stream
│   ├── NoCameraImageError        there is no picture of a camera
│   └── AnalysisMissingError       there is no such execution, or it was forgotten
└── TransientError                 try again later
    ├── DetectorBusyError          throttled, or a server-side failure
    ├── DeliveryError              results could not be written
    ├── MediaBusyError             KVS throttled or failed
    ├── StreamBusyError            the stream is being changed by something else
    ├── ThrottledError             a control plane throttled or failed
    ├── StorageBusyError           S3 or DynamoDB throttled or failed
    ├── StillInProgressError       another invocation holds this work right now
    ├── InvalidConfigurationError  the rules document is wrong: people mend it while messages wait
    └── UnexpectedError            a defect: retried, then dead-lettered by the queue
"""


class KinesightError(Exception):
    """Base of every error that the pipeline raises by design.

    Of a detector's error, `may_be_billed`: whether the call that failed may have to be paid all the same;
    `connection_closed`: whether it failed because its connection ended, so that another one may do at once.
    """

    may_be_billed = False
    connection_closed = False


def maybe_billed[E: KinesightError](error: E) -> E:
    """The same error, of a call that may have to be paid."""
    error.may_be_billed = True
    return error


class PermanentError(KinesightError):
    """No retry will help."""


class TransientError(KinesightError):
    """A later attempt may succeed."""


class InvalidEventError(PermanentError):
    """The message is not what this function takes."""


class NotAKvsImageError(PermanentError):
    """The object's name is not one that KVS image generation writes."""


class UnsupportedImageError(PermanentError):
    """The detector can't take this picture."""


class ImageMissingError(PermanentError):
    """The object that the event names does not exist any more."""


class EvidenceGoneError(PermanentError):
    """KVS has the fragment no more, or will never give it."""


class DetectorRejectedError(PermanentError):
    """The detector refused the request for good."""


class ModelOutputError(PermanentError):
    """The detector's answer does not have the declared form."""

    may_be_billed = True


class InvalidSettingError(PermanentError):
    """A parameter has an impossible value."""


class InvalidInputError(PermanentError):
    """An execution was started with something else than it takes."""


class InvertedRangeError(PermanentError):
    """The range ends before it begins."""


class RangeInFutureError(PermanentError):
    """The range has not happened yet."""


class RangeExpiredError(PermanentError):
    """Retention has passed the whole range."""


class NoMediaError(PermanentError):
    """The stream has no media in the range."""


class TooManyFailuresError(PermanentError):
    """More of an execution failed than is tolerated; its summary says what."""


class DetectorBusyError(TransientError):
    """The detector throttled the call or failed on its side."""


class DeliveryError(TransientError):
    """Some results could not be written."""


class MediaBusyError(TransientError):
    """KVS throttled the call or failed on its side."""


class StillInProgressError(TransientError):
    """Another invocation holds this piece of work right now."""


class InvalidConfigurationError(TransientError):
    """The rules document can't be used; what waits for it is kept until somebody mends it."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class LeaseLostError(KinesightError):
    """Another consumer reads the stream now, or may: stop."""


class BudgetReachedError(KinesightError):
    """The budget has no paid call left for this frame; amounts in micro-dollars. `is_hard`: not before the UTC day
    ends, else to spread what is left over the day."""

    def __init__(self, counter: str, spent: int, limit: int, *, is_hard: bool) -> None:
        state = "reached" if is_hard else "spread over the rest of the day"
        super().__init__(f"{counter}: ${spent / 1e6:.6f} of today's ${limit / 1e6:.6f} are spent; the limit is {state}")
        self.counter = counter
        self.is_hard = is_hard


class StorageBusyError(TransientError):
    """S3 or DynamoDB throttled the call or failed on its side."""


class UnexpectedError(TransientError):
    """Transient: a defect or an unclassified failure; the original error is its cause."""


class UnreadableMediaError(PermanentError):
    """KVS's copy of a fragment is no Matroska that can be read, however often it is asked for."""

    def __init__(self, message: str, fragment_number: str) -> None:
        super().__init__(message)
        self.fragment_number = fragment_number


class StreamGoneError(PermanentError):
    """The stream does not exist any more."""


class NoRetentionError(PermanentError):
    """The stream's retention is 0, at which KVS neither generates images nor notifies."""


class StreamRefusedError(PermanentError):
    """KVS refuses the call for good, for lack of permission or as invalid."""


class StreamBusyError(TransientError):
    """The stream is not ACTIVE, or something else changes it."""


class ThrottledError(TransientError):
    """KVS's control plane or Step Functions throttled the call, or failed on its side."""


class WorkflowRefusedError(PermanentError):
    """Step Functions refuses to start an execution, for lack of permission or because there is no such workflow."""


class ChannelRefusedError(PermanentError):
    """A channel of alerts or events will never take this message."""


class SessionMissingError(PermanentError):
    """There is no such event, or it has expired."""


class VideoMissingError(PermanentError):
    """Nothing of an event's video can be played: neither KVS nor the archive has any, or none of a playable kind."""


class EvidenceTooLargeError(PermanentError):
    """An event's evidence passes what is done in one request."""


class SessionChangedError(PermanentError):
    """Somebody else has changed the event since it was seen."""


class RulesChangedError(PermanentError):
    """Somebody else has changed the rules document since it was seen."""


class StreamNotSelectedError(PermanentError):
    """The stack does not select this stream, so it is none of the viewer's."""


class NoCameraImageError(PermanentError):
    """There is no picture of a camera; why, is in the message."""


class AnalysisMissingError(PermanentError):
    """There is no such execution, or Step Functions has forgotten it (after 90 days)."""
