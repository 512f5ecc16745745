"""Every command that the documentation shows runs, on a local cloud that a documented command starts."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, STDOUT
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import httpx
import pytest

from tests.docs.shell_blocks import PAGES, ROOT, Block, Placeholders, reason, shell_blocks, substituted
from tests.e2e import warm_commands
from tests.e2e.test_event_driven_path import eventually
from tests.processors import HOME_WITH_REGIONS, KIT_PARAMETERS
from tests.scenes import make_scene_video

STREAM = "front-door"
OWN_MODEL, LOCAL_KVS = (ROOT / "docs" / name for name in ("own-model.md", "local-kvs.md"))
VENV, AWS_CLI = ROOT / ".venv", ROOT / "scripts/awscli/.venv"
PROGRAMS: Mapping[str, tuple[Path, tuple[str, ...]]] = {
    "kinesight": (VENV, ("kinesight_cli.main", "app", "boto3", "kinesight_cli.shared.play_video")),
    "aws": (AWS_CLI, ("awscli.clidriver", "main")),
}
"""By name: environment, module and function, and what it imports only when it runs."""
LINKED = ("Makefile", "examples", "scripts", "events", "template.yaml", "pyproject.toml")
"""Of the checkout, which most commands are run in: their files go to a folder of the test."""
BLOCKS = [block for page in PAGES for block in shell_blocks(page) if not all(map(reason, block.commands))]


pytestmark = pytest.mark.long
"""Two minutes; `tests/docs` checks every command and option in each run."""


@pytest.fixture(scope="module", autouse=True)
def clean_environment() -> None:
    """Commands get an environment of their own."""


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """A folder with `kinesight` and `aws`, which start at once."""
    assert (AWS_CLI / "bin/aws").exists(), "run `make awscli` first"
    with TemporaryDirectory() as folder, ExitStack() as ending:
        for name, (venv, imported) in PROGRAMS.items():
            address = Path(folder, f"{name}.socket")
            command: list[str | Path] = [venv / "bin/python", warm_commands.__file__, address, *imported]
            server = ending.enter_context(subprocess.Popen(command, cwd=ROOT))
            ending.callback(server.terminate)
            eventually(address.exists, bool, seconds=60)
            program = Path(folder, name)
            program.write_text(warm_commands.client_script(address))
            program.chmod(0o755)
        yield Path(folder)


def environment(exports: Mapping[str, str], programs: Path = VENV / "bin") -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    no_files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**kept, **no_files, "PATH": f"{programs}:{os.environ['PATH']}", "AWS_PAGER": "", **exports}


def code_of(page: Path, language: str, beginning: str) -> str:
    """The only block of a page that begins so."""
    (body,) = re.findall(rf"```{language}\n({re.escape(beginning)}.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return str(body)


def server_command(page: Path) -> str:
    """The first command of a page that runs until Ctrl-C."""
    commands = [command for block in shell_blocks(page) for command in block.commands]
    return next(one for one in commands if re.match("kinesight (local up|kvs serve)", one))


@contextmanager
def running(command: list[str], folder: Path, exports: Mapping[str, str], until: str) -> Iterator[str]:
    """Runs a server; yields its output up to the line that holds `until`, and interrupts it."""
    with subprocess.Popen(
        command, cwd=folder, env=environment(exports), stdout=PIPE, stderr=STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        printed = ""
        try:
            for line in server.stdout:
                printed += line
                if until in line:
                    break
            assert until in printed, printed
            yield printed
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=60)


def exports_of(text: str) -> dict[str, str]:
    found = re.findall(r"(?m)^export (\w+)=(.*)$", text)
    return {name: shlex.split(value)[0] for name, value in found}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "holiday.mp4"
    make_scene_video(path)
    return path


@pytest.fixture(scope="module")
def model_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The model of docs/own-model.md, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.py").write_text(code_of(OWN_MODEL, "python", "# model.py").replace("8080", str(port)))
    with subprocess.Popen([sys.executable, "model.py"], cwd=folder, stderr=PIPE) as model:
        eventually(lambda: responds(port), bool, seconds=20)
        yield port
        model.terminate()
        model.communicate(timeout=20)


def responds(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").is_success
    except httpx.TransportError:
        return False


@dataclass(frozen=True)
class Documented:
    """A local cloud with a camera that has sent video."""

    programs: Path
    state: Path
    exports: Mapping[str, str]
    values: Placeholders
    video: Path

    def home(self, page: str, folder: Path) -> Path:
        """A folder with what a user of a page has there."""
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv/bin").mkdir(parents=True)
        for name in ("bin/python", "lib", "pyvenv.cfg"):
            (folder / ".venv" / name).symlink_to(VENV / name)
        (folder / ".venv/bin/kinesight").symlink_to(self.programs / "kinesight")
        (folder / ".kinesight").symlink_to(self.state)
        (folder / "holiday.mp4").symlink_to(self.video)
        for name, content in FILES.get(page, {}).items():
            (folder / name).write_text(content)
        return folder

    def run(self, block: Block, folder: Path, exports: Mapping[str, str]) -> None:
        """Runs the commands of a block that have no reason not to, in one shell."""
        script = "\n".join(substituted(command, self.values) for command in block.commands if not reason(command))
        ended = subprocess.run(
            ["bash", "-exuo", "pipefail", "-c", script], cwd=folder, env=environment(exports, self.programs), text=True,
            input="\n" * 20, capture_output=True, timeout=240, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, f"{block.name} failed:\n{ended.stdout[-6000:]}\n{ended.stderr[-6000:]}"


PRODUCTION = '[prod.deploy.parameters]\nparameter_overrides = "StreamNames=front-door MinimumConfidence=70"\n'
FILES: Mapping[str, Mapping[str, str]] = {
    "docs/cost.md": {"cameras.yaml": "schemaVersion: 1\ncameras: [{streams: [front-*], dailyBudgetUsd: 1}]\n"},
    "docs/migration.md": {
        "parameters.json": json.dumps(KIT_PARAMETERS),
        "processor.json": json.dumps(HOME_WITH_REGIONS),
        "samconfig.toml": PRODUCTION,
    },
    "docs/own-model.md": {"kinesight.yaml": code_of(OWN_MODEL, "yaml", "schemaVersion: 1\ndetectors:\n  mine: {")},
}
"""Files that a page's commands read, beside those that they write."""


