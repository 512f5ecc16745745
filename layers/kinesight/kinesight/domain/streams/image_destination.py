"""Where KVS writes the images of a stack.

AWS does not document how KVS joins the prefix of a destination and the name of an image ("Get started with Amazon KVS
image generation"), so nothing here depends on it. The first versions set the prefix without its slash.
"""

from collections.abc import Iterator

IMAGES_FOLDER = "images/"
"""The prefix of the destination."""
IMAGES_PREFIX = "images"
"""What keys of images begin with, however they are joined: the filter of the bucket's notification."""
_JOINED = ("images/", "images//", "images", "images/_", "images_")
"""Both prefixes, followed by nothing, a slash or an underscore."""


def images_uri(bucket: str) -> str:
    """Returns the Uri of the destination."""
    return f"s3://{bucket}/{IMAGES_FOLDER}"


def possible_keys(name: str) -> Iterator[str]:
    """Yields each key, or beginning of one, that an image may have whose name is, or begins with, `name`."""
    for joined in _JOINED:
        yield f"{joined}{name}"
