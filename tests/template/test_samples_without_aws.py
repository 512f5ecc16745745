"""The samples that README runs with `sam local invoke` need neither a deployment nor AWS."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kinesight_local.template import read_template

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import importlib, json, sys
app = importlib.import_module(f"functions.{sys.argv[1]}.app")
class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "f", 128, "arn", "1"
    def get_remaining_time_in_millis(self):
        return 60_000
try:
    print(json.dumps(app.handler(json.load(open(sys.argv[2])), Context())))
except Exception as error:
    print(json.dumps({"error": type(error).__name__}))
"""


def environment(function: str) -> dict[str, str]:
    """As SAM resolves it: a parameter to its default, a resource to its logical id."""
    document = read_template(ROOT / "template.yaml")
    name = "".join(part.capitalize() for part in function.split("_")) + "Function"
    merged = [
        document["Globals"]["Function"]["Environment"]["Variables"],
        document["Resources"][name]["Properties"]["Environment"]["Variables"],
    ]
    return {key: _resolved(value, document) for variables in merged for key, value in variables.items()}


def _resolved(value: Any, document: dict[str, Any]) -> str:
    if isinstance(value, dict) and "Ref" in value:
        return str(document["Parameters"].get(value["Ref"], {}).get("Default", value["Ref"]))
    return str(value) if not isinstance(value, dict) else "123456789012"


@pytest.mark.parametrize(
    ("function", "sample", "expected"),
    [
        ("analyze_images", "test_event.json", {"batchItemFailures": []}),
        ("plan_windows", "wrong_field.json", {"error": "InvalidInputError"}),
    ],
)
def test_a_sample_calls_nothing(function: str, sample: str, expected: dict[str, Any]) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    unreachable = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "HOME": "/nonexistent"}
    command = [sys.executable, "-c", RUN, function, str(ROOT / "events" / function / sample)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
        env=variables | environment(function) | unreachable | {"POWERTOOLS_TRACE_DISABLED": "1"},
    )

    assert json.loads(done.stdout.splitlines()[-1]) == expected
