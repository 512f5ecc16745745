"""NextToken: standard base64, because both models allow its alphabet."""

import base64
import binascii

from kinesight_local.kvs.exceptions import InvalidArgumentError


def write(text: str) -> str:
    """Encodes `text` as a token."""
    return base64.b64encode(text.encode()).decode()


def read(token: str) -> str:
    """Decodes a token. Raises InvalidArgumentError."""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid() from error


def invalid() -> InvalidArgumentError:
    """The error for a token that `write` has not returned."""
    return InvalidArgumentError("NextToken is not valid.")
