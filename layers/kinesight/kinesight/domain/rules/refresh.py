"""The rules as they are now: read again from time to time, so that a new rules document needs no deployment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from kinesight.domain.errors import InvalidConfigurationError, StorageBusyError
from kinesight.domain.ports import WorkStore
from kinesight.domain.rules.document import Configuration
from kinesight.domain.rules.matching import Rules

DOCUMENT_KEY = "configuration/rules.json"
"""Where the rules document lies, if there is one."""

_REFRESH_S = 60.0


@dataclass(slots=True)
class CurrentRules:
    """Call it for the rules. `warn` is told once of a document that can't be used; until there is a better one, the
    last good one counts."""

    store: WorkStore
    of_document: Callable[[Configuration | None], Rules]
    monotonic_s: Callable[[], float]
    warn: Callable[[str], None]
    _text: str | None = None
    _rules: Rules | None = None
    _read_at_s: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def __call__(self) -> Rules:
        """Raises StorageBusyError or InvalidConfigurationError if there never was a document that could be used."""
        with self._lock:
            if self._rules is None:
                self._read()
            elif self._is_old():
                self._try_to_read()
            assert self._rules is not None  # noqa: S101 - the reading raises if it can't set it
            return self._rules

    def _is_old(self) -> bool:
        return self._read_at_s is None or self.monotonic_s() - self._read_at_s >= _REFRESH_S

    def _try_to_read(self) -> None:
        try:
            self._read()
        except (StorageBusyError, InvalidConfigurationError) as error:
            self._read_at_s = self.monotonic_s()
            self.warn(f"the rules stay as they were: {error}")

    def _read(self) -> None:
        body = self.store.read(DOCUMENT_KEY)
        text = None if body is None else body.decode(errors="replace")
        if self._rules is None or text != self._text:
            self._rules = self.of_document(None if text is None else parsed(text))
            self._text = text
        self._read_at_s = self.monotonic_s()


def parsed(text: str) -> Configuration:
    """Raises InvalidConfigurationError that says which document is wrong."""
    try:
        return Configuration.parse(text)
    except InvalidConfigurationError as error:
        raise InvalidConfigurationError(f"{DOCUMENT_KEY}: {error}") from error
