"""An exception that no code expects, in each call of each port of each function: its item alone is dead-lettered."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from kinesight import domain
from kinesight.domain.batches import MOST_ATTEMPTS
from kinesight.domain.errors import UnexpectedError
from kinesight.domain.live import consume_live, fragment_analyzer, stream_reader
from kinesight.domain.live.leased_streams import LeasePorts

from tests.broken_ports import Break, broken, calls
from tests.unit.unexpected_errors.executions import (
    DetectObjects,
    ExtractImages,
    PlanWindows,
    RenderTimelapse,
    SummarizeRange,
)
from tests.unit.unexpected_errors.live import ConsumeLive
from tests.unit.unexpected_errors.queues import AnalyzeImages, ArchiveSession, StartAnalysis
from tests.unit.unexpected_errors.results_stream import KeepEvidence, TrackSessions
from tests.unit.unexpected_errors.scenario import BAD, GOOD, Scenario
from tests.unit.unexpected_errors.scheduled import ConductLive, ConfigureStreams, MissingImages, SweepStreams

ROOT = Path(__file__).parents[3]
WITH_DEAD_LETTERS: tuple[type[Scenario], ...] = (
    AnalyzeImages,
    StartAnalysis,
    ArchiveSession,
    KeepEvidence,
    TrackSessions,
    ConsumeLive,
    PlanWindows,
    ExtractImages,
    DetectObjects,
    SummarizeRange,
    RenderTimelapse,
)
SCHEDULED: tuple[type[Scenario], ...] = (ConductLive, SweepStreams, ConfigureStreams, MissingImages)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The waits of a consumer are a second or longer."""
    monkeypatch.setattr(consume_live, "_TICK_S", 0.02)
    for module in (fragment_analyzer, stream_reader):
        monkeypatch.setattr(module, "backoff_s", lambda _: 0.01)
    monkeypatch.setattr(stream_reader, "_REOPEN_S", 0.02)
    monkeypatch.setattr(RenderTimelapse, "folder", tmp_path, raising=False)


def every_call(*scenarios: type[Scenario]) -> list[Any]:
    return [
        pytest.param(scenario, root, path, id=f"{scenario.__name__}-{'.'.join((root, *path))}")
        for scenario in scenarios
        for root, kind in scenario.roots.items()
        for path in calls(kind)
    ]


def struck(scenario: type[Scenario], root: str, path: tuple[str, ...]) -> tuple[Scenario, dict[str, Any], Break]:
    """Runs a scenario in which this call is broken; primed if it is made only after another failure."""
    for primed in (False, True):
        run = scenario(primed=primed)
        roots = run.build()
        defect = Break(run.bad, run.good)
        roots[root] = broken(roots[root], path, defect)
        run.run(roots)
        if defect.raised:
            break
    return run, roots, defect


def missing_results(run: Scenario, call: str, defect: Break) -> set[str]:
    """Returns the items without results: the good one has all unless the broken call names no item. A call that was
    not made is one that the function never makes."""
    assert bool(defect.raised) is not (call in run.unused)
    missing = {BAD, GOOD} - run.results()
    assert missing <= ({BAD, GOOD} if defect.hits_all else {BAD})
    return missing


@pytest.mark.parametrize(("scenario", "root", "path"), every_call(*WITH_DEAD_LETTERS))
def test_an_item_that_fails_unexpectedly_is_dead_lettered_alone_and_can_be_redriven(
    scenario: type[Scenario], root: str, path: tuple[str, ...]
) -> None:
    run, roots, defect = struck(scenario, root, path)
    missing = missing_results(run, ".".join((root, *path)), defect)
    assert run.attempts <= MOST_ATTEMPTS or not missing
    for name in () if run.failures or ".".join((root, *path)) in run.repeated else missing:
        reasons = [error for body, error in run.dead.sent if name in body]
        assert reasons, f"{name} has neither results nor a dead letter"
        assert all(isinstance(one, UnexpectedError) and str(one) == "DefectError: out of order" for one in reasons)

    defect.fixed = True
    run.redrive(roots)

    assert run.results() == {BAD, GOOD}
    assert run.dead.sent == []


@pytest.mark.parametrize(("scenario", "root", "path"), every_call(*SCHEDULED))
def test_an_item_of_a_scheduled_run_fails_alone_and_is_done_by_a_later_run(
    scenario: type[Scenario], root: str, path: tuple[str, ...]
) -> None:
    run, roots, defect = struck(scenario, root, path)
    missing = missing_results(run, ".".join((root, *path)), defect)
    assert run.failures or not missing, "a failure that is reported nowhere"

    defect.fixed = True
    run.redrive(roots)

    assert run.results() == {BAD, GOOD}


@pytest.mark.parametrize("scenario", [AnalyzeImages, StartAnalysis, ArchiveSession, KeepEvidence, TrackSessions])
def test_an_item_stays_where_it_is_while_its_dead_letter_queue_is_broken(scenario: type[Any]) -> None:
    run = scenario()
    roots = run.build()
    whole, path = dict(roots), ("dead_letters", "send_to_dead_letters")
    roots["ports"] = broken(roots["ports"], path, Break(("malformed",), ()))

    run.send_malformed(roots)
    assert (run.dead.sent, run.attempts_of_malformed > MOST_ATTEMPTS) == ([], True)

    run.send_malformed(whole)
    assert [type(error).__name__ for _, error in run.dead.sent] == ["InvalidEventError"]


def test_every_function_and_every_port_has_a_scenario() -> None:
    """Without the functions that respond to a caller, who gets the error and repeats the request."""
    callers = {"serve_viewer", "publish_viewer"}
    covered = {_snake(one.__name__) for one in (*WITH_DEAD_LETTERS, *SCHEDULED)} - {"missing_images"}
    assert covered == {one.name for one in Path(ROOT, "functions").iterdir() if (one / "app.py").exists()} - callers

    kinds = [kind for scenario in (*WITH_DEAD_LETTERS, *SCHEDULED) for kind in scenario.roots.values()]
    within = set().union(*map(parts, kinds))
    made_of_others = {LeasePorts}
    assert {one for one in every_class("Ports") if ".viewer." not in one.__module__} - made_of_others <= within


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def every_class(ending: str) -> set[type]:
    """Returns the classes of the domain whose names end so."""
    modules = [importlib.import_module(one.name) for one in pkgutil.walk_packages(domain.__path__, "kinesight.domain.")]
    classes = {one for module in modules for _, one in inspect.getmembers(module, inspect.isclass)}
    return {one for one in classes if one.__name__.endswith(ending) and one.__module__.startswith("kinesight.domain")}


def parts(whole: type) -> set[type]:
    """Returns a class of ports and those that it consists of."""
    hints = get_type_hints(whole).values() if dataclasses.is_dataclass(whole) else ()
    return {whole}.union(*(parts(one) for one in hints if dataclasses.is_dataclass(one) and inspect.isclass(one)))
