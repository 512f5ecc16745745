"""Reads a configuration document from a file, JSON or YAML, and validates it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kinesight.domain.configuration.document import ConfigurationDocument

from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.json_text import read_json
from kinesight_cli.shared.source_text import SourceText, UnreadableTextError, ValuePath, place

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
"""Control characters that neither JSON nor YAML allows."""


class InvalidDocumentError(CommandError):
    """The document is invalid; `problems` are lines of the message."""

    def __init__(self, name: str, problems: Iterable[str]) -> None:
        self.problems = [f"{name}: {one}" for one in problems]
        super().__init__("\n".join([f"{name} is not a valid configuration document:", *self.problems]))


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A valid document. `name` is what messages call it, `text` its JSON; lines of `source` are those of the file."""

    name: str
    text: str
    document: ConfigurationDocument
    source: SourceText

    def reject(self, problems: Iterable[tuple[ValuePath, str]]) -> None:
        """Raises InvalidDocumentError if there are any: (path, message that begins with the path)."""
        if lines := _lines(self.source, problems):
            raise InvalidDocumentError(self.name, lines)


def read_file(path: Path) -> DocumentFile:
    """Raises OSError, and InvalidDocumentError with the line and path of each problem."""
    name = str(path)
    return parse(decode(path.read_bytes(), name), name, is_yaml=_is_yaml_name(path))


def parse(text: str, name: str, *, is_yaml: bool | None = None) -> DocumentFile:
    """Parses and validates a document; without `is_yaml`, its first character decides. Raises InvalidDocumentError."""
    if is_yaml is None:
        is_yaml = not text.lstrip().startswith(("{", "["))
    source = _source(text, name, is_yaml=is_yaml)
    document, problems = ConfigurationDocument.check(source.value)
    if document is None or problems:
        raise InvalidDocumentError(name, _lines(source, problems))
    stored = json.dumps(source.value, indent=2, ensure_ascii=False) + "\n" if is_yaml else text
    return DocumentFile(name, stored, document, source)


def decode(data: bytes, name: str) -> str:
    """Returns the text of UTF-8, without a byte order mark. Raises InvalidDocumentError if it is none."""
    if not data.removeprefix(b"\xef\xbb\xbf").strip():
        raise _empty(name)
    if data.startswith(_UTF_16_MARKS):
        raise InvalidDocumentError(name, ["the file is UTF-16: save it as UTF-8"])
    if found := _BINARY.search(data):
        line = data.count(b"\n", 0, found.start()) + 1
        wrong = f"the file is binary (byte 0x{found[0].hex()}), not JSON or YAML"
        raise InvalidDocumentError(name, [f"line {line}: {wrong}"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong = f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise InvalidDocumentError(name, [f"line {line}: {wrong}"]) from error


def _source(text: str, name: str, *, is_yaml: bool) -> SourceText:
    try:
        source = _read_yaml(text) if is_yaml else read_json(text)
    except UnreadableTextError as error:
        where = "" if error.line is None else f"line {error.line}: "
        raise InvalidDocumentError(name, [f"{where}{error}"]) from error
    if is_yaml and source.value is None and not source.problems:
        raise _empty(name)
    if source.problems:
        placed = [(path, f"{place(path)}: {said}") for path, said in source.problems]
        raise InvalidDocumentError(name, _lines(source, placed))
    return source


def _read_yaml(text: str) -> SourceText:
    from kinesight_cli.shared.yaml_text import read_yaml

    return read_yaml(text)


def _empty(name: str) -> InvalidDocumentError:
    return InvalidDocumentError(name, ["the file is empty: `kinesight config sample` prints a document to start with"])


def _lines(source: SourceText, problems: Iterable[tuple[ValuePath, str]]) -> list[str]:
    lines = [(source.line_of(path), said) for path, said in problems]
    return [f"line {line}: {said}" for line, said in sorted(lines, key=lambda one: one[0])]


def _is_yaml_name(path: Path) -> bool | None:
    return {".yaml": True, ".yml": True, ".json": False}.get(path.suffix.lower())
