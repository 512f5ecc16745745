"""Formulas of the functions that read the results stream: evidence, sessions and their videos."""

from collections.abc import Mapping
from dataclasses import dataclass

from kinesight_cli.estimate.batches import waves, with_any
from kinesight_cli.estimate.formulas import LEDGER, Flow
from kinesight_cli.estimate.lines import Items, Line, Work, read_units, write_units
from kinesight_cli.estimate.workload import Workload

_EVIDENCE_AT_ONCE = 8
"""domain/evidence/keep_evidence.py."""
_LINES_PER_SESSION = 3
"""Opened, ended, alerted."""
_FURTHER_CHANNELS = ("channels.iotTopic", "WebhookSecretArn")
"""What switches on the channels of alerts other than the alert topic."""


def kept_records(flow: Flow, parameters: Mapping[str, str]) -> float:
    """Returns the number of records in the evidence bucket."""
    return flow.sent if parameters["keep.records"] == "ALL" else flow.matched


def kept_fragments(flow: Flow, parameters: Mapping[str, str]) -> float:
    """Returns the number of fragments in the evidence bucket, without those of videos of sessions."""
    return flow.sent_fragments if parameters["keep.fragments"] == "ALL" else flow.fragments


def evidence(flow: Flow, parameters: Mapping[str, str], workload: Workload, invocations: float) -> Items:
    """Evidence of matched images (domain/evidence/keep_evidence.py), of which an invocation keeps several at once, and
    with `keep` that of others."""
    caller, per_image = "keep_evidence", parameters["alerts.per"] == "IMAGE"
    others, others_s = _others(flow, parameters)
    seconds = invocations * 0.05 + 0.4 * _waves(flow.matched, invocations) + others_s * _waves(others, invocations)
    of_image = (
        ("s3.put", "the record, as JSON", "s3:PutObject results"),
        ("s3.get", "whether the annotated image exists", "s3:HeadObject annotated"),
        ("s3.get", "the image to annotate", "s3:GetObject images"),
        ("s3.put", "the annotated image", "s3:PutObject annotated"),
    )
    for price, why, call in of_image:
        yield Line(price, flow.matched, f"per matched image: {why}", f"{caller} {call}", of_images=True)
    records = kept_records(flow, parameters) - flow.matched
    call = f"{caller} s3:PutObject results"
    yield Line("s3.put", records, "per other image, with keep.records ALL: the record", call, of_images=True)
    fragments = kept_fragments(flow, parameters) - flow.fragments
    for count, which in ((flow.fragments, "matched fragment"), (fragments, "other fragment, with keep.fragments ALL")):
        yield Line("s3.get", count, f"per {which}: whether it is archived", f"{caller} s3:HeadObject archive")
        yield Line("s3.put", count, f"per {which}: its video", f"{caller} s3:PutObject archive", of_images=True)
        yield Line("kvs.consume", count, f"per {which}: its bytes", each=_fragment_gb(workload))
    if per_image:
        yield from _alerts(caller, flow.matched, parameters, "per matched image")
    lines = flow.matched * (2 if per_image else 1) + others
    yield Work(caller, invocations, seconds, lines, measured=with_any(invocations, 1, flow.matched + others))


def _others(flow: Flow, parameters: Mapping[str, str]) -> tuple[float, float]:
    """Returns the number of images that matched nothing and of which something is kept, and the seconds of a wave."""
    if parameters["keep.fragments"] == "ALL":
        return flow.sent - flow.matched, 0.4
    return (flow.sent - flow.matched, 0.1) if parameters["keep.records"] == "ALL" else (0.0, 0.0)


def _waves(images: float, invocations: float) -> float:
    """Returns the waves of all invocations."""
    return invocations * waves(images / invocations, _EVIDENCE_AT_ONCE) if invocations else 0.0


