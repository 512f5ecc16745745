"""Names and values of a stack's parameters in JSON: the AWS CLI's list, output of describe-stacks, or an object."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kinesight_cli.migrate.migration import MigrationError

Rejection = Callable[[str], MigrationError]
"""Makes the error for a reason why the file is of another kind."""


def given_parameters(document: Any, wrong_file: Rejection) -> Mapping[str, Any]:
    """Returns the values by name. Raises what `wrong_file` returns."""
    if isinstance(document, Mapping) and isinstance(document.get("Stacks"), list):
        document = only_stack(document["Stacks"], wrong_file)
    if isinstance(document, Mapping) and "Parameters" in document:
        document = document["Parameters"]
    if isinstance(document, list):
        return dict(_pair(entry, wrong_file) for entry in document)
    if not isinstance(document, Mapping):
        raise wrong_file(f"it holds a {type(document).__name__}")
    if "StreamProcessorArn" in document or "Settings" in document:
        raise wrong_file("it describes a Rekognition stream processor, which kinesight migrate rekognition converts")
    if "Resources" in document:
        raise wrong_file("it is the template itself")
    return document


def only_stack(stacks: Sequence[Any], wrong_file: Rejection) -> Any:
    """Returns the stack of the output of describe-stacks. Raises what `wrong_file` returns."""
    if len(stacks) != 1:
        raise wrong_file(
            f"it describes {len(stacks)} stacks: name one with aws cloudformation describe-stacks --stack-name …"
        )
    return stacks[0]


def _pair(entry: Any, wrong_file: Rejection) -> tuple[str, Any]:
    if not isinstance(entry, Mapping) or not {"ParameterKey", "ParameterValue"} <= set(entry):
        raise wrong_file("an entry of the list lacks ParameterKey or ParameterValue")
    return str(entry["ParameterKey"]), entry["ParameterValue"]
