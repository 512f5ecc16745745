"""Shell blocks of the documentation: which of their commands run in a test, as what, and why others do not."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELLS = ("", "sh", "bash", "console")
"""Languages of fences that hold commands. A block without a language does, too, unless a reason says otherwise."""
OTHERS = ("json", "yaml", "python", "mermaid", "toml", "text", "sql", "xml")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_CONTINUED = re.compile(r" *\\\n\s*")


@dataclass(frozen=True, slots=True)
class Block:
    page: str
    line: int
    language: str
    body: str

    @property
    def commands(self) -> list[str]:
        """One for each line, which a backslash continues; without prompts."""
        lines = _CONTINUED.sub(" ", self.body).splitlines()
        return [line.strip().removeprefix("$ ") for line in lines if line.strip() and line.strip()[0] != "#"]

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


NO_COMMANDS: Mapping[str, str] = {
    r"─▶": "a diagram",
    r"\A(kinesight\.json: line|time \(UTC\)) ": "the output of a command",
    r"\Ahttps://": "an address",
    r"\Afilter @message": "a query of CloudWatch Logs Insights",
    r"\Akinesight (trace|redrive) .*\[--": "a command's usage",
}
"""Patterns of blocks without a language that hold something else."""
REASONS: Mapping[str, str] = {
    r"^curl --cert ": "needs a certificate of AWS IoT",
    r"^aws iot ": "the local cloud has no AWS IoT",
    r"--template-file examples/iot-camera.yaml": "the local cloud has no AWS IoT",
    r"^aws sagemaker ": "needs an AWS account with a SageMaker endpoint",
    r"^aws cognito-idp ": "the local cloud has a token instead of users",
    r"^aws deploy ": "the local cloud has no CodeDeploy",
    r"^aws lambda update-alias ": "a function of the local cloud has one version",
    r"^(git clone|mkdir amazon-kinesis-video|cmake|\./kvs)": "builds an SDK of AWS from its repository",
    r"^(export GST_PLUGIN_PATH|gst-|rpicam-)": "needs kvssink or a Raspberry Pi",
    r"put-video front-door (rtsp://|/dev/)": "needs a camera: tests/functional/test_put_live_video.py has one",
    r"^(sha256sum|unzip|sam (deploy|package|publish)) ": "needs a published release and an AWS account",
    r"^aws s3 (mb|cp --recursive kinesight) ": "needs a published release and an AWS account",
    r"^git pull$": "changes this checkout",
    r"sam (build|local invoke)": "needs a container engine: tests/e2e/test_sam_local_invoke.py",
    r"kinesight verify ": "a minute, and a stack that selects its stream: tests/e2e/test_sessions.py",
    r"^kinesight kvs serve|kinesight local up": "runs until Ctrl-C; started before the other commands",
}
"""Patterns of commands that are not run, with the reason. For the dry runs of `make` see `SUBSTITUTIONS`."""


def reason(command: str) -> str | None:
    """Why a command is not run; None of one that is."""
    return next((why for pattern, why in REASONS.items() if re.search(pattern, command)), None)


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, of any language."""
    text = page.read_text()
    name = str(page.relative_to(ROOT))
    for found in _FENCE.finditer(text):
        yield Block(name, text.count("\n", 0, found.start()) + 1, found["language"], found["body"])


def shell_blocks(page: Path) -> list[Block]:
    """The blocks that hold commands."""
    shells = [block for block in blocks(page) if block.language in SHELLS]
    return [one for one in shells if one.language or not any(re.search(pattern, one.body) for pattern in NO_COMMANDS)]


_LATEST = 'kinesight config history --json | grep -m 1 -oP \'"versionId": "\\K[^"]+\''
"""The latest version of the configuration document."""


@dataclass(frozen=True, slots=True)
class Placeholders:
    """What stands for the placeholders of the documentation. `names`: outputs and physical ids of the stack."""

    names: Mapping[str, str]
    begin: str
    end: str
    model_port: int
    function: str
    execution_arn: str
    stream_arn: str
    phone_arn: str
    kvs_url: str


def _times(command: str, values: Placeholders) -> str:
    """The first timestamp is the video's start, others are its end."""
    moments = iter((values.begin,))
    return re.sub(r"2026-\d\d-\d\dT\d\d:\d\d(?::\d\d)?", lambda _: next(moments, values.end), command)


def _named(command: str, values: Placeholders) -> str:
    """`<Name>` and `<Name, with an explanation>` of an output or a resource."""
    return re.sub(r"<(\w+)(?:,[^>]*)?>", lambda found: values.names.get(found[1], found[0]), command)


SUBSTITUTIONS: tuple[Callable[[str, Placeholders], str], ...] = (
    # Deploys, deletes, or takes many minutes: a dry run shows that target and variables exist.
    lambda command, _: re.sub(r"(^|; do (?:\w+=\S+ )*)make ", r"\1make --dry-run ", command),
    lambda command, values: command.replace("https://<ViewerUrl>", values.names["ViewerUrl"].partition("/#")[0]),
    # The reader fills in the file between these two commands.
    lambda command, _: re.sub(
        r"^.* --prices prices.yaml$", r"sed -i 's/usd: null/usd: 1/' prices.yaml; \g<0>", command
    ),
    _times,
    _named,
    lambda command, values: command.replace("localhost:8080", f"127.0.0.1:{values.model_port}"),
    lambda command, values: command.replace("127.0.0.1:8080", f"127.0.0.1:{values.model_port}"),
    lambda command, values: command.replace("--function-name FUNCTION", f"--function-name {values.function}"),
    # It prompts.
    lambda command, _: re.sub("^kinesight config delete", r"echo y | \g<0>", command),
    # Versions of moto's buckets are not those of the template.
    lambda command, _: command.replace("rollback VERSION", f"rollback $({_LATEST})"),
    lambda command, values: command.replace("ENDPOINT_ARN", values.phone_arn),
    lambda command, values: command.replace("--topic-arn ALERTS", f"--topic-arn {values.names['AlertTopicArn']}"),
    lambda command, _: command.replace("--stack-name NAME", "--stack-name kinesight"),
    lambda command, _: command.replace("--stream-name NAME", "--stream-name front-door"),
    lambda command, _: command.replace("kinesight-prod", "kinesight"),
    lambda command, values: command.replace("<one of them>", values.execution_arn),
    lambda command, values: command.replace("<stream ARN>", values.stream_arn),
    lambda command, values: command.replace("<get-data-endpoint --api-name LIST_FRAGMENTS>", values.kvs_url),
    lambda command, values: command.replace(
        '"TimestampRange":{…}', f'"TimestampRange":{{"StartTimestamp":"{values.begin}Z","EndTimestamp":"2100-01-01"}}'
    ),
)


def substituted(command: str, values: Placeholders) -> str:
    """The command with the names, times and addresses of the local cloud."""
    for substitute in SUBSTITUTIONS:
        command = substitute(command, values)
    return command
