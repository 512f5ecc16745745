"""The current configuration, re-read periodically, so that a new document needs no deployment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from pydantic import ValidationError

from kinesight.domain.configuration.configuration import Configuration, TagsByStream
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.stream_tags import TAGS, TAGS_KEY
from kinesight.domain.errors import InvalidConfigurationError, StorageBusyError
from kinesight.domain.ports import WorkStore

DOCUMENT_KEY = "configuration/kinesight.json"
"""Key of the configuration document, if there is one."""

_REFRESH_S = 60.0


@dataclass(frozen=True, slots=True)
class _Read:
    """The texts that were read, and what they say."""

    text: str | None
    document: ConfigurationDocument | None
    tags: str | None
    configuration: Configuration


@dataclass(slots=True)
class CurrentConfiguration:
    """Callable that returns the current configuration; without a store, there is no document.

    An invalid document is reported to `warn` each time it is read; the last valid one stays in use until it is fixed.
    `make` gets None if there is no document, and may raise InvalidConfigurationError."""

    store: WorkStore | None
    make: Callable[[ConfigurationDocument | None, TagsByStream], Configuration]
    monotonic_s: Callable[[], float]
    warn: Callable[[str], None]
    _last: _Read | None = None
    _read_at_s: float = 0
    _lock: Lock = field(default_factory=Lock)

    def __call__(self) -> Configuration:
        """Raises StorageBusyError or InvalidConfigurationError if no valid document has been read yet."""
        with self._lock:
            if self._last is None:
                return self._read()
            if self.monotonic_s() - self._read_at_s < _REFRESH_S:
                return self._last.configuration
            try:
                return self._read()
            except (StorageBusyError, InvalidConfigurationError) as error:
                self._read_at_s = self.monotonic_s()
                self.warn(f"the previous configuration stays in use: {error}")
                return self._last.configuration

    @property
    def in_use(self) -> Configuration | None:
        """The last valid one, without reading; None before the first."""
        last = self._last
        return None if last is None else last.configuration

    def latest(self) -> Configuration:
        """Reads it now. Raises StorageBusyError or InvalidConfigurationError if that fails, whatever was read
        before."""
        with self._lock:
            return self._read()

    def _read(self) -> Configuration:
        """Parses and makes only what has changed."""
        text, last = self._text(DOCUMENT_KEY), self._last
        if last is not None and text == last.text:
            document = last.document
        else:
            document = None if text is None else parse_document(text)
        tags = self._text(TAGS_KEY) if document is not None and document.uses_tags else None
        if last is None or (text, tags) != (last.text, last.tags):
            last = _Read(text, document, tags, self.make(document, _tags(tags)))
        self._last, self._read_at_s = last, self.monotonic_s()
        return last.configuration

    def _text(self, key: str) -> str | None:
        body = None if self.store is None else self.store.read(key)
        return None if body is None else body.decode(errors="replace")


def parse_document(text: str) -> ConfigurationDocument:
    """Parses a configuration document. Raises InvalidConfigurationError that names the document's key."""
    try:
        return ConfigurationDocument.parse(text)
    except InvalidConfigurationError as error:
        raise InvalidConfigurationError(f"{DOCUMENT_KEY}: {error}") from error


def _tags(text: str | None) -> TagsByStream:
    if text is None:
        return {}
    try:
        return TAGS.validate_json(text)
    except ValidationError as error:
        raise InvalidConfigurationError(f"{TAGS_KEY}: {error.error_count()} invalid values") from error
