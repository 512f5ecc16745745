"""Explains which steps of a frame are missing, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kinesight.domain.sessions.model import Severity

from kinesight_cli.shared.dead_letters import ATTEMPTS_EXHAUSTED, DeadLetter
from kinesight_cli.trace.frame_trace import FrameTrace
from kinesight_cli.trace.log_messages import LogMessage

_NO_IMAGE = (
    "no image of KVS was found. The camera may not tag its fragments, image generation may not be configured, or the "
    "producer sets a prefix for image keys. Run kinesight doctor"
)
_UNMATCHED = "no rule matched: kept only with keep.records ALL"


def missing_steps(trace: FrameTrace) -> dict[str, str]:
    """Returns the steps that a frame can have and this one does not, each with the reason as far as it is known."""
    if trace.frame.image_key is None:
        return {"image": _NO_IMAGE}
    absent = {} if trace.image is not None else {"image": "it has expired (ImageRetentionDays) or was deleted"}
    if not _is_analyzed(trace):
        return absent | {"result": _why_no_result(trace)}
    if trace.record is None:
        absent["result"] = "it was published, but the results stream keeps records for ResultsRetentionHours only"
    if not _has_matched(trace):
        return absent if "record" in trace.evidence else absent | {"evidence": _UNMATCHED}
    gone = [name for name in ("record", "annotated", "fragment") if name not in trace.evidence]
    absent |= {f"evidence: {name}": _why_no_evidence(trace) for name in gone}
    if trace.session is None:
        absent["session"] = "no session contains it: it is not processed yet, or the rules differ from the current ones"
    if not trace.last_line(LogMessage.ALERTED):
        absent["alert"] = _why_no_alert(trace)
    return absent


def _is_analyzed(trace: FrameTrace) -> bool:
    logged = trace.last_line(LogMessage.ANALYZED)
    return trace.record is not None or "record" in trace.evidence or logged is not None


def _has_matched(trace: FrameTrace) -> bool:
    analyzed = trace.last_line(LogMessage.ANALYZED)
    return bool(trace.matched or (analyzed and analyzed.fields.get("matched")))


def _why_no_result(trace: FrameTrace) -> str:
    return _logged_reason(trace) or _state_reason(trace)


def _logged_reason(trace: FrameTrace) -> str | None:
    if trace.last_line(LogMessage.GATED):
        return "the frame gate dropped it, since it does not differ from the previous image (docs/gate.md)"
    if trace.last_line(LogMessage.NO_DETECTOR):
        return "its camera has no detector in the configuration document (docs/configuration.md)"
    if over_budget := trace.last_line(LogMessage.OVER_BUDGET):
        return f"the budget is spent (docs/budget.md): {over_budget.fields.get('reason', 'see the runbook')}"
    if dead_lettered := _dead_letter_reason(trace, ("images", "live")):
        return dead_lettered
    if failed := trace.last_line(LogMessage.RETRIED, LogMessage.GIVEN_UP):
        return f"{failed.message}: {failed.fields.get('reason')}"
    return None


def _state_reason(trace: FrameTrace) -> str:
    if trace.ledger is not None and trace.ledger.facts.get("status") == "INPROGRESS":
        return "it is being analyzed, or the function ended while analyzing it; then it is retried"
    if trace.last_line(LogMessage.ALREADY_ANALYZED):
        return "it was already analyzed or gated before the start of the search: search longer with --since"
    if trace.images_waiting:
        return f"no function has received it yet: {trace.images_waiting} messages wait in the images queue"
    return (
        "no function has logged it since the start of the search (--since), and the images queue is empty. Run "
        "kinesight doctor"
    )


def _why_no_evidence(trace: FrameTrace) -> str:
    if dead_lettered := _dead_letter_reason(trace, ("evidence",)):
        return dead_lettered
    if logged := trace.last_line(LogMessage.EVIDENCE_UNAVAILABLE, LogMessage.RETRIED):
        return f"{logged.message}: {logged.fields.get('reason')}"
    return "not kept yet, or expired (EvidenceRetentionDays)"


def _why_no_alert(trace: FrameTrace) -> str:
    if dead_lettered := _dead_letter_reason(trace, ("sessions", "evidence")):
        return dead_lettered
    if trace.session is None:
        return "alerts are sent for sessions, and no session contains it"
    session_class = trace.session.facts.get("class")
    if session_class != Severity.ALERT:
        return f"rules of class {session_class} send no alert"
    return "it was sent before the start of the search (--since), waits for its channel, or none is due"


def _dead_letter_reason(trace: FrameTrace, queues: Sequence[str]) -> str | None:
    for queue, message in trace.dead_letters:
        if queue in queues:
            reason = _reason(trace, message)
            return f"in the dead-letter queue {queue}: {reason}. Fix the cause, then run kinesight redrive"
    return None


def _reason(trace: FrameTrace, message: DeadLetter) -> str:
    """Returns the reason of a message; of one without, that of the last attempt."""
    if message.reason != ATTEMPTS_EXHAUSTED:
        return f"{message.reason}: {message.explanation}"
    last = trace.last_line(LogMessage.RETRIED)
    return ATTEMPTS_EXHAUSTED + (f", last attempt: {last.fields.get('reason')}" if last else "")
