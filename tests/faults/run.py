"""The stack under faults: every dependency throttled, failing, slow and cut, one at a time and together, while
processes die, deliveries come twice and late, and poison comes.

`python -m tests.faults.run` takes about ten minutes and exits with 1 if anything was lost, had an effect twice, or is
not where it belongs. The schedule is drawn from `--seed`; which call a fault meets is up to the threads.
"""

import argparse
import itertools
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kinesight_local.fault_injection.proxy import FaultRule
from kinesight_local.kvs.faults import Fault, Faults, Unreadable

from tests.faults.accounting import AccountingResult, Come, Given, Image, Phase, account, table
from tests.faults.cameras import FRAGMENT_MS, Camera, LoopedVideo, a_looped_video, now_and_then
from tests.faults.mischief import GARBLED, UNREADABLE, Mischief
from tests.faults.plan import DEPENDENCIES, EVERYTHING, KINDS, Dependency, Plan, fault_rules
from tests.faults.progress import hide_intended_errors, say
from tests.faults.stack import RECORDED, FaultyStack, faulty_stack
from tests.media import IMAGE, event_tags

_RANGE_MS = 6000
_RANGE_STEP_MS = 1000
_DRAIN_S = 300


@dataclass(slots=True)
class Outcome:
    """What a run did, and its result."""

    phases: list[Phase]
    given: Given
    result: AccountingResult
    mischief: Mischief
    took_s: float = 0.0
    drained_s: float = 0.0


