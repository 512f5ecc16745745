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


@dataclass(slots=True)
class CurrentConfiguration:
    """Callable that returns the current configuration; without a store, there is no document.

    An invalid document is reported to `warn` once; the last valid one stays in use until it is fixed. `make` gets None
    if there is no document, and may raise InvalidConfigurationError."""

    store: WorkStore | None
    make: Callable[[ConfigurationDocument | None, TagsByStream], Configuration]
    monotonic_s: Callable[[], float]
    warn: Callable[[str], None]
    _read_texts: tuple[str | None, str | None] = (None, None)
    _configuration: Configuration | None = None
    _read_at_s: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def __call__(self) -> Configuration:
        """Raises StorageBusyError or InvalidConfigurationError if no valid document has been read yet."""
        with self._lock:
            if self._configuration is None:
                self._read()
            elif self._is_old():
                self._try_to_read()
            assert self._configuration is not None  # noqa: S101 - reading raises if it cannot set it
            return self._configuration

    def latest(self) -> Configuration:
        """Reads it now. Raises StorageBusyError or InvalidConfigurationError if that fails, whatever was read
        before."""
        with self._lock:
            self._read()
            assert self._configuration is not None  # noqa: S101 - reading raises if it cannot set it
            return self._configuration

    def _is_old(self) -> bool:
        return self._read_at_s is None or self.monotonic_s() - self._read_at_s >= _REFRESH_S

    def _try_to_read(self) -> None:
        try:
            self._read()
        except (StorageBusyError, InvalidConfigurationError) as error:
            self._read_at_s = self.monotonic_s()
            self.warn(f"the previous configuration stays in use: {error}")

    def _read(self) -> None:
        text = self._text(DOCUMENT_KEY)
        document = None if text is None else parse_document(text)
        tags = self._text(TAGS_KEY) if document is not None and document.uses_tags else None
        if self._configuration is None or (text, tags) != self._read_texts:
            self._configuration = self.make(document, _tags(tags))
            self._read_texts = (text, tags)
        self._read_at_s = self.monotonic_s()

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
