"""Text of models, cameras and documents as it is displayed: it changes neither the lines, the markup nor the terminal
around it.

Records, events and the webhook's JSON carry the text as it is; `one_line` is applied where people read it.
"""

import re

_MOST_CHARACTERS = 100
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters but tab and line feed, line separators, invisible and direction marks, lone surrogates."""


def escaped(text: str) -> str:
    """Returns the text with control characters as escapes, such as \\x1b; tabs and line feeds stay."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def one_line(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Returns the text in one line, without control characters, cut to `most` characters, and without an address that a
    mail or chat program would make a link."""
    words = " ".join(_CONTROL.sub(" ", text).split()).replace("://", ": //")
    return words if len(words) <= most else words[: most - 1] + "…"


def ascii_line(text: str, most: int) -> str:
    """Returns one line of at most `most` ASCII characters; others are `?`."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in one_line(text, len(text) + 1))
    return plain if len(plain) <= most else plain[: most - 3] + "..."
