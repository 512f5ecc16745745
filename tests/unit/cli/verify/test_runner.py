"""Steps run in order, each until its limit; those that need a failed one are skipped."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError
from kinesight_cli.doctor.checks import CHECKS
from kinesight_cli.main import app
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.paths import TEMPLATE
from kinesight_cli.verify.outcome import Outcome, Report, Status
from kinesight_cli.verify.run import NotTestedError, Run, StepFailedError
from kinesight_cli.verify.runner import Finding, Pacing, run_steps
from kinesight_cli.verify.steps import STEPS, Step, WaitsFor
from kinesight_local.template import expand
from typer.testing import CliRunner

from tests.unit.cli.verify.runs import FakeClock, a_deployment, a_run


def step(name: str, probe: Callable[[Run], str | None], **more: Any) -> Step:
    return Step(name, probe, limit_s=10, next_step=f"fix {name}", **more)


def found(_: Run) -> str:
    return "found"


def nothing(_: Run) -> None:
    return None


def outcomes(*steps: Step, finding: Finding | None = None, clock: FakeClock | None = None) -> dict[str, Outcome]:
    pacing = Pacing(poll_s=1)
    return {one.step: one for one in run_steps(steps, a_run(), lambda _: finding, pacing, clock or FakeClock())}


def test_a_step_is_ok_once_its_probe_returns_a_fact() -> None:
    facts = iter([None, None, "there"])

    (outcome,) = outcomes(step("a", lambda _: next(facts))).values()

    assert (outcome.status, outcome.fact, outcome.seconds) == (Status.OK, "there", 2)


def test_a_step_fails_at_its_limit_with_the_cause_that_is_found() -> None:
    finding = Finding("the mapping is disabled", "enable it", "mapping-disabled")

    (outcome,) = outcomes(step("a", nothing), finding=finding).values()

    assert (outcome.status, outcome.seconds) == (Status.FAILED, 10)
    assert outcome.fact == "nothing after 10 s: the mapping is disabled"
    assert (outcome.cause, outcome.next_step) == ("mapping-disabled", "enable it")


def test_time_that_the_configuration_sets_is_added_to_the_limit() -> None:
    clock = FakeClock()

    outcomes(step("a", nothing, configured_s=lambda _: 30.0), clock=clock)

    assert clock.now == 40


def test_without_a_cause_the_step_names_the_next_step() -> None:
    assert outcomes(step("a", nothing))["a"].next_step == "fix a"


def test_an_action_that_cannot_succeed_ends_its_step_at_once() -> None:
    def act(_: Run) -> None:
        raise StepFailedError("no permission", "grant it")

    (outcome,) = outcomes(step("a", found, act=act)).values()

    assert (outcome.status, outcome.seconds, outcome.next_step) == (Status.FAILED, 0, "grant it")


def test_errors_of_commands_fail_a_step() -> None:
    def act(_: Run) -> None:
        raise CommandError("no such output")

    assert outcomes(step("a", found, act=act))["a"].fact == "no such output"


def test_the_last_error_of_a_call_is_the_fact_of_a_failure() -> None:
    def probe(_: Run) -> None:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no table"}}, "Query")

    (outcome,) = outcomes(step("a", probe)).values()

    assert "no table" in outcome.fact
    assert outcome.seconds == 10


def test_an_error_of_a_call_that_passes_is_no_failure() -> None:
    def probe(run: Run) -> str | None:
        run.alerts.append({})
        if len(run.alerts) < 3:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Query")
        return "there"

    assert outcomes(step("a", probe))["a"].status is Status.OK


def test_steps_that_need_a_failed_one_are_skipped_and_others_run() -> None:
    seen = outcomes(
        step("a", nothing), step("b", found, needs=("a",)), step("c", found), step("d", found, needs=("b",))
    )

    assert [one.status.value for one in seen.values()] == ["failed", "skipped", "ok", "skipped"]
    assert seen["d"].fact == "needs b"


def test_one_of_several_needed_steps_is_enough() -> None:
    failing, working = step("a", nothing), step("b", found)
    last = step("c", found, needs_one_of=("a", "b", "none that applies"))

    assert outcomes(failing, working, last)["c"].status is Status.OK
    assert outcomes(failing, last)["c"].status is Status.SKIPPED
    assert outcomes(last)["c"].status is Status.OK


def test_what_the_video_cannot_show_is_not_tested() -> None:
    def probe(_: Run) -> None:
        raise NotTestedError("no rule matches", "pass --video")

    seen = outcomes(step("a", probe), step("b", found, needs=("a",)))

    assert [one.status.value for one in seen.values()] == ["not-tested", "skipped"]
    assert seen["a"].next_step == "pass --video"


def test_the_report_names_the_first_failed_step_and_where_the_time_went() -> None:
    outcome = Outcome("image", Status.OK, 60.0, WaitsFor.AWS, "3 so far")
    failed = replace(outcome, step="result", status=Status.FAILED, seconds=20.0, waits_for=WaitsFor.STACK)
    report = Report("kinesight", "camera", (outcome, failed, replace(failed, step="session")))

    document = report.document()

    assert (document["ok"], document["failedStep"]) == (False, "result")
    assert document["seconds"] == {"stack": 40.0, "aws": 60.0, "settings": 0.0}


def test_what_is_left_is_not_ok() -> None:
    assert Report("kinesight", "camera", (), left=("queue",)).document()["ok"] is False


# -- the table -----------------------------------------------------------------------------------------------------


def test_steps_need_earlier_steps_and_name_existing_checks_and_logs() -> None:
    resources = expand(TEMPLATE, {"StreamNames": "*", "LiveStatus": "ENABLED"}).resources
    checks = {one.name for one in CHECKS}
    earlier: set[str] = set()
    for one in STEPS:
        assert {*one.needs, *one.needs_one_of} <= earlier
        assert set(one.checks) <= checks
        if one.function and one.function != "ServeViewer":
            assert {f"{one.function}Function", f"{one.function}Logs"} <= resources.keys()
        earlier.add(one.name)
    assert len(earlier) == len(STEPS)


def applying(**settings: Any) -> set[str]:
    found = a_deployment(**settings)
    return {one.name for one in STEPS if one.applies(found)}


def test_features_that_are_off_have_no_steps() -> None:
    nothing_else = applying(camera={"imageGeneration": {"status": "DISABLED"}})

    assert not {"image", "result", "match", "session", "alert", "live", "notification"} & nothing_else
    assert {"stream", "settings", "video", "on-demand"} <= nothing_else
    assert {"lease", "live", "match"} <= applying(
        camera={"imageGeneration": {"status": "DISABLED"}}, parameters={"LiveStatus": "ENABLED"}
    )
    assert "notification" in applying(camera={"notifications": {"status": "ENABLED"}})
    assert "alert" not in applying(camera={"alertChannels": ["webhook"]})
    assert "clip" not in applying(camera={"sessions": {"clip": False}})


def test_the_help_names_exit_codes_and_options() -> None:
    result = CliRunner().invoke(app, ["verify", "--help"])

    assert result.exit_code == 0
    for option in ("--stream", "--video", "--remove", "--yes", "--json"):
        assert option in result.stdout
