"""The document of a stack: what it changes, what it overrides, and the effective settings of a camera."""

from collections.abc import Mapping
from dataclasses import dataclass

from kinesight.domain.configuration.document import ConfigurationDocument

from kinesight_cli.config.difference import difference
from kinesight_cli.config.effective import EffectiveCamera, effective_camera
from kinesight_cli.config.summary import summary
from kinesight_cli.shared import configuration_document
from kinesight_cli.shared.document_file import DocumentFile, InvalidDocumentError, parse
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.parameter_layer import overridden, parameter_layer
from kinesight_cli.shared.permissions import permission_problems
from kinesight_cli.shared.stack_lookup import parameters


class NoDocumentError(CommandError):
    """The stack has no configuration document."""


@dataclass(frozen=True, slots=True)
class CurrentDocument:
    """`overridden`: parameters of the stack that have no effect, because `defaults` set what they set."""

    text: str
    overridden: list[str]


def current_text(stack: str) -> str:
    """Returns the text of the stack's document. Raises StackError, ConfigurationDocumentError, and NoDocumentError."""
    text = configuration_document.fetch(stack)
    if text is None:
        raise NoDocumentError(
            f"the stack {stack} has no configuration document: its parameters alone apply. Add a document with "
            "`kinesight config put`"
        )
    return text


def current(stack: str) -> CurrentDocument:
    """Returns the stack's document, which may be invalid. Raises StackError, ConfigurationDocumentError, and
    NoDocumentError."""
    text = current_text(stack)
    try:
        defaults = parse(text, "", is_yaml=False).document.defaults
    except InvalidDocumentError:
        return CurrentDocument(text, [])
    return CurrentDocument(text, overridden(defaults, parameters(stack)))


def check_permissions(stack: str, file: DocumentFile) -> None:
    """Raises InvalidDocumentError if the parameters of the stack do not permit a detector, and StackError."""
    file.reject(permission_problems(file.document, parameters(stack)))


def changes(stack: str, after: ConfigurationDocument) -> list[str]:
    """Returns the differences from the stack's document; empty if there are none."""
    return _changes(configuration_document.fetch(stack), after)


def replace(stack: str, file: DocumentFile) -> list[str]:
    """Makes the document the stack's, unless it is already. Returns the differences and the outcome.

    Raises InvalidDocumentError if the parameters of the stack do not permit it, StackError, and
    ConfigurationDocumentError.
    """
    check_permissions(stack, file)
    before = configuration_document.fetch(stack)
    lines = _changes(before, file.document) or ["no differences from the document of the stack"]
    if before == file.text:
        return [*lines, "nothing was written"]
    configuration_document.put(stack, file.text)
    return [*lines, f"{file.name} becomes the configuration document of the stack {stack} within a minute"]


def effective(stack: str, stream_name: str, tags: Mapping[str, str] | None) -> EffectiveCamera:
    """Returns the settings of a stream; without `tags`, those that the stack has stored decide.

    Raises InvalidDocumentError, StackError, and ConfigurationDocumentError.
    """
    layer = parameter_layer(parameters(stack))
    text = configuration_document.fetch(stack)
    document = ConfigurationDocument.empty() if text is None else _parsed(stack, text)
    if tags is None:
        tags = configuration_document.stream_tags(stack).get(stream_name, {}) if document.uses_tags else {}
    return effective_camera(stream_name, tags, document, layer)


def _parsed(stack: str, text: str) -> ConfigurationDocument:
    return parse(text, f"the document of the stack {stack}", is_yaml=False).document


def _changes(before: str | None, after: ConfigurationDocument) -> list[str]:
    if before is None:
        return ["the stack has no configuration document", *summary(after)]
    try:
        return difference(parse(before, "", is_yaml=False).document, after)
    except InvalidDocumentError:
        return ["the document of the stack is invalid", *summary(after)]
