"""Reads and writes the rules document for the viewer's zone editor: validated, and never over another user's change."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kinesight.domain.errors import InvalidConfigurationError, RulesChangedError
from kinesight.domain.rules.document import Camera, RulesDocument
from kinesight.domain.rules.matching import Rules

NO_DOCUMENT = "none"
"""The tag if there is no document yet."""


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A text and its ETag in the store."""

    text: str
    tag: str


class RulesFile(Protocol):
    """The stored rules document. Raises StorageBusyError."""

    def read(self) -> TaggedText | None:
        """Returns the document, None if there is none."""

    def replace(self, text: str, read_tag: str | None) -> str | None:
        """Returns the new tag; returns None and writes nothing unless the document still has the tag that was read
        (None: it does not exist)."""


@dataclass(frozen=True, slots=True)
class RulesPorts:
    """Ports of the editor. `labels` and `minimum_confidence` are the stack's parameters: the rule of streams that have
    no entry."""

    file: RulesFile
    labels: Sequence[str]
    minimum_confidence: float


def read_rules(ports: RulesPorts) -> tuple[dict[str, Any], str]:
    """Returns the response and the document's tag.

    `default` in the response is the entry that applies to streams without one; an entry made from it changes nothing
    else. Raises InvalidConfigurationError if the document is not valid JSON, and StorageBusyError.
    """
    found = ports.file.read()
    default = _entry(Rules.of(ports.labels, ports.minimum_confidence).default)
    if found is None:
        return {"document": None, "default": default, "etag": NO_DOCUMENT}, NO_DOCUMENT
    try:
        document = json.loads(found.text)
    except ValueError as error:
        raise InvalidConfigurationError(f"not valid JSON: {error}") from error
    return {"document": document, "default": default, "etag": found.tag}, found.tag


def _entry(camera: Camera) -> dict[str, Any]:
    return camera.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"streams"})


def write_rules(document: Mapping[str, Any], read_tag: str, ports: RulesPorts) -> str:
    """Returns the new tag. Raises InvalidConfigurationError with all problems, RulesChangedError, StorageBusyError."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    RulesDocument.parse(text)
    tag = ports.file.replace(text, None if read_tag == NO_DOCUMENT else read_tag)
    if tag is None:
        raise RulesChangedError("another user has changed the rules since they were read; read them again")
    return tag
