"""Writes the capture of a run to a file."""

from collections.abc import Callable, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli.shared.errors import CommandError
from kinesight_cli.verify.capture.recorder import record
from kinesight_cli.verify.capture.source import Source
from kinesight_cli.verify.deployment import Deployment
from kinesight_cli.verify.outcome import Outcome
from kinesight_cli.verify.run import Run

_SHORTEST_NAME = 5
"""Shorter names are parts of words."""


def check_writable(file: Path) -> None:
    """Raises CommandError if the file cannot be written: before a run, not after it."""
    try:
        file.touch()
    except OSError as error:
        raise CommandError(f"cannot write the capture {file}: {error.strerror}. Pass another FILE") from error


def writer(file: Path) -> Callable[[Run, Sequence[Outcome]], None]:
    """Returns a function that records and writes the capture of a run."""

    def write(run: Run, outcomes: Sequence[Outcome]) -> None:
        capture = record(_source(run), outcomes, is_on_aws=run.deployment.is_on_aws)
        file.write_text(capture.model_dump_json(by_alias=True, indent=2) + "\n")

    return write


def _source(run: Run) -> Source:
    return Source(
        clients=run.deployment.clients,
        stream=run.stream,
        bucket=run.deployment.id_of("ImagesBucket"),
        image_keys=_image_keys(run),
        envelopes=run.notifications,
        names=names_of(run.deployment),
    )


def _image_keys(run: Run) -> list[str]:
    """Lists the images; none if that is what fails."""
    try:
        return run.image_keys()
    except (BotoCoreError, ClientError):
        return []


def names_of(deployment: Deployment) -> dict[str, str]:
    """Returns what stands for each name in a capture: the logical id for that of a resource."""
    resources = {name: logical_id for logical_id, name in deployment.resources.ids.items()}
    names = {**resources, deployment.stack: "STACK", deployment.stream.name: "STREAM"}
    known = {name: one for name, one in names.items() if len(name) >= _SHORTEST_NAME}
    return {**known, deployment.resources.account_id: "ACCOUNT"}
