"""The console while an execution runs."""

import json
from typing import Any

import pytest
import typer
from kinesight_cli.shared import analysis_workflow
from kinesight_cli.shared.analysis_workflow import Execution
from kinesight_cli.shared.run_analysis import run_analysis

ARN = "arn:aws:states:us-east-1:111122223333:execution:analyze-range:front-door-1"


def test_ctrl_c_says_that_the_execution_continues_and_how_to_stop_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(analysis_workflow, "start", lambda *_: Execution(ARN, "front-door-1"))
    monkeypatch.setattr(analysis_workflow, "follow", interrupt)

    with pytest.raises(typer.Exit) as ended:
        run_analysis("kinesight", {}, follow=True)

    complaint = capsys.readouterr().err
    assert ended.value.exit_code == 130
    assert "the execution continues" in complaint
    assert f"aws stepfunctions stop-execution --execution-arn {ARN}" in complaint


@pytest.mark.parametrize("as_json", [False, True])
def test_without_follow_the_execution_is_printed(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(analysis_workflow, "start", lambda *_: Execution(ARN, "front-door-1"))

    assert run_analysis("kinesight", {}, follow=False, as_json=as_json) is None

    printed = capsys.readouterr().out
    assert json.loads(printed) == {"executionArn": ARN} if as_json else printed.endswith(f"{ARN}\n")
