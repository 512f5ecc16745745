"""Chooses the name and tags of a temporary stream, such that the stack selects it."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from kinesight.domain.streams.selection import StreamSelection

from kinesight_cli.shared.errors import CommandError

MARK = "kinesight-verify"
_VALID = re.compile(r"[a-zA-Z0-9_.-]{1,256}")


@dataclass(frozen=True, slots=True)
class TemporaryStream:
    """A stream that does not exist yet."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)


def temporary_stream(selection: StreamSelection, given: str | None = None) -> TemporaryStream:
    """Returns a stream that is selected; `given` is its name if the user has chosen one. Raises CommandError."""
    tags = {one.key: one.values[0] if one.values else MARK for one in selection.tag_filters}
    if given is not None:
        if not selection.matches_name(given) and not tags:
            raise CommandError(f"the stack does not select {given}: pass a name that StreamNames matches as --stream")
        return TemporaryStream(given, {} if selection.matches_name(given) else tags)
    unique = f"{MARK}-{secrets.token_hex(4)}"
    for pattern in selection.names:
        name = _filled(pattern, unique)
        if name is not None and selection.matches_name(name):
            return TemporaryStream(name)
    if tags:
        return TemporaryStream(unique, tags)
    raise CommandError(
        "no glob of StreamNames has a place for a temporary name: pass a selected name that does "
        f"not exist yet as --stream, or add {MARK}-* to StreamNames"
    )


def _filled(pattern: str, unique: str) -> str | None:
    """Returns a name for a glob, None if the pattern has no place for a unique part."""
    if "*" not in pattern:
        return None
    name = re.sub(r"\[!?([^\]])[^\]]*\]", r"\1", pattern.replace("*", unique, 1)).replace("*", "").replace("?", "x")
    return name if _VALID.fullmatch(name) else None
