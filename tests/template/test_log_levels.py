"""LogLevel: which lines functions write, and which of them Lambda's filter passes to CloudWatch."""

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from aws_lambda_powertools import Logger
from kinesight import observability
from kinesight.metric_catalogue import Metric
from kinesight_local.resources.functions import log_settings
from kinesight_local.template import read_template

from tests.template.choices import CHOICES
from tests.template.role_grants import TEMPLATE, deployed

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FILTER_LEVELS: list[str] = (
    botocore.session.get_session().get_service_model("lambda").shape_for("ApplicationLogLevel").enum  # type: ignore[attr-defined]
)
"""Lambda's own, the most detailed one first."""


class Context:
    function_name = "function"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:function"
    aws_request_id = "1"


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    root, caches = logging.getLogger(), (observability._settings, observability._apply_log_level)
    before = root.level
    for one in caches:
        one.cache_clear()
    yield
    root.setLevel(before)
    for one in caches:
        one.cache_clear()


def application_level(level: str) -> str:
    """As the template sets it for every function."""
    functions = deployed(**CHOICES["all at once"]).expanded.resources.values()
    found = [one["Properties"]["LoggingConfig"] for one in functions if one["Type"] == "AWS::Lambda::Function"]
    assert {one["LogFormat"] for one in found} == {"JSON"}
    ((condition, yes, no),) = {tuple(one["ApplicationLogLevel"]["Fn::If"]) for one in found}
    (parameter, value) = read_template(TEMPLATE)["Conditions"][condition]["Fn::Equals"]
    assert parameter == {"Ref": "LogLevel"}
    return str(yes if level == value else no)


def run_under(level: str, monkeypatch: pytest.MonkeyPatch) -> Logger:
    """Runs a handler that logs at every level and counts, with the variables that Lambda and the template set."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", application_level(level))
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", level)
    logger = Logger(service=str(uuid4()))  # one of a known name would write to another test's output
    monkeypatch.setattr(observability, "logger", logger)

    def handler(_event: dict[str, Any], _context: Any) -> None:
        for one in LEVELS:
            getattr(logger, one.lower())(one)
        observability.count(Metric.IMAGES_DEAD_LETTERED, 1)

    observability.observed(handler)({}, Context())  # type: ignore[arg-type]
    return logger


def passed(document: dict[str, Any], application: str, *, reads_every_timestamp: bool) -> bool:
    """What Lambda's filter does: INFO is the level of a document without one, and of one without an RFC 3339 timestamp
    ("Log-level filtering"). Whether that holds for Powertools' timestamps is not known, so both are tested."""
    level = {"WARNING": "WARN"}.get(document.get("level", "INFO"), document.get("level", "INFO"))
    if not (reads_every_timestamp or is_rfc_3339(document.get("timestamp", ""))):
        level = "INFO"
    return FILTER_LEVELS.index(level) >= FILTER_LEVELS.index(application)


def is_rfc_3339(text: str) -> bool:
    try:
        return "T" in text and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


@pytest.mark.parametrize("reads_every_timestamp", [True, False])
@pytest.mark.parametrize("level", LEVELS)
def test_lines_from_the_level_on_and_all_metrics_are_written(
    level: str, reads_every_timestamp: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_under(level, monkeypatch)

    application = application_level(level)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    arrived = [one for one in documents if passed(one, application, reads_every_timestamp=reads_every_timestamp)]

    assert [one["message"] for one in arrived if "message" in one] == list(LEVELS[LEVELS.index(level) :])
    assert [one["ImagesDeadLettered"] for one in arrived if "_aws" in one] == [[1.0]]


def test_no_other_logger_writes_debug_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of botocore have the session token; the runtime sets the root logger's level to ApplicationLogLevel."""
    logging.getLogger().setLevel("DEBUG")

    own = run_under("DEBUG", monkeypatch)

    assert not logging.getLogger("botocore.auth").isEnabledFor(logging.DEBUG)
    assert logging.getLogger(own.name).isEnabledFor(logging.DEBUG)


def test_the_local_cloud_starts_functions_with_these_settings() -> None:
    found = log_settings(deployed(**CHOICES["all at once"]).expanded)

    assert len(found) > 10
    for settings in found.values():
        assert settings == {"LogFormat": "JSON", "ApplicationLogLevel": application_level("INFO")}


def test_lambdas_filter_would_drop_metrics_at_warn() -> None:
    """Why the functions apply WARNING and ERROR themselves."""
    assert not passed({"_aws": {}}, "WARN", reads_every_timestamp=True)
    assert not passed(
        {"level": "ERROR", "timestamp": "2026-11-30 16:37:56,123+0000"}, "WARN", reads_every_timestamp=False
    )
    assert passed({"level": "ERROR", "timestamp": "2026-11-30T16:37:56.123Z"}, "WARN", reads_every_timestamp=False)
