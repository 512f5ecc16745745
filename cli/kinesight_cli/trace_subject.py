"""What `kinesight trace` was asked for. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.errors import NotAKvsImageError
from kinesight.domain.model import to_epoch_ms

_RESULT = re.compile(r"^[0-9a-f]{32}$")
_FRAGMENT = re.compile(r"^[0-9]{20,128}$")
_STREAM = r"(?P<stream>[a-zA-Z0-9_.-]{1,256})"
_CORRELATION = re.compile(rf"^{_STREAM}/(?:(?P<fragment>[0-9]{{20,128}})|@(?P<at>[0-9]{{1,14}}))$")
_LIVE = re.compile(rf"^live/{_STREAM}/(?P<fragment>[0-9]{{20,128}})_[0-9]{{1,14}}\.jpg$")
_ON_DEMAND = re.compile(rf"^on-demand/[^/]+/{_STREAM}/(?P<at>[0-9]{{1,14}})\.(?:jpg|png)$")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PICTURE = re.compile(r"\.(?:jpe?g|png)$", re.IGNORECASE)


class TraceError(Exception):
    """Nothing can be traced; the message says what to ask instead."""


@dataclass(frozen=True, slots=True)
class Subject:
    """As much as was asked. `term` is what log lines about it hold; `at_ms` is the moment of the picture, epoch
    milliseconds. With neither a picture nor a fragment, `term` is a result's, a session's or an alert's id."""

    term: str
    stream_name: str | None = None
    fragment_number: str | None = None
    at_ms: int | None = None
    image_key: str | None = None


def parse_subject(text: str, stream_name: str | None, account_id: str) -> Subject:
    """Raises TraceError for what is no id of any kind."""
    if text.startswith("s3://"):
        text = text.removeprefix("s3://").partition("/")[2]
    if _PICTURE.search(text):
        return _of_picture(text, account_id)
    if found := _CORRELATION.match(text):
        at_ms = None if found["at"] is None else int(found["at"])
        return Subject(found["fragment"] or text, found["stream"], found["fragment"], at_ms)
    if _RESULT.match(text):
        return Subject(text, stream_name)
    if _FRAGMENT.match(text):
        if stream_name is None:
            raise TraceError("fragment numbers are a stream's own: say which with --stream")
        return Subject(text, stream_name, text)
    raise TraceError(
        f"{text!r} is no id: give a resultId or sessionId (32 hexadecimal digits), a fragment number with --stream, "
        "<stream>/<fragment number>, or a picture's key"
    )


def mark_of(image_key: str) -> str:
    """What is in every text that names the picture, however it is escaped there: KVS's random part, if it has one."""
    found = _GUID.search(image_key)
    return found[0] if found else image_key


def _of_picture(key: str, account_id: str) -> Subject:
    if found := _LIVE.match(key):
        return Subject(key, found["stream"], found["fragment"], image_key=key)
    if found := _ON_DEMAND.match(key):
        return Subject(key, found["stream"], at_ms=int(found["at"]), image_key=key)
    try:
        name = parse_image_key(key, account_id)
    except NotAKvsImageError:
        return Subject(mark_of(key), image_key=key)
    return Subject(mark_of(key), name.stream_name, at_ms=to_epoch_ms(name.image_timestamp), image_key=key)
