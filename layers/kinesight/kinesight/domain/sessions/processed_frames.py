"""Recognizes frames that a timeline has processed, when they are delivered again."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

_CHARACTERS = 6
"""36 bits: among a thousand frames, one late frame of 60 million is taken for another."""
_FRAMES = 512
"""At least so many are recognized, more than a batch of the results stream holds."""


@dataclass(slots=True)
class _Group:
    """Marks of frames, one after another, and the newest timestamp among them in epoch milliseconds."""

    marks: str = ""
    newest_ms: int = -1


@dataclass(slots=True)
class ProcessedFrames:
    """The last 512 to 1024 frames. `forgotten_ms` is the newest timestamp of those before them."""

    newer: _Group = field(default_factory=_Group)
    older: _Group = field(default_factory=_Group)
    forgotten_ms: int = -1

    def add(self, result_id: str, at_ms: int) -> None:
        """Adds a frame."""
        if len(self.newer.marks) >= _FRAMES * _CHARACTERS:
            self.forgotten_ms = max(self.forgotten_ms, self.older.newest_ms)
            self.newer, self.older = _Group(), self.newer
        self.newer.marks += _mark(result_id)
        self.newer.newest_ms = max(self.newer.newest_ms, at_ms)

    def unknown(self, result_ids: Iterable[str]) -> set[str]:
        """Returns the ids that are not among the last frames."""
        known = {
            group.marks[start : start + _CHARACTERS]
            for group in (self.newer, self.older)
            for start in range(0, len(group.marks), _CHARACTERS)
        }
        return {one for one in result_ids if _mark(one) not in known}

    def may_have_forgotten(self, at_ms: int) -> bool:
        """Whether a frame of this time that is not known may have been processed."""
        return at_ms <= self.forgotten_ms


def _mark(result_id: str) -> str:
    return urlsafe_b64encode(blake2b(result_id.encode(), digest_size=6).digest()).decode()[:_CHARACTERS]
