"""Counts of one stream that is read live."""

from dataclasses import dataclass, field
from threading import Lock

from kinesight.domain.analysis.frame_report import LiveFrameReport

_COUNTERS = (
    "seen",
    "sampled",
    "analyzed",
    "already_analyzed",
    "gated",
    "over_budget",
    "dead_lettered",
    "dropped",
    "retried",
    "checkpoints",
)
_MOST_WARNINGS = 20


@dataclass(slots=True)
class LiveCounts:
    """Counts of a stream's frames; safe for threads. Lag and age are in milliseconds, the largest since the last report
    of them."""

    seen: int = 0
    sampled: int = 0
    analyzed: int = 0
    already_analyzed: int = 0
    gated: int = 0
    over_budget: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    retried: int = 0
    checkpoints: int = 0
    lag_ms: int = 0
    age_ms: int = 0
    warnings: list[str] = field(default_factory=list)
    frames: LiveFrameReport = field(default_factory=LiveFrameReport)
    _reported: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def since_last(self) -> dict[str, int]:
        """Returns the counts since the last call, and the largest lag and age since then."""
        with self._lock:
            now = {name: getattr(self, name) for name in _COUNTERS}
            deltas = {name: value - self._reported.get(name, 0) for name, value in now.items()}
            deltas |= {"lag_ms": self.lag_ms, "age_ms": self.age_ms}
            self._reported, self.lag_ms, self.age_ms = now, 0, 0
        return deltas

    def add(self, **deltas: int) -> None:
        """Adds to counters, by name."""
        with self._lock:
            for name, delta in deltas.items():
                setattr(self, name, getattr(self, name) + delta)

    def raise_to(self, **values: int) -> None:
        """Raises `lag_ms` or `age_ms` to a value, if it is larger."""
        with self._lock:
            for name, value in values.items():
                setattr(self, name, max(value, getattr(self, name)))

    def warn(self, message: str) -> None:
        """Adds a warning, once, up to a limit."""
        with self._lock:
            if message not in self.warnings and len(self.warnings) < _MOST_WARNINGS:
                self.warnings.append(message)
