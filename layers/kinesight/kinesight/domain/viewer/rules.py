"""Reads and writes the configuration document for the viewer's zone editor.

A write is validated, and never overwrites another user's change.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight.domain.errors import InvalidConfigurationError, RulesChangedError
from kinesight.domain.json_text import InvalidJsonError, parse_json

NO_DOCUMENT = "none"
"""The tag if there is no document yet."""
_EDITED = {"zones", "rules", "stationary"}
"""Settings that the editor writes. Without rules, the stationary settings have another default (`completed`)."""


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A text and its ETag in the store."""

    text: str
    tag: str


class RulesFile(Protocol):
    """The stored configuration document. Raises StorageBusyError."""

    def read(self) -> TaggedText | None:
        """Returns the document, None if there is none."""

    def replace(self, text: str, read_tag: str | None) -> str | None:
        """Returns the new tag; returns None and writes nothing unless the document still has the tag that was read
        (None: it does not exist)."""


@dataclass(frozen=True, slots=True)
class RulesPorts:
    """Ports of the editor. `parameters`: what the stack's parameters say of every camera."""

    file: RulesFile
    tags: StreamTagsFile
    parameters: CameraSettings


def read_rules(stream_name: str, ports: RulesPorts) -> dict[str, Any]:
    """Returns the document, what it has for one stream, and its tag.

    `entry` is the index of the first entry that applies to the stream, None if none does. `camera` has the effective
    zones, rules and stationary settings of the stream without unset fields: an entry made from it changes nothing else.
    With an invalid document, `entry` is None and `camera` is that of the parameters; if only its parts do not fit
    together, such as a rule with an unknown zone, it is used. Raises InvalidConfigurationError if the document is not a
    JSON object, and StorageBusyError.
    """
    found = ports.file.read()
    document = None if found is None else _json_object(found.text)
    entry, camera = _of_stream(stream_name, document, ports)
    return {
        "document": document,
        "entry": entry,
        "camera": camera.model_dump(mode="json", by_alias=True, exclude_unset=True, include=_EDITED),
        "etag": NO_DOCUMENT if found is None else found.tag,
    }


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except InvalidJsonError as error:
        raise InvalidConfigurationError(f"not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidConfigurationError("not a JSON object")
    return value


def _of_stream(stream_name: str, value: dict[str, Any] | None, ports: RulesPorts) -> tuple[int | None, CameraSettings]:
    """Returns the index of the stream's entry, and its effective settings."""
    parsed, _ = (None, ()) if value is None else ConfigurationDocument.check(value)
    configuration = Configuration(ports.parameters, parsed)
    document = configuration.document
    tags = ports.tags.load().get(stream_name, {}) if document.uses_tags else {}
    applied = document.camera(stream_name, tags)
    entry = next((index for index, one in enumerate(document.cameras) if one is applied), None)
    return entry, configuration.of_tagged(stream_name, tags)


def write_rules(document: Mapping[str, Any], read_tag: str, ports: RulesPorts) -> str:
    """Returns the new tag. Raises InvalidConfigurationError with all problems, RulesChangedError, StorageBusyError."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    ConfigurationDocument.parse(text)
    tag = ports.file.replace(text, None if read_tag == NO_DOCUMENT else read_tag)
    if tag is None:
        raise RulesChangedError("another user has changed the rules since they were read; read them again")
    return tag