def client(service: str, exports: Mapping[str, str]) -> Any:
    url = exports.get(f"AWS_ENDPOINT_URL_{service.upper()}", exports["AWS_ENDPOINT_URL"])
    return boto3.client(service, endpoint_url=url, region_name="us-east-1")  # type: ignore[call-overload]  # any service


@pytest.fixture(scope="module")
def documented(
    tmp_path_factory: pytest.TempPathFactory, programs: Path, video: Path, model_port: int
) -> Iterator[Documented]:
    """Runs the command of docs/own-model.md."""
    folder = tmp_path_factory.mktemp("local")
    command = server_command(OWN_MODEL).replace("8080", str(model_port))
    with running(shlex.split(command), folder, {}, "Viewer: ") as printed:
        exports = exports_of((folder / ".kinesight/env").read_text())
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        play(video, begin, exports)
        outputs = dict(re.findall(r"(?m)^(\w+): (\S+)$", printed))
        values = placeholders(outputs, begin, exports, model_port)
        yield Documented(programs, folder / ".kinesight", exports, values, video)


def play(video: Path, begin: datetime, exports: Mapping[str, str]) -> None:
    command = ["kinesight", "put-video", STREAM, str(video), "--start", begin.isoformat()]
    subprocess.run(command, env=environment(exports), check=True, capture_output=True)


def placeholders(
    outputs: Mapping[str, str], begin: datetime, exports: Mapping[str, str], model_port: int
) -> Placeholders:
    stack = client("cloudformation", exports).describe_stack_resources(StackName="kinesight")["StackResources"]
    resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in stack}
    url = exports["AWS_ENDPOINT_URL_KINESIS_VIDEO"]
    kinesis_video = boto3.client("kinesisvideo", endpoint_url=url)
    kinesis_video.create_stream(StreamName="my-camera", DataRetentionInHours=24)
    described = kinesis_video.describe_stream(StreamName=STREAM)
    client("iam", exports).create_role(RoleName="CAMERA-ROLE", AssumeRolePolicyDocument="{}")
    machine = outputs["AnalyzeRangeArn"]
    first, last = (moment.strftime("%Y-%m-%dT%H:%M:%S") for moment in (begin, begin + timedelta(seconds=16)))
    few_images = {"StartTimestamp": f"{first}Z", "EndTimestamp": f"{last}Z", "SamplingInterval": 8000}
    request = json.dumps({"StreamName": STREAM, "Detector": "NONE", **few_images})
    execution = client("stepfunctions", exports).start_execution(stateMachineArn=machine, input=request)
    return Placeholders(
        names={**resources, **outputs},
        begin=first,
        end=last,
        model_port=model_port,
        function=resources["AnalyzeImagesFunction"],
        execution_arn=execution["executionArn"],
        stream_arn=described["StreamInfo"]["StreamARN"],
        phone_arn=a_phone(client("sns", exports)),
        kvs_url=url,
    )


def a_phone(sns: Any) -> str:
    """The endpoint of an app on a phone."""
    app = sns.create_platform_application(Name="app", Platform="GCM", Attributes={"PlatformCredential": "x"})
    phone = sns.create_platform_endpoint(PlatformApplicationArn=app["PlatformApplicationArn"], Token="token")
    return str(phone["EndpointArn"])


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS} - {"docs/local-kvs.md"}))
def test_the_commands_of_a_page_run(page: str, documented: Documented, tmp_path: Path) -> None:
    token = documented.values.names["ViewerUrl"].partition("#token=")[2]
    home = documented.home(page, tmp_path)
    for block in BLOCKS:
        if block.page == page:
            documented.run(block, home, {**documented.exports, "TOKEN": token})


def test_the_emulator_alone(documented: Documented, tmp_path: Path) -> None:
    command = [*shlex.split(server_command(LOCAL_KVS), comments=True), "--port", "0"]
    with running(command, tmp_path, {}, "AWS_DEFAULT_REGION") as printed:
        (tmp_path / "holiday.mp4").symlink_to(documented.video)
        for block in BLOCKS:
            if block.page == "docs/local-kvs.md":
                documented.run(block, tmp_path, exports_of(printed))
