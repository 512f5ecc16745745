"""The rules document as the viewer's zone editor reads and writes it: checked, and never over another's change."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kinesight.domain.errors import InvalidConfigurationError, RulesChangedError
from kinesight.domain.rules.document import Camera, RulesDocument
from kinesight.domain.rules.matching import Rules

NO_DOCUMENT = "none"
"""The tag of a document that is not there yet."""


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A text, and the tag by which its store knows it."""

    text: str
    tag: str


class RulesFile(Protocol):
    """Where the rules document lies. Raises StorageBusyError."""

    def read(self) -> TaggedText | None:
        """None if there is none."""

    def replace(self, text: str, seen: str | None) -> str | None:
        """Its new tag; None, and nothing is written, unless it has the tag that was seen (None: it is not there)."""


@dataclass(frozen=True, slots=True)
class RulesPorts:
    """The outside world of the editor, and the rule of the parameters, which counts for streams without an entry."""

    file: RulesFile
    labels: Sequence[str]
    minimum_confidence: float


def read_rules(ports: RulesPorts) -> tuple[dict[str, Any], str]:
    """The answer, and the document's tag. `default` is the entry by which streams without one are judged, so that an
    entry made of it changes nothing else. A document that is no JSON can't be edited.

    Raises InvalidConfigurationError, StorageBusyError.
    """
    found = ports.file.read()
    otherwise = _entry(Rules.of(ports.labels, ports.minimum_confidence).default)
    if found is None:
        return {"document": None, "default": otherwise, "etag": NO_DOCUMENT}, NO_DOCUMENT
    try:
        document = json.loads(found.text)
    except ValueError as error:
        raise InvalidConfigurationError(f"not valid JSON: {error}") from error
    return {"document": document, "default": otherwise, "etag": found.tag}, found.tag


def _entry(camera: Camera) -> dict[str, Any]:
    return camera.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"streams"})


def write_rules(document: Mapping[str, Any], seen: str, ports: RulesPorts) -> str:
    """The new tag. Raises InvalidConfigurationError with everything that is wrong, RulesChangedError,
    StorageBusyError."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    RulesDocument.parse(text)
    tag = ports.file.replace(text, None if seen == NO_DOCUMENT else seen)
    if tag is None:
        raise RulesChangedError("somebody else has changed the rules since; read them again")
    return tag
