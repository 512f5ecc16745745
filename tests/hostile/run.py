"""The stack with hostile data: clocks that jump, media that no decoder takes, models that lie, forged messages, and
documents that are deep, huge or of another version. First the healthy cameras alone, then beside the hostile ones.

`python -m tests.hostile.run` takes about six minutes, and under four with `--calm-loops 1 --loops 2`, the least. It
exits with 1 if a walk has no alert or several, or if a healthy camera's alerts change. What is drawn at random comes
from `--seed`.
"""

import argparse
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.faults.cameras import FRAGMENT_MS, LoopedVideo, a_looped_video
from tests.faults.progress import hide_intended_errors, say
from tests.faults.stack import FaultyStack, faulty_stack
from tests.hostile.accounting import Row, SentAlert, Walk, account, problems, table
from tests.hostile.cameras import (
    HOUR_MS,
    Clock,
    HostileCamera,
    back_and_forth,
    corrected,
    odd_media,
    one_of_a_distant_year,
    right,
)
from tests.hostile.messages import HostileMessages
from tests.hostile.model import WALK, HostileModel

_LOOP = 20
"""Fragments of the video."""
_FEWEST_LOOPS = 2
_FIRST = 2
_DRAIN_S = 120
HEALTHY = ("cam-healthy-1", "cam-healthy-2")
_MODEL = "cam-model"

_PARAMETERS = {
    "StreamNames": "cam-*",
    "Detector": "REKOGNITION_FACES",
    "Labels": "Face",
    "ImageGenerationStatus": "DISABLED",
    "NotificationStatus": "ENABLED",
    "LiveStatus": "ENABLED",
}
_SESSIONS = {"quietSeconds": 10, "preRollSeconds": 0, "postRollSeconds": 0, "clipSettleSeconds": 2}
_CONFIRMED = {"name": "walk", "minimumConfidence": 70, "confirmation": {"frames": 2, "of": 3}}


def _document() -> dict[str, Any]:
    common = {"sessions": _SESSIONS, "stationary": {"enabled": False}, "live": {"inferenceInterval": 1}}
    model = {"type": "HTTP", "modelMapping": "HUGGING_FACE", "httpTimeoutMilliseconds": 1000}
    return {
        "schemaVersion": 1,
        "detectors": {"hostile": model},
        "defaults": {"minimumConfidence": 70},
        "cameras": [
            {"streams": [_MODEL], "detector": "hostile", "rules": [_CONFIRMED | {"labels": ["Person"]}], **common},
            {"streams": ["*"], "rules": [_CONFIRMED | {"labels": ["Face"]}], **common},
        ],
    }


