"""The current rules, re-read periodically, so that a new rules document needs no deployment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from kinesight.domain.errors import InvalidConfigurationError, StorageBusyError
from kinesight.domain.ports import WorkStore
from kinesight.domain.rules.document import RulesDocument
from kinesight.domain.rules.matching import Rules

DOCUMENT_KEY = "configuration/rules.json"
"""Key of the rules document, if there is one."""

_REFRESH_S = 60.0


@dataclass(slots=True)
class CurrentRules:
    """Callable that returns the current rules. An invalid document is reported to `warn` once; the last valid one
    stays in use until it is fixed. `make_rules` gets None if there is no document."""

    store: WorkStore
    make_rules: Callable[[RulesDocument | None], Rules]
    monotonic_s: Callable[[], float]
    warn: Callable[[str], None]
    _text: str | None = None
    _rules: Rules | None = None
    _read_at_s: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def __call__(self) -> Rules:
        """Raises StorageBusyError or InvalidConfigurationError if no valid document has been read yet."""
        with self._lock:
            if self._rules is None:
                self._read()
            elif self._is_old():
                self._try_to_read()
            assert self._rules is not None  # noqa: S101 - reading raises if it cannot set it
            return self._rules

    def _is_old(self) -> bool:
        return self._read_at_s is None or self.monotonic_s() - self._read_at_s >= _REFRESH_S

    def _try_to_read(self) -> None:
        try:
            self._read()
        except (StorageBusyError, InvalidConfigurationError) as error:
            self._read_at_s = self.monotonic_s()
            self.warn(f"the previous rules stay in use: {error}")

    def _read(self) -> None:
        body = self.store.read(DOCUMENT_KEY)
        text = None if body is None else body.decode(errors="replace")
        if self._rules is None or text != self._text:
            self._rules = self.make_rules(None if text is None else parse_document(text))
            self._text = text
        self._read_at_s = self.monotonic_s()


def parse_document(text: str) -> RulesDocument:
    """Parses a rules document. Raises InvalidConfigurationError that names the document's key."""
    try:
        return RulesDocument.parse(text)
    except InvalidConfigurationError as error:
        raise InvalidConfigurationError(f"{DOCUMENT_KEY}: {error}") from error
