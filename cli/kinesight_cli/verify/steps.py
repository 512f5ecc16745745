"""The steps, in the order in which they run."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from kinesight_cli.verify import actions, probes
from kinesight_cli.verify.deployment import Deployment
from kinesight_cli.verify.run import Run


class WaitsFor(StrEnum):
    """What a step's time is spent on: the stack's own work, AWS, or times that the configuration sets."""

    STACK = "stack"
    AWS = "aws"
    SETTINGS = "settings"


def _always(_: Deployment) -> bool:
    return True


def _nothing(_: Run) -> None:
    """Is the action of steps that only wait."""


def _no_wait(_: Deployment) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """`act` runs once, then `probe` until it returns a fact.

    `limit_s` is the longest time on an account, in addition to `configured_s`, which the configuration sets. `needs`:
    steps without which this one is skipped; `needs_one_of`: if none of them is ok. `checks`: checks of doctor that name
    the cause, the first that failed. `function`: the function whose log has the cause, without the suffix of its
    logical id. `next_step`: if neither names one.
    """

    name: str
    probe: Callable[[Run], str | None]
    limit_s: float
    next_step: str
    act: Callable[[Run], None] = _nothing
    waits_for: WaitsFor = WaitsFor.STACK
    needs: tuple[str, ...] = ()
    needs_one_of: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    function: str = ""
    applies: Callable[[Deployment], bool] = _always
    configured_s: Callable[[Deployment], float] = _no_wait


def _has_images(of: Deployment) -> bool:
    return of.has_images


def _is_on_aws(of: Deployment) -> bool:
    return of.is_on_aws


def _has_results(of: Deployment) -> bool:
    return of.has_images or of.is_read_live


def _has_notifications(of: Deployment) -> bool:
    return of.has_notifications


def _is_read_live(of: Deployment) -> bool:
    return of.is_read_live


def _has_alerts(of: Deployment) -> bool:
    return of.has_alerts


def _has_clips(of: Deployment) -> bool:
    return of.camera.sessions.clip


def _has_viewer(of: Deployment) -> bool:
    return of.has_viewer


def _burst_s(of: Deployment) -> float:
    return of.camera.analysis.quiet_seconds + of.camera.analysis.post_roll_seconds


def _session_s(of: Deployment) -> float:
    return of.camera.sessions.quiet_seconds + of.camera.sessions.ordering_seconds


def _clip_s(of: Deployment) -> float:
    return of.camera.sessions.post_roll_seconds + of.camera.sessions.clip_settle_seconds


STEPS: tuple[Step, ...] = (
    Step(
        "subscription",
        probes.subscription,
        limit_s=10,
        next_step="grant sns:Subscribe to the caller, and check that the alert topic exists",
        checks=("alerts", "notification topic"),
    ),
    Step(
        "stream",
        probes.stream,
        limit_s=60,
        next_step="grant kinesisvideo:CreateStream and kinesisvideo:TagStream to the caller",
        act=actions.create,
        waits_for=WaitsFor.AWS,
    ),
    Step(
        "settings",
        probes.settings,
        limit_s=90,
        next_step="read the log of ConfigureStreamsFunction",
        act=actions.configure,
        needs=("stream",),
        checks=("retention", "selection", "image generation", "notifications"),
        function="ConfigureStreams",
    ),
    Step(
        "propagation",
        probes.propagation,
        limit_s=90,
        next_step="",
        waits_for=WaitsFor.AWS,
        needs=("settings",),
        applies=_is_on_aws,
    ),
    Step(
        "lease",
        probes.lease,
        limit_s=90,
        next_step="read the log of ConductLiveFunction",
        act=actions.conduct_live,
        needs=("stream",),
        checks=("live",),
        function="ConductLive",
        applies=_is_read_live,
    ),
    Step(
        "video",
        probes.video,
        limit_s=120,
        next_step="grant kinesisvideo:PutMedia to the caller",
        act=actions.play_video,
        needs=("stream",),
        checks=("fragments",),
    ),
    Step(
        "image",
        probes.image,
        limit_s=180,
        next_step="attach the stack's producer policy to the caller: KVS writes images with the rights of PutMedia",
        waits_for=WaitsFor.AWS,
        needs=("settings", "video"),
        checks=("image generation", "images bucket", "destination", "bucket policy", "key", "tags", "codec", "images"),
        applies=_has_images,
    ),
    Step(
        "result",
        probes.result,
        limit_s=120,
        next_step="read the log of AnalyzeImagesFunction",
        needs=("image",),
        checks=(
            "queue",
            "bucket notification",
            "queue policy",
            "analyze_images",
            "model",
            "second model",
            "results stream",
            "errors",
            "dead letters",
        ),
        function="AnalyzeImages",
        applies=_has_images,
    ),
    Step(
        "live",
        probes.live,
        limit_s=180,
        next_step="read the logs of ConductLiveFunction and ConsumeLiveFunction",
        needs=("lease", "video"),
        checks=("live", "model", "results stream"),
        function="ConsumeLive",
        applies=_is_read_live,
    ),
    Step(
        "match",
        probes.match,
        limit_s=60,
        next_step="pass a video that shows what your rules match as --video",
        needs_one_of=("result", "live"),
        function="AnalyzeImages",
        applies=_has_results,
    ),
    Step(
        "evidence",
        probes.evidence,
        limit_s=90,
        next_step="read the log of KeepEvidenceFunction",
        needs=("match",),
        checks=("keep_evidence", "evidence bucket"),
        function="KeepEvidence",
        applies=_has_results,
    ),
    Step(
        "session",
        probes.session,
        limit_s=90,
        next_step="read the log of TrackSessionsFunction",
        needs=("match",),
        checks=("track_sessions",),
        function="TrackSessions",
        applies=_has_results,
    ),
    Step(
        "alert",
        probes.alert,
        limit_s=90,
        next_step="read the log of TrackSessionsFunction, and the policy and key of the alert topic",
        needs=("subscription", "match", "session"),
        checks=("track_sessions", "alerts"),
        function="TrackSessions",
        applies=lambda of: _has_results(of) and _has_alerts(of),
    ),
    Step(
        "notification",
        probes.notification,
        limit_s=120,
        next_step="attach the stack's producer policy to the caller: KVS publishes with the rights of PutMedia",
        waits_for=WaitsFor.AWS,
        needs=("subscription", "settings", "video"),
        checks=("notifications",),
        applies=_has_notifications,
    ),
    Step(
        "on-demand",
        probes.on_demand,
        limit_s=180,
        next_step="open the execution of the state machine AnalyzeRange in the console of Step Functions",
        act=actions.start_analysis,
        needs=("video",),
        function="ExtractImages",
    ),
    Step(
        "notified analysis",
        probes.notified_analysis,
        limit_s=120,
        next_step="read the log of StartAnalysisFunction",
        waits_for=WaitsFor.SETTINGS,
        needs=("notification",),
        checks=("notification topic", "notifications queue policy", "start_analysis"),
        function="StartAnalysis",
        applies=_has_notifications,
        configured_s=_burst_s,
    ),
    Step(
        "session end",
        probes.session_end,
        limit_s=90,
        next_step="read the log of TrackSessionsFunction",
        waits_for=WaitsFor.SETTINGS,
        needs=("session",),
        checks=("track_sessions",),
        function="TrackSessions",
        applies=_has_results,
        configured_s=_session_s,
    ),
    Step(
        "clip",
        probes.clip,
        limit_s=120,
        next_step="read the log of ArchiveSessionFunction",
        waits_for=WaitsFor.SETTINGS,
        needs=("session end",),
        function="ArchiveSession",
        applies=lambda of: _has_results(of) and _has_clips(of),
        configured_s=_clip_s,
    ),
    Step(
        "viewer",
        probes.viewer,
        limit_s=60,
        next_step="read the log of ServeViewerFunction",
        needs=("session",),
        function="ServeViewer",
        applies=lambda of: _has_results(of) and _has_viewer(of),
    ),
)