@dataclass(slots=True)
class _Run:
    stack: FaultyStack
    plan: Plan
    video: LoopedVideo
    cameras: dict[str, Camera]
    recorded: Camera
    mischief: Mischief
    phases: list[Phase] = field(default_factory=list)
    requested: dict[Image, int] = field(default_factory=dict)

    def begin(self) -> None:
        self._inside_kvs([])

    def trouble(self) -> None:
        for dependency in self.plan.dependencies:
            self._analyze_a_range()
            self._phase(dependency, [fault_rules(dependency, kind) for kind in KINDS])
            _sleep(self.plan.peace_s)
        self.mischief.spare_workflows()
        self._analyze_a_range()
        mixed = [rule for kind in KINDS for rule in fault_rules(EVERYTHING, kind)]
        self._phase(EVERYTHING, [mixed] * len(KINDS))

    def _phase(self, dependency: Dependency, steps: Sequence[Sequence[FaultRule | Fault]]) -> None:
        say(f"{dependency.name}")
        before, start_ms = Counter(self.stack.fault_rules.used), _now_ms()
        struck = Counter[str]()
        for step in steps:
            self.stack.fault_rules.replace([rule for rule in step if isinstance(rule, FaultRule)])
            self._inside_kvs(rule for rule in step if not isinstance(rule, FaultRule))
            _sleep(self.plan.trouble_s)
            struck.update(_struck_inside_kvs(self.stack))
        self.stack.fault_rules.replace([])
        self._inside_kvs([])
        for (_, kind), count in (Counter(self.stack.fault_rules.used) - before).items():
            struck[kind] += count
        self.phases.append(Phase(dependency.name, start_ms, _now_ms(), struck))
        seen = self.stack.read()
        kills = sum(self.mischief.kills.values())
        say(f"  {sum(struck.values())} faults, {len(seen.arrivals)} results so far, {kills} processes killed")

    def _inside_kvs(self, rules: Iterable[Fault]) -> None:
        """What one camera sends is never readable."""
        self.stack.cloud.kvs.service.faults.set(Faults(faults=(Unreadable(stream=UNREADABLE), *rules)))

    def _analyze_a_range(self) -> None:
        """Of the recorded stream, another one each time; the first one is the longest ago."""
        start_ms = self.recorded.starts_ms[0] + len(self.requested) // (_RANGE_MS // _RANGE_STEP_MS) * _RANGE_MS
        self.stack.analyze(start_ms, start_ms + _RANGE_MS - _RANGE_STEP_MS // 2)
        self.requested |= {(RECORDED, at): _now_ms() for at in range(start_ms, start_ms + _RANGE_MS, _RANGE_STEP_MS)}

    def given(self) -> Given:
        images = dict(self.requested)
        for name, camera in self.cameras.items():
            moments = camera.keyframes_ms() | (camera.generated_ms() if name.startswith("cam-tagged") else set())
            images |= {(name, at): camera.ready_ms(at) for at in moments}
        notified = {
            (name, start_ms)
            for name, camera in self.cameras.items()
            for index, start_ms in enumerate(camera.starts_ms)
            if name.startswith("cam-notifying") and now_and_then(index)
        }
        lost = self.stack.fault_rules.lost["sns", "Publish"] + sum(self.mischief.kills.values())
        return Given(images, frozenset(notified), tuple(self.mischief.poison), lost)

    def come(self) -> Come:
        stack = self.stack
        sessions, filmed = stack.sessions()
        return Come(stack.read(), Counter(stack.objects()), sessions, filmed, stack.executions(), stack.waiting())


def run(plan: Plan, folder: Path) -> Outcome:
    """The whole run; progress goes to standard error."""
    began_s = time.monotonic()
    random.seed(plan.seed)  # the KVS emulator's book draws from it
    cameras = {name: Camera(name, tags_of) for name, tags_of in _CAMERAS.items()}
    say("deploying")
    with faulty_stack([*cameras, GARBLED, UNREADABLE, RECORDED], plan.seed, folder) as stack:
        video, recorded = a_looped_video(), Camera(RECORDED)
        ranges = len(plan.dependencies) + 1
        fragments = ranges * _RANGE_MS // FRAGMENT_MS
        recorded.record(stack.cloud.kvs, video, fragments, round(time.time() - 600) * 1000)
        mischief = Mischief(stack, video, random.Random(plan.seed))
        this = _Run(stack, plan, video, cameras, recorded, mischief)
        this.begin()
        filming, mischievous = threading.Event(), threading.Event()
        players = [(one.name, partial(one.play, stack.cloud.kvs, video, filming)) for one in cameras.values()]
        work = [_Worker(name, play) for name, play in players]
        work.append(_Worker("mischief", lambda: mischief.run(mischievous)))
        try:
            this.trouble()
        finally:
            mischievous.set()
            filming.set()
        for worker in work:
            worker.end()
        outcome = _drained(this)
    outcome.took_s = time.monotonic() - began_s
    return outcome


_CAMERAS = {
    "cam-tagged-1": lambda _: event_tags(IMAGE),
    "cam-tagged-2": lambda _: event_tags(IMAGE),
    "cam-plain-1": lambda _: b"",
    "cam-plain-2": lambda _: b"",
    "cam-notifying": now_and_then,
}


class _Worker:
    """A thread whose failure is not overlooked."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._work = work
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._failure = error

    def end(self) -> None:
        self._thread.join(timeout=180)
        if self._failure is not None:
            raise self._failure


def _drained(this: _Run) -> Outcome:
    """Waits until nothing is missing, or until the time limit."""
    began_s, given = time.monotonic(), this.given()
    say(f"no more faults: {len(given.images)} images, {len(given.poison)} poison messages")
    for attempt in itertools.count():
        result = account(given, this.come())
        passed_s = time.monotonic() - began_s
        if not result.problems or passed_s > _DRAIN_S:
            break
        if attempt % 5 == 0:
            this.stack.tick("ConductLiveFunction", "TrackSessionsFunction")
            say(f"  {len(result.problems)} items are still missing, such as {result.problems[0]}")
        _sleep(2)
    return Outcome(this.phases, given, result, this.mischief, drained_s=passed_s)


def _struck_inside_kvs(stack: FaultyStack) -> Counter[str]:
    report = stack.cloud.kvs.service.faults.report()
    names = {"throttle": "throttled", "fail": "failing", "slow": "slow", "cut": "cut", "error-inside": "failing"}
    struck = Counter[str]()
    for rule, count in zip(report["faults"], report["used"], strict=True):  # type: ignore[call-overload]  # a JSON document
        if rule["action"] in names:
            struck[names[rule["action"]]] += count
    return struck


def summary(outcome: Outcome) -> Mapping[str, object]:
    """Totals that the table does not contain."""
    mischief = outcome.mischief
    return {
        "processes killed": dict(mischief.kills),
        "delivered again": dict(mischief.again),
        "poison": len(mischief.poison),
        "copies under one id": dict(outcome.result.copies),
        "everything there after": f"{outcome.drained_s:.0f} s",
        "took": f"{outcome.took_s:.0f} s",
    }


def _sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


def _now_ms() -> int:
    return round(time.time() * 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", action="append", default=[], choices=[one.name for one in DEPENDENCIES])
    parser.add_argument("--folder", type=Path, help="keep the functions' logs here")
    chosen = parser.parse_args()
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    hide_intended_errors()
    with tempfile.TemporaryDirectory() as temporary:
        outcome = run(Plan.of(chosen.seed, chosen.minutes, chosen.only), chosen.folder or Path(temporary))
    print_outcome(outcome)
    sys.exit(1 if outcome.result.problems else 0)


def print_outcome(outcome: Outcome) -> None:
    """Prints the table, the totals and the problems."""
    lines = [table(outcome.phases, outcome.given, outcome.result), ""]
    lines += [f"{what}: {value}" for what, value in summary(outcome).items()]
    lines += ["", *(outcome.result.problems or ["nothing lost, nothing duplicated, all poison dead-lettered"])]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
