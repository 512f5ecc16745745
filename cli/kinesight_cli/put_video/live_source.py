"""Live sources of video: cameras by URL, video devices, standard input."""

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import av
from av.container import InputContainer

from kinesight_cli.shared.video_file import UnusableVideoError

STANDARD_INPUT = "-"
_TIMEOUT_S = 10.0
_OPTIONS = {"rtsp_flags": "prefer_tcp", "fpsprobesize": "0"}
"""RTP over UDP loses packets and needs open ports; a camera that has UDP alone still works. The frame rate, for which
FFmpeg would read seconds of video first, isn't needed."""

_ELEMENTARY = {"h264": {"use_wallclock_as_timestamps": "1"}, "hevc": {"use_wallclock_as_timestamps": "1"}}
"""Options by format: elementary streams have no timestamps."""


@dataclass(frozen=True, slots=True)
class LiveSource:
    """Where live video comes from; `input_format` is FFmpeg's name of the format, if it can't be detected."""

    address: str
    input_format: str | None = None

    @property
    def is_pipe(self) -> bool:
        """Whether it ends permanently, is read no faster than it is sent, and never opened again."""
        return self.address == STANDARD_INPUT or _mode(self.address, stat.S_ISFIFO)

    def __str__(self) -> str:
        if self.address == STANDARD_INPUT:
            return "standard input"
        return without_password(self.address)

    @contextmanager
    def opened(self) -> Iterator[InputContainer]:
        """Opens it. Raises OSError or av.FFmpegError, also if no video arrives for ten seconds."""
        location = "pipe:0" if self.address == STANDARD_INPUT else self.address
        timeout_s = None if self.is_pipe else _TIMEOUT_S
        device = "v4l2" if _mode(self.address, stat.S_ISCHR) else None
        chosen = self.input_format or device
        options = _OPTIONS | _ELEMENTARY.get(chosen or "", {})
        with av.open(location, "r", format=chosen, options=options, timeout=timeout_s) as container:
            if not container.streams.video:
                raise UnusableVideoError(f"{self} has no video track")
            yield container


def is_live(address: str) -> bool:
    """Returns whether it is standard input, a URL, a device or a named pipe, not a file."""
    is_url = re.match(r"[a-z][a-z0-9+.-]*://", address, re.I) is not None and not address.lower().startswith("file:")
    return address == STANDARD_INPUT or is_url or _mode(address, stat.S_ISCHR) or _mode(address, stat.S_ISFIFO)


def without_password(address: str) -> str:
    """Returns a URL without user and password, for messages."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="")) if parts.netloc else address


def reason(error: Exception) -> str:
    """Returns why a source failed, without its address, which may hold a password."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError | av.FFmpegError) else str(error)


def _mode(address: str, check: object) -> bool:
    try:
        return bool(callable(check) and check(Path(address).stat().st_mode))
    except OSError:
        return False
