"""Cold start of each function: processor time, and its ratio to the floor of the same run.

    .venv/bin/python -m benchmarks.cold_start
    .venv/bin/python -m benchmarks.cold_start --rounds 15 --only AnalyzeImages --runtime DIR

The floor is a process that imports boto3 and creates four clients. A function's cold start is its imports and what its
first invocation takes beyond its second one, on a sample event. The path of every process has the built folders alone,
in Lambda's order, so that no package of this environment distorts it (botocore imports awscrt and pyOpenSSL if
they are there). `--runtime` is a folder with the boto3 of Lambda's runtime; by default the locked one is installed.
Requests get a response within the process. Medians of processor time, in rounds over all functions: other programs on
the machine change it by a tenth, but floor and functions alike.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kinesight_local.build import built, default_cache
from kinesight_local.template import Expanded, expand

ROOT = Path(__file__).resolve().parent.parent
_SCRATCH = ROOT / ".kinesight/cold-start"
"""As deep as the local cloud's builds: their templates have relative paths."""
MOST = 1.6
"""Times the floor: what a function may take."""
_FLOOR = "boto3, four clients"
_SAMPLES = {
    "serve_viewer": "sessions.json",
    "configure_streams": "schedule.json",
    "publish_viewer": "create.json",
    "conduct_live": "schedule.json",
    "sweep_streams": "schedule.json",
}
"""Sample events beside `valid.json`."""
_PARAMETERS = {
    "StreamNames": "front-door",
    "ViewerUserEmail": "viewer@example.com",
    "LiveStatus": "ENABLED",
    "SweepSchedule": "rate(5 minutes)",
}
"""With which every function exists."""
_ARN = re.compile(r"_ARN$")
_URL = re.compile(r"_URL$")


@dataclass(frozen=True, slots=True)
class Function:
    """A function as Lambda starts it."""

    name: str
    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    event: Path


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Processor milliseconds: medians of all rounds. `first_ms` is beyond the second invocation."""

    name: str
    import_ms: float
    first_ms: float
    ratio: float


def functions(build_dir: Path) -> list[Function]:
    """Of the built template."""
    expanded = expand(build_dir / "template.yaml", _PARAMETERS)
    return [_function(expanded, name) for name in sorted(expanded.sources)]


def _function(expanded: Expanded, name: str) -> Function:
    source = expanded.sources[name]
    given = expanded.resources[name]["Properties"]["Environment"]["Variables"]
    verb = given["POWERTOOLS_SERVICE_NAME"]
    variables = {key: _plain(key, value, expanded.parameters) for key, value in given.items()}
    event = ROOT / "events" / verb / _SAMPLES.get(verb, "valid.json")
    return Function(name.removesuffix("Function"), (source.code_dir, *source.layer_dirs), variables, event)


def _plain(name: str, value: Any, parameters: Mapping[str, str]) -> str:
    """A plausible value of a variable: a parameter's, or a name of what is not deployed."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.get("Ref") in parameters:
        return parameters[value["Ref"]]
    if _ARN.search(name):
        return "arn:aws:states:us-east-1:123456789012:stateMachine:sample"
    if _URL.search(name):
        return "https://sqs.us-east-1.amazonaws.com/123456789012/sample"
    return "123456789012" if name == "ACCOUNT_ID" else "sample"


def measure(one: Function | None, runtime: Path, *, verbose: bool = False) -> list[float]:
    """Processor seconds of one process: see cold_start_process.py. Exits if it fails."""
    here = Path(__file__).parent
    folders = [*(one.folders if one else ()), runtime, here]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sample",
        "AWS_SECRET_ACCESS_KEY": "sample",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        **(one.environment if one else {}),
    }
    command = [sys.executable, "-S", str(here / "cold_start_process.py"), *([str(one.event)] if one else [])]
    done = subprocess.run(command, env=environment, cwd=here, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{one.name if one else _FLOOR} did not start:\n{done.stderr}")
    if verbose and done.stderr:
        sys.stderr.write(f"{one.name if one else _FLOOR}: {done.stderr}\n")
    return [float(number) for number in done.stdout.strip().splitlines()[-1].split()]


def cold_starts(found: list[Function], runtime: Path, rounds: int) -> tuple[float, list[ColdStart]]:
    """The floor in milliseconds, and every function."""
    for one in [None, *found]:
        measure(one, runtime, verbose=True)
    runs: list[tuple[float, list[list[float]]]] = []
    for _ in range(rounds):
        before = measure(None, runtime)[0]
        runs.append((before, [measure(one, runtime) for one in found]))
    floor_ms = 1000 * statistics.median(floor for floor, _ in runs)
    return floor_ms, [
        _cold_start(one.name, [functions[index] for _, functions in runs], floor_ms) for index, one in enumerate(found)
    ]


def _cold_start(name: str, runs: list[list[float]], floor_ms: float) -> ColdStart:
    imports = 1000 * statistics.median(run[0] for run in runs)
    first = 1000 * statistics.median(run[1] - run[2] for run in runs)
    return ColdStart(name, imports, first, (imports + first) / floor_ms)


def build() -> Path:
    """What `make build` makes, for this machine's processor."""
    folder = _SCRATCH / "build"
    shutil.rmtree(folder, ignore_errors=True)
    with built(ROOT, default_cache(ROOT)) as template:
        shutil.copytree(template.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, str(ROOT / "scripts/finish_build.py"), "--build-dir", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def install_runtime() -> Path:
    """The locked boto3 with its data of all services, as Lambda's runtime brings one, with byte code."""
    folder = _SCRATCH / f"boto3-{version('boto3')}-{version('botocore')}"
    if not folder.exists():
        locked = [f"{name}=={version(name)}" for name in ("boto3", "botocore")]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--compile", "--target"]
        subprocess.run([*pip, str(folder), *locked], check=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build-dir", type=Path, help="a finished build for this processor (made by default)")
    parser.add_argument("--runtime", type=Path, help="a folder with boto3 (installed by default)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="functions with this in their name")
    given = parser.parse_args()
    build_dir, runtime = given.build_dir or build(), given.runtime or install_runtime()
    found = [one for one in functions(build_dir.resolve()) if given.only in one.name]
    floor_ms, measured = cold_starts(found, runtime.resolve(), given.rounds)
    print(f"{'':<22} {'imports':>8} {'first call':>10} {'sum':>8} {'of floor':>9}")
    print(f"{_FLOOR:<22} {'':>8} {'':>10} {floor_ms:>5.0f} ms")
    for one in measured:
        total = one.import_ms + one.first_ms
        print(f"{one.name:<22} {one.import_ms:>5.0f} ms {one.first_ms:>7.0f} ms {total:>5.0f} ms {one.ratio:>9.2f}")
    if any(one.ratio > MOST for one in measured):
        sys.exit(f"above {MOST} times the floor")


if __name__ == "__main__":
    main()
