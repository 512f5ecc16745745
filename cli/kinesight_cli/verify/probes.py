"""What the steps wait for: each function returns a fact once it is there, None before that."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import FrameSource
from kinesight.domain.sessions.model import TRACKER_STATE
from kinesight.domain.sessions.track_sessions import state_key

from kinesight_cli.verify import actions
from kinesight_cli.verify.run import SCHEDULED, NotTestedError, Run, StepFailedError
from kinesight_cli.verify.temporary import subscribe

_PROPAGATION = timedelta(seconds=60)


def subscription(run: Run) -> str:
    """Subscribes the temporary queue."""
    return f"of {len(subscribe(run.deployment, run.queue_arn))} topics"


def stream(run: Run) -> str | None:
    info = run.client("kinesisvideo").describe_stream(StreamName=run.stream)["StreamInfo"]
    return run.stream if info["Status"] == "ACTIVE" else None


def settings(run: Run) -> str | None:
    """Whether the stream has the settings of every feature; else configures it again, since another run of
    configure_streams may have been active."""
    missing = [name for name, status in _expected(run).items() if status != "ENABLED"]
    if missing:
        actions.configure(run)
        return None
    return ", ".join(_expected(run)) or "none"


def _expected(run: Run) -> dict[str, str]:
    found: dict[str, str] = {}
    if run.deployment.has_images:
        images = actions.settings_of(run, "describe_image_generation_configuration", "ImageGenerationConfiguration")
        found["image generation"] = images.get("Status", "")
    if run.deployment.has_notifications:
        notes = actions.settings_of(run, "describe_notification_configuration", "NotificationConfiguration")
        found["notifications"] = notes.get("Status", "")
    return found


def propagation(run: Run) -> str | None:
    """Waits a minute: settings take effect that long after an update (KVS developer guide, "Get started with Amazon KVS
    image generation")."""
    return "settings have had a minute" if datetime.now(UTC) - run.configured_at >= _PROPAGATION else None


def lease(run: Run) -> str | None:
    return "a lease for live reading" if actions.has_lease(run) else None


def video(run: Run) -> str | None:
    return f"{run.sent.fragments} fragments, {run.sent.bytes_sent / 1e6:.1f} MB" if run.sent_at else None


def image(run: Run) -> str | None:
    keys = run.image_keys()
    return f"{len(keys)} so far" if keys else None


def result(run: Run) -> str | None:
    run.read_results()
    return f"{len(run.records)} so far" if run.records else None


def match(run: Run) -> str | None:
    """Raises NotTestedError once every image has a result and none matches."""
    run.read_results()
    matched = run.matched()
    if matched:
        return f"{', '.join(matched[0].matched_labels)}, by the rules {', '.join(matched[0].matched_rules)}"
    images = run.image_keys()
    if images and len(run.records) >= len(images):
        labels = sorted({label for one in run.records for label in one.label_confidences})
        raise NotTestedError(
            f"no rule matches what the video shows: {', '.join(labels[:10]) or 'nothing was detected'}",
            "pass a video that shows what your rules match as --video",
        )
    return None


def evidence(run: Run) -> str | None:
    """Whether record, annotated image and fragment of one matched frame are kept."""
    run.read_results()
    for record in run.matched():
        keys = evidence_keys(record)
        expected = [key for key in (keys.result, keys.annotated, keys.archive) if key is not None]
        if all(_exists(run, key) for key in expected):
            return f"{len(expected)} objects of one frame"
    return None


def _exists(run: Run, key: str) -> bool:
    return key in run.keys(run.deployment.id_of("EvidenceBucket"), key)


def session(run: Run) -> str | None:
    run.read_session()
    return str(run.session["sessionId"]) if run.session else None


def alert(run: Run) -> str | None:
    run.read_queue()
    return f"{len(run.alerts)} received" if run.alerts else None


def notification(run: Run) -> str | None:
    run.read_queue()
    return f"{len(run.notifications)} received" if run.notifications else None


def notified_analysis(run: Run) -> str | None:
    """Whether an execution that the user did not start analyzes the stream."""
    client, own = run.client("stepfunctions"), run.execution
    found = client.list_executions(stateMachineArn=run.deployment.id_of("AnalyzeRange"), maxResults=20)["executions"]
    for one in found:
        if one["startDate"] < run.began or (own is not None and one["executionArn"] == own.arn):
            continue
        if f":stream/{run.stream}/" in client.describe_execution(executionArn=one["executionArn"])["input"]:
            return str(one["name"])
    return None


def on_demand(run: Run) -> str | None:
    """Raises StepFailedError if the execution has failed or found no image."""
    if run.execution is None:
        return None
    found = run.client("stepfunctions").describe_execution(executionArn=run.execution.arn)
    if found["status"] == "RUNNING":
        return None
    if found["status"] != "SUCCEEDED":
        raise StepFailedError(f"{found.get('error', found['status'])}: {found.get('cause', '')}"[:500])
    summary = json.loads(found["output"])
    if not summary["extracted"]:
        raise StepFailedError(f"no image of the range: {json.dumps(summary['missing'])}")
    return f"{summary['extracted']} images, {summary['published']} results"


def live(run: Run) -> str | None:
    run.read_results()
    found = sum(one.frame.source is FrameSource.LIVE for one in run.records)
    return f"{found} results so far" if found else None


def session_end(run: Run) -> str | None:
    """Invokes track_sessions like its schedule, each time."""
    run.invoke("TrackSessionsFunction", SCHEDULED)
    run.read_session()
    return f"after {run.session['images']} images" if run.session.get("closed") else None


def clip(run: Run) -> str | None:
    run.read_session()
    if run.clip is None or not run.clip.complete:
        return None
    gaps = f", {len(run.clip.missing)} gaps" if run.clip.missing else ""
    return f"{len(run.clip.fragments)} fragments{gaps}"


def viewer(run: Run) -> str | None:
    """Raises StepFailedError if the viewer's API responds with an error."""
    response = actions.viewer_response(run)
    if response.get("statusCode") != 200:
        raise StepFailedError(
            f"the viewer's API responds {response.get('statusCode')}: {str(response.get('body'))[:300]}"
        )
    return "listed" if run.session["sessionId"] in response["body"] else None


@dataclass(frozen=True, slots=True)
class InFlight:
    """How much there is of each kind. `missing`: records of matched frames that are not kept yet; `untracked`: those
    that track_sessions has not read yet."""

    images: int
    results: int
    missing: int
    untracked: int
    is_running: bool

    @property
    def is_processed(self) -> bool:
        return self.results >= self.images and not (self.missing or self.untracked or self.is_running)


def in_flight(run: Run) -> InFlight:
    """Counts images and what was made of them. Gated frames have no results."""
    run.read_results()
    is_gated = run.deployment.camera.gate.mode != "OFF"
    generated = sum(one.frame.source is FrameSource.IMAGE_GENERATION for one in run.records)
    bucket = run.deployment.id_of("EvidenceBucket")
    kept = set(run.keys(bucket, f"results/stream={run.stream}/"))
    running = False
    if run.execution is not None:
        found = run.client("stepfunctions").describe_execution(executionArn=run.execution.arn)
        running = found["status"] == "RUNNING"
    return InFlight(
        0 if is_gated else len(run.image_keys()),
        generated,
        len({evidence_keys(one).result for one in run.matched()} - kept),
        len(_untracked(run)),
        running,
    )


def _untracked(run: Run) -> set[str]:
    """Returns the ids of matched results that are not in the state of sessions, which has no others."""
    table = run.deployment.id_of("CoordinationTable")
    states = DynamoDbDocuments(run.client("dynamodb"), table, kind="activity")
    by_key: dict[str, set[str]] = {}
    for record in run.matched():
        by_key.setdefault(state_key(record), set()).add(record.result_id)
    untracked: set[str] = set()
    for key, ids in by_key.items():
        body = states.load(key).body
        for timeline in TRACKER_STATE.validate_json(body).timelines if body else ():
            ids = timeline.processed.unknown(ids) - {one.result_id for one in timeline.pending}
        untracked |= ids
    return untracked
