"""Static rules for every state machine; sam and cfn-lint look no deeper than its file's name."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kinesight.domain import errors
from kinesight.domain.batches import MOST_ATTEMPTS
from kinesight_local.template import read_template

ROOT = Path(__file__).resolve().parents[2]
MACHINES = sorted(ROOT.glob("statemachines/*.asl.yaml"))
OURS = dict(inspect.getmembers(errors, inspect.isclass))
TRANSIENT_OF_AWS = re.compile(
    r"Lambda\.(ClientExecutionTimeoutException|ServiceException|AWSLambdaException|SdkClientException|"
    r"TooManyRequestsException|Unknown)|Runtime\.ExitError|Sandbox\.Timedout|"
    r"(Events|EventBridge)\.(InternalException|ThrottlingException)"
)

Graph = dict[str, Any]
State = tuple[str, dict[str, Any]]


def graphs(machine: Graph) -> Iterator[Graph]:
    """The machine and every processor inside it."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from graphs(state["ItemProcessor"])


def states() -> list[Any]:
    return [
        pytest.param(name, state, id=f"{path.name}:{name}")
        for path in MACHINES
        for graph in graphs(yaml.safe_load(path.read_text()))
        for name, state in graph["States"].items()
    ]


def successors(state: dict[str, Any]) -> set[str]:
    found = {state[key] for key in ("Next", "Default") if key in state}
    return found | {one["Next"] for key in ("Catch", "Choices") for one in state.get(key, [])}


@pytest.mark.parametrize(("name", "state"), states())
def test_every_state_says_what_it_is_for(name: str, state: dict[str, Any]) -> None:
    assert len(state["Comment"]) > 20


@pytest.mark.parametrize(("name", "state"), states())
def test_tasks_have_a_timeout_a_retry_and_a_catch_all(name: str, state: dict[str, Any]) -> None:
    if state["Type"] != "Task":
        return
    assert state["TimeoutSeconds"] <= 920
    assert state["Retry"]
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize(("name", "state"), states())
def test_only_what_passes_is_retried_with_jitter_and_a_limit(name: str, state: dict[str, Any]) -> None:
    for rule in state.get("Retry", []):
        assert rule["JitterStrategy"] == "FULL"
        assert rule["MaxAttempts"] <= 10
        assert rule["MaxDelaySeconds"]
        for error in rule["ErrorEquals"]:
            if "." not in error:
                assert issubclass(OURS[error], errors.TransientError | errors.UnexpectedError), error
            else:
                assert TRANSIENT_OF_AWS.fullmatch(error), error


def test_an_unexpected_error_has_as_many_attempts_as_everywhere() -> None:
    for path in MACHINES:
        for graph in graphs(yaml.safe_load(path.read_text())):
            for state in graph["States"].values():
                if "lambda:invoke" in str(state.get("Resource")):
                    (rule,) = (one for one in state["Retry"] if "UnexpectedError" in one["ErrorEquals"])
                    assert rule["ErrorEquals"] == ["UnexpectedError"]
                    assert rule["MaxAttempts"] == MOST_ATTEMPTS - 1


def test_every_error_that_passes_is_retried() -> None:
    """A new TransientError must not end executions because it is missing from a list."""
    elsewhere = {"TransientError", "StreamBusyError"}
    expected = {name for name, one in OURS.items() if issubclass(one, errors.TransientError)} - elsewhere
    for path in MACHINES:
        for graph in graphs(yaml.safe_load(path.read_text())):
            for state in graph["States"].values():
                if "lambda:invoke" in str(state.get("Resource")):
                    assert state["Retry"] == graph["States"][next(iter(graph["States"]))]["Retry"]
                    assert expected <= {error for rule in state["Retry"] for error in rule["ErrorEquals"]}


def test_the_input_of_a_child_is_not_written_to_the_bucket() -> None:
    """It has the key of the seals. By default Step Functions writes inputs next to outputs (ResultWriter)."""
    writers = [state["ResultWriter"] for path in MACHINES for state in _all_states(path) if "ResultWriter" in state]

    assert [one["WriterConfig"]["Transformation"] for one in writers] == ["COMPACT"]


def _all_states(path: Path) -> Iterator[Graph]:
    for graph in graphs(yaml.safe_load(path.read_text())):
        yield from graph["States"].values()


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_every_state_is_reached_and_every_path_ends(path: Path) -> None:
    for graph in graphs(yaml.safe_load(path.read_text())):
        reached, ahead = set(), {graph["StartAt"]}
        while ahead:
            reached |= ahead
            ahead = {to for name in ahead for to in successors(graph["States"][name])} - reached
        assert reached == set(graph["States"])
        for name, state in graph["States"].items():
            ends = state.get("End") or state["Type"] in ("Fail", "Succeed")
            assert ends or successors(state), name


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_every_substitution_is_given_and_used(path: Path) -> None:
    template = read_template(ROOT / "template.yaml")
    (machine,) = (
        one["Properties"]
        for one in template["Resources"].values()
        if one["Properties"].get("DefinitionUri") == f"statemachines/{path.name}"
    )

    assert set(re.findall(r"\$\{(\w+)\}", path.read_text())) == set(machine["DefinitionSubstitutions"])


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_a_state_is_named_as_its_function(path: Path) -> None:
    for graph in graphs(yaml.safe_load(path.read_text())):
        for name, state in graph["States"].items():
            function = state.get("Parameters", {}).get("FunctionName")
            assert function in (None, f"${{{name}FunctionArn}}")
