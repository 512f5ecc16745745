"""What a long run writes to standard error: its progress, and no errors of responses that it cuts on purpose."""

import logging
import sys
import time

_BEGAN_S = time.monotonic()
_INTENDED = ("without completing response", "Too little data for declared Content-Length")
"""Texts of uvicorn and of h11, which it uses."""


def say(sentence: str) -> None:
    """Writes a sentence, with the seconds since the start."""
    sys.stderr.write(f"{time.monotonic() - _BEGAN_S:6.0f} s  {sentence}\n")
    sys.stderr.flush()


def hide_intended_errors() -> None:
    """The servers of this process log no error about responses that are cut on purpose."""
    logging.getLogger("uvicorn.error").addFilter(_not_of_our_making)


def _not_of_our_making(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not any(text in record.getMessage() or text in str(error) for text in _INTENDED)