def _alerts(caller: str, alerts: float, parameters: Mapping[str, str], per: str) -> Items:
    """Alerts on the topic, each sent once with the ledger."""
    yield Line(
        "dynamodb.write",
        alerts,
        f"{per}: its alert started in the ledger",
        f"{caller} dynamodb:PutItem {LEDGER}",
        of_images=True,
    )
    yield Line(
        "dynamodb.write",
        alerts,
        f"{per}: its alert completed in the ledger",
        f"{caller} dynamodb:UpdateItem {LEDGER}",
        of_images=True,
    )
    yield Line("sns.publish", alerts, f"{per}: its alert", f"{caller} sns:Publish", of_images=True)
    if parameters["AlertEmail"]:
        yield Line("sns.email", alerts, f"{per}: an e-mail")


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """`count`: sessions. `fragments`: fragments of their videos without a matched image; `known`: those with one.
    `batches`: batches of results; `hits`: their cameras with a match. `passes`: cameras checked by the run of each
    minute."""

    count: float
    fragments: float
    known: float
    hits: float
    batches: float
    passes: float


def sessions(counts: SessionCounts, parameters: Mapping[str, str], workload: Workload) -> Items:
    """Sessions and their notifications (domain/sessions/track_sessions.py, domain/sessions/outbox.py)."""
    caller, updates = "track_sessions", counts.count * (2 + workload.updates_per_session)
    activity = f"{caller} dynamodb:{{}} CoordinationTable"
    reads, writes = read_units(workload.activity_kilobytes), write_units(workload.activity_kilobytes)
    yield Line(
        "dynamodb.read",
        counts.hits,
        "the activity of the camera, per camera with a match in a batch",
        activity.format("GetItem"),
        reads,
    )
    yield Line(
        "dynamodb.read", counts.passes, "the activity of every camera, every minute", activity.format("Query"), reads
    )
    yield Line(
        "dynamodb.write",
        counts.hits + updates,
        "the activity, and again when all updates are sent",
        activity.format("PutItem"),
        writes,
    )
    yield Line(
        "dynamodb.write",
        updates,
        "a session's state when it starts, changes, ends",
        f"{caller} dynamodb:UpdateItem SessionsTable",
        2,
    )
    if parameters["channels.eventBridge"] == "true":
        yield Line("eventbridge.event", updates, "an event per update", f"{caller} events:PutEvents")
    if parameters["channels.iotTopic"]:
        yield Line("iot.message", updates + counts.count, "a message per update, and the alert")
    if parameters["alerts.per"] == "SESSION":
        yield from _alerts(caller, counts.count, parameters, "per session")
    others = sum(bool(parameters[name]) for name in _FURTHER_CHANNELS)
    yield Line("dynamodb.write", counts.count * others, "per session: the ledger for the other channels", each=2)
    lines = _LINES_PER_SESSION * counts.count
    seconds = 0.03 * counts.batches + 0.05 * counts.hits
    yield Work(caller, counts.batches, seconds, lines, measured=min(counts.batches, lines))
    if parameters["sessions.clip"] == "true":
        yield from _videos(counts, workload)


def _videos(counts: SessionCounts, workload: Workload) -> Items:
    """Videos of sessions (domain/sessions/archive_session.py)."""
    caller = "archive_session"
    listed = counts.fragments + counts.known
    yield Line("sqs.request", counts.count, "sent, received and deleted", each=3)
    yield Line("s3.get", listed, "per fragment of a session: whether it is archived", f"{caller} s3:HeadObject archive")
    yield Line(
        "s3.put", counts.fragments, "per fragment around the matches: its video", f"{caller} s3:PutObject archive"
    )
    yield Line(
        "kvs.consume", counts.fragments, "per fragment around the matches: its bytes", each=_fragment_gb(workload)
    )
    yield Line(
        "dynamodb.read", counts.count, "the current list of fragments", f"{caller} dynamodb:GetItem SessionsTable"
    )
    # 140 bytes per fragment (MOST_FRAGMENTS), in addition to the session.
    kilobytes = 2 + 0.14 * listed / counts.count if counts.count else 0
    yield Line(
        "dynamodb.write",
        counts.count,
        "the session with its list of fragments",
        f"{caller} dynamodb:UpdateItem SessionsTable",
        write_units(kilobytes),
    )
    yield Work(caller, counts.count, 2 * counts.count, counts.count)


def _fragment_gb(workload: Workload) -> float:
    return workload.fragment_seconds * workload.megabits_per_second / 8_000
