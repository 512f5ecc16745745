"""A verification: makes what it needs, runs the steps, and removes what it made, whatever happens."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.errors import KinesightError

from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.sample_video import HALF_A_MINUTE, make_sample_video
from kinesight_cli.shared.video_file import SourceVideo, read_video
from kinesight_cli.verify import probes
from kinesight_cli.verify.deployment import Deployment
from kinesight_cli.verify.diagnosis import diagnose
from kinesight_cli.verify.interrupts import interruptible, uninterrupted
from kinesight_cli.verify.outcome import Outcome, Report
from kinesight_cli.verify.run import Run
from kinesight_cli.verify.runner import ON_AWS, ON_EMULATORS, Clock, Pacing, SystemClock, run_steps
from kinesight_cli.verify.steps import STEPS
from kinesight_cli.verify.temporary import Removal, TemporaryQueue, make_queue

DRAINED_S = 60.0
_STALLED_POLLS = 15

Finished = Callable[[Run, Sequence[Outcome]], None]


def load_video(file: Path | None) -> SourceVideo:
    """Reads a video; without a file, generates one of half a minute. Raises CommandError."""
    if file is not None:
        return read_video(file)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.mp4"
        make_sample_video(path, HALF_A_MINUTE)
        return read_video(path)


def verify(
    deployment: Deployment,
    video: SourceVideo,
    on_outcome: Callable[[Outcome], None],
    finished: Finished | None = None,
    pacing: Pacing | None = None,
) -> Report:
    """Returns the report. Calls `on_outcome` after each step, and `finished` after all of them, before the removal.

    Raises botocore's errors if the temporary queue cannot be made.
    """
    outcomes: list[Outcome] = []
    interrupted = False
    run = Run(deployment, video, realtime=deployment.is_on_aws or deployment.is_read_live)
    chosen = pacing or (ON_AWS if deployment.is_on_aws else ON_EMULATORS)
    with interruptible():
        queue = make_queue(deployment)
        try:
            run.queue_url, run.queue_arn = queue.url, queue.arn
            for outcome in run_steps(STEPS, run, lambda step: diagnose(run, step), chosen):
                outcomes.append(outcome)
                on_outcome(outcome)
            if finished is not None:
                finished(run, outcomes)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            with uninterrupted():
                drain(run, DRAINED_S * chosen.limits)
                left = remove(deployment, queue)
    return Report(deployment.stack, deployment.stream.name, tuple(outcomes), tuple(left), interrupted)


def drain(run: Run, limit_s: float, clock: Clock | None = None) -> None:
    """Waits until what has been generated is processed or nothing progresses, so that nothing arrives after the
    removal."""
    chosen = clock or SystemClock()
    before: object = None
    unchanged = 0
    until_s = chosen.now_s() + limit_s
    while chosen.now_s() < until_s:
        try:
            now = probes.in_flight(run)
        except (BotoCoreError, ClientError, CommandError, KinesightError):
            return  # what is broken does not progress
        unchanged = unchanged + 1 if now == before else 0
        if unchanged >= (1 if now.is_processed else _STALLED_POLLS):
            return
        before = now
        chosen.sleep(1.0)


def remove(deployment: Deployment, queue: TemporaryQueue) -> list[str]:
    """Removes what the run of this queue made. Returns what could not be removed, each with the reason."""
    settle_s = 10.0 if deployment.is_on_aws else 1.0
    return Removal(deployment, queue, settle=lambda: time.sleep(settle_s)).run()
