"""The object names of KVS image generation (developer guide, "Get started with Amazon KVS image generation").

`{prefix}_{account}_{stream}_{timecode}_{guid}.{ext}`: the prefix may hold anything and the stream name may hold
underscores, so a name is read from the right, and the account number marks where the stream name begins.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from kinesight.domain.errors import NotAKvsImageError
from kinesight.domain.model import from_epoch_ms

_TAIL = re.compile(
    r"_(?P<timecode>[0-9]{1,14})_(?P<guid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\.(?P<ext>[A-Za-z]{3,4})$"
)
_STREAM = re.compile(r"^[a-zA-Z0-9_.-]{1,256}$")
_CONTENT_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class ImageKey:
    """What an object's name says. `prefix` holds the destination's folder and the producer's image prefix."""

    prefix: str
    stream_name: str
    image_timestamp: datetime
    content_type: str


def parse_image_key(key: str, account_id: str) -> ImageKey:
    """Reads a decoded object key; `account_id` is the stream's account.

    Raises NotAKvsImageError, also if the account number occurs twice: a camera chooses the prefix of its images, and
    may write keys that hold its own stream (ProducerPolicy), so a second name could be that of another stream.
    """
    tail = _TAIL.search(key)
    if tail is None:
        raise NotAKvsImageError(f"{key!r} does not end in _<timecode>_<guid>.<jpg|png> as KVS image names do")
    content_type = _CONTENT_TYPES.get(tail["ext"].lower())
    if content_type is None:
        raise NotAKvsImageError(f"{key!r} is neither .jpg nor .png, the two formats KVS writes")
    prefix, marker, stream_name = key[: tail.start()].rpartition(f"{account_id}_")
    if not marker or not _STREAM.match(stream_name):
        raise NotAKvsImageError(f"{key!r} names no stream of account {account_id}")
    if marker in prefix:
        raise NotAKvsImageError(
            f"{key!r} names the account {account_id} twice, so its stream is ambiguous: use another image prefix"
        )
    return ImageKey(prefix.rstrip("_"), stream_name, from_epoch_ms(int(tail["timecode"])), content_type)
