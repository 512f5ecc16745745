"""Parses the ID argument of `kinesight trace`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.errors import NotAKvsImageError
from kinesight.domain.model import to_epoch_ms

from kinesight_cli.shared.errors import CommandError

_RESULT = re.compile(r"^[0-9a-f]{32}$")
_FRAGMENT = re.compile(r"^[0-9]{20,128}$")
_STREAM = r"(?P<stream>[a-zA-Z0-9_.-]{1,256})"
_CORRELATION = re.compile(rf"^{_STREAM}/(?:(?P<fragment>[0-9]{{20,128}})|@(?P<at>[0-9]{{1,14}}))$")
_LIVE = re.compile(rf"^live/{_STREAM}/(?P<fragment>[0-9]{{20,128}})_[0-9]{{1,14}}\.jpg$")
_ON_DEMAND = re.compile(rf"^on-demand/[^/]+/{_STREAM}/(?P<at>[0-9]{{1,14}})\.(?:jpg|png)$")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_IMAGE = re.compile(r"\.(?:jpe?g|png)$", re.IGNORECASE)


class TraceError(CommandError):
    """The id is invalid, nothing was found, or a service could not be read."""


@dataclass(frozen=True, slots=True)
class ParsedId:
    """What the id contains. `term` is what log lines about it contain; `at_ms` is the image timestamp in epoch
    milliseconds. Without an image key and a fragment number, `term` is a result, session or alert id."""

    term: str
    stream_name: str | None = None
    fragment_number: str | None = None
    at_ms: int | None = None
    image_key: str | None = None


def parse_id(text: str, stream_name: str | None, account_id: str) -> ParsedId:
    """Parses an id of any kind. Raises TraceError for anything else."""
    if text.startswith("s3://"):
        text = text.removeprefix("s3://").partition("/")[2]
    if _IMAGE.search(text):
        return _of_image(text, account_id)
    if found := _CORRELATION.match(text):
        at_ms = None if found["at"] is None else int(found["at"])
        return ParsedId(found["fragment"] or text, found["stream"], found["fragment"], at_ms)
    if _RESULT.match(text):
        return ParsedId(text, stream_name)
    if _FRAGMENT.match(text):
        if stream_name is None:
            raise TraceError("a fragment number is unique only within its stream: pass the stream with --stream")
        return ParsedId(text, stream_name, text)
    raise TraceError(
        f"{text!r} is not a known kind of id: pass a resultId or sessionId (32 hexadecimal digits), a fragment number "
        "with --stream, <stream>/<fragment number>, or an image key"
    )


def image_marker(image_key: str) -> str:
    """Returns text that every mention of the image contains, however it is escaped: KVS's random part if it has one."""
    found = _GUID.search(image_key)
    return found[0] if found else image_key


def _of_image(key: str, account_id: str) -> ParsedId:
    if found := _LIVE.match(key):
        return ParsedId(key, found["stream"], found["fragment"], image_key=key)
    if found := _ON_DEMAND.match(key):
        return ParsedId(key, found["stream"], at_ms=int(found["at"]), image_key=key)
    try:
        name = parse_image_key(key, account_id)
    except NotAKvsImageError:
        return ParsedId(image_marker(key), image_key=key)
    return ParsedId(image_marker(key), name.stream_name, at_ms=to_epoch_ms(name.image_timestamp), image_key=key)