@dataclass(slots=True)
class _Run:
    stack: FaultyStack
    video: LoopedVideo
    messages: HostileMessages
    alerts: dict[str, SentAlert] = field(default_factory=dict)
    messages_read: int = 0

    def play(self, cameras: Sequence[HostileCamera], loops: int, meanwhile: Callable[[int], None]) -> list[Walk]:
        """Plays the video so often to all cameras. `meanwhile` is called every second, with its number."""
        until = threading.Event()
        kvs = self.stack.cloud.kvs
        threads = [
            threading.Thread(target=one.play, args=(kvs, self.video, _FIRST, until), name=one.name, daemon=True)
            for one in cameras
        ]
        for thread in threads:
            thread.start()
        began_s, ends_s = time.monotonic(), loops * _LOOP * FRAGMENT_MS / 1000
        for second in itertools.count():
            if time.monotonic() - began_s > ends_s:
                break
            meanwhile(second)
            if second % 60 == 30:
                self.stack.tick("TrackSessionsFunction")
            self.read_alerts()
            time.sleep(max(0.0, began_s + second + 1 - time.monotonic()))  # the video plays in real time
        until.set()
        for thread in threads:
            thread.join(timeout=120)
        return [walk for one in cameras for walk in _walks(one)]

    def drain(self, walks: Sequence[Walk]) -> list[Row]:
        """Waits until no alert is missing and no session can follow, or until the time limit."""
        deadline_s, least_s = time.monotonic() + _DRAIN_S, time.monotonic() + 15
        while True:
            rows = account(walks, self.alerts.values())
            is_complete = not any(one.missed for one in rows) and time.monotonic() > least_s
            if is_complete or time.monotonic() > deadline_s:
                return rows
            self.stack.tick("TrackSessionsFunction", "ConductLiveFunction")
            time.sleep(5)  # for what the functions do then
            self.read_alerts()

    def read_alerts(self) -> None:
        """Alerts since the last call; each message counts once however often SNS delivers it."""
        messages = self.stack.read().alert_messages
        new, self.messages_read = messages[self.messages_read :], len(messages)
        for one in new:
            body = json.loads(one["Message"])
            best = body["best"]
            self.alerts[one["MessageId"]] = SentAlert(
                body["streamName"], _ms(best["imageTimestamp"]), _ms(one["Timestamp"])
            )


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _walks(camera: HostileCamera) -> list[Walk]:
    """Those of which all fragments were sent."""
    times: dict[int, dict[int, int]] = {}
    for at_ms, index in camera.shown.items():
        if index % _LOOP in WALK:
            times.setdefault(index // _LOOP, {})[index] = at_ms
    return [
        Walk(camera.name, number, camera.ready_ms(number * _LOOP + WALK[1]), frozenset(of.values()))
        for number, of in sorted(times.items())
        if len(of) == len(WALK)
    ]


def _hostile_cameras(chance: random.Random, loops: int) -> list[HostileCamera]:
    """Each clock is set before the last walk, so that two loops are enough."""
    amid, late = _LOOP * ((loops - 1) // 2), _LOOP * (loops // 2)
    clocks: Mapping[str, Clock] = {
        "cam-corrected": corrected(12 * HOUR_MS, _LOOP + 3),
        "cam-set-amid-a-walk": corrected(HOUR_MS, amid + WALK[2]),
        "cam-behind": corrected(-chance.randrange(1, 20) * HOUR_MS, late + 1),
        "cam-distant-year": one_of_a_distant_year(chance.choice((3, 4))),
        "cam-distant-year-amid": one_of_a_distant_year(WALK[1]),
        "cam-jumping": back_and_forth(chance, _LOOP),
    }
    cameras = [HostileCamera(name, clock) for name, clock in clocks.items()]
    return [*cameras, HostileCamera("cam-media", right, odd_media(chance)), HostileCamera(_MODEL)]


def run(seed: int, folder: Path, calm_loops: int, loops: int) -> tuple[list[Row], list[Row], list[str]]:
    """Returns the rows of the healthy cameras alone, of all cameras together, and what is wrong."""
    chance, video, model = random.Random(seed), a_looped_video(), HostileModel()
    hostile = _hostile_cameras(chance, loops)
    names = [*HEALTHY, *(one.name for one in hostile)]
    with ExitStack() as stacks:
        address = stacks.enter_context(model.serving())
        parameters = _PARAMETERS | {"HttpModelUrl": address}
        say("deploying")
        stack = stacks.enter_context(faulty_stack(names, seed, folder, parameters, _document()))
        messages = HostileMessages(stack, chance)
        this = _Run(stack, video, messages)
        say("healthy cameras alone")
        calm = this.drain(this.play([HostileCamera(name) for name in HEALTHY], calm_loops, lambda _: None))
        say("hostile cameras beside them")
        this.alerts.clear()
        rows = this.drain(this.play([*(HostileCamera(name) for name in HEALTHY), *hostile], loops, messages.send))
        found = problems(calm, rows, HEALTHY) + messages.problems()
    say(f"{model.requests} requests to the model, {messages.sent.total()} hostile messages: {dict(messages.sent)}")
    return calm, rows, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--loops", type=int, default=4, help="how often hostile cameras play their 40 seconds; 2 at least"
    )
    parser.add_argument("--calm-loops", type=int, default=2, help="the same of the healthy ones alone, before")
    parser.add_argument("--folder", type=Path, help="keep the functions' logs here")
    chosen = parser.parse_args()
    if chosen.loops < _FEWEST_LOOPS or chosen.calm_loops < 1:
        parser.error(f"--loops must be at least {_FEWEST_LOOPS}, --calm-loops at least 1: clocks are set between walks")
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    hide_intended_errors()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        calm, rows, found = run(chosen.seed, folder, chosen.calm_loops, chosen.loops)
    lines = ["Alone:", "", table(calm), "", "Beside hostile ones:", "", table(rows), ""]
    lines += found or ["every walk alerted once, healthy cameras as before"]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
