"""NextToken: standard base64, the alphabet that both planes' models admit."""

import base64
import binascii

from kinesight_local.kvs.exceptions import InvalidArgumentError


def write(text: str) -> str:
    """A token that stands for `text`."""
    return base64.b64encode(text.encode()).decode()


def read(token: str) -> str:
    """Raises InvalidArgumentError."""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise foreign() from error


def foreign() -> InvalidArgumentError:
    """For a token that this service did not write."""
    return InvalidArgumentError("NextToken is not one of this service's.")
