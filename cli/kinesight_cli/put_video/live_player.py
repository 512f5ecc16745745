"""Sends a live source to a stream until it is stopped, and opens the source again when it breaks."""

import errno
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import av

from kinesight_cli.put_video.live_fragments import LiveFragment, WallClock
from kinesight_cli.put_video.live_source import LiveSource, reason
from kinesight_cli.put_video.source_reader import SourceReader
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.play_video import Tagging, find_target
from kinesight_cli.shared.progress import Progress
from kinesight_cli.shared.put_media import Outgoing, ProducerError, Sent, Target, put_media

_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 30.0
_CONNECTION_S = 40 * 60.0
"""After this time the next PutMedia connection begins, with a new endpoint and new credentials. AWS's SDK does so after
40 to 45 minutes (https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/limits.html)."""
_ATTEMPTS_AFTER_STOP = 2
_MAY_PASS = (
    ConnectionError,
    TimeoutError,
    av.error.EOFError,
    av.error.ExitError,
    av.error.HTTPServerError,
    av.error.InvalidDataError,
)
_MAY_PASS_NUMBERS = frozenset({errno.EIO, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH})
"""Errors of a camera that is off or unreachable. FFmpeg reports a host name that is not found as EIO, a time-out as
ExitError, and an RTSP connection that is closed at once as InvalidDataError. Any other error of a source that has never
delivered video points to a wrong address or password."""


@dataclass(slots=True)
class LiveSummary:
    """What was sent, how often the source was interrupted, and how many fragments were too late to be sent."""

    sent: Sent = field(default_factory=Sent)
    interruptions: int = 0
    dropped: int = 0

    def __str__(self) -> str:
        text = f"{self.sent.fragments} fragments, {self.sent.bytes_sent / 1e6:.1f} MB, all acknowledged"
        text += f"; {self.interruptions} interruptions of the source" if self.interruptions else ""
        dropped = f"; {self.dropped} fragments dropped, because sending was slower than the source"
        return text + (dropped if self.dropped else "")


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How to send: tags, minimum length of a fragment, and whether to create a missing stream."""

    tagging: Tagging
    fragment_ms: int
    create: bool = False


class LivePlayer:
    """Sends one source to one stream."""

    def __init__(
        self, source: LiveSource, stream_name: str, options: LiveOptions, progress: Progress, summary: LiveSummary
    ) -> None:
        self.summary = summary
        self._source = source
        self._stream_name = stream_name
        self._options = options
        self._progress = progress
        self._clock = WallClock()
        self._target: Target | None = None
        self._stopped = False
        self._failures = 0
        self._tagged = 0

    def stop(self) -> None:
        """Ends `run` after what was read is acknowledged. May be called by a signal handler."""
        self._stopped = True

    def _is_stopped(self) -> bool:
        return self._stopped

    def run(self) -> None:
        """Sends until the source ends permanently or `stop`. Raises CommandError if a retry cannot help."""
        self._find_target()
        while not self._is_stopped():
            self._progress.step(f"opening {self._source}")
            error = self._play_connection()
            if self._is_stopped():
                return
            self._raise_if_permanent(error)
            if self._source.is_pipe:
                return
            self._wait(error)

    def _play_connection(self) -> Exception | None:
        """Sends what one connection to the source yields; returns why it ended."""
        reader = SourceReader(self._source, self._clock, self._options.fragment_ms)
        fragments = reader.fragments(self._is_stopped)
        try:
            while (first := next(fragments, None)) is not None:
                self._failures = 0
                self._send(first, fragments)
        finally:
            reader.close()
            self.summary.dropped += reader.dropped
        return reader.error

    def _send(self, first: LiveFragment, fragments: Iterator[LiveFragment]) -> None:
        self._progress.step(f"sending {self._source} to {self._stream_name}")
        put_media(
            self._find_target(),
            first.track,
            self._outgoing(chain([first], fragments)),
            lambda done: self._progress.amount("fragments", done, None),
            sent=self.summary.sent,
            keeps_trying=lambda failures: not self._is_stopped() or failures < _ATTEMPTS_AFTER_STOP,
        )

    def _outgoing(self, fragments: Iterator[LiveFragment]) -> Iterator[Outgoing]:
        tags, until_s = self._options.tagging.tags(), time.monotonic() + _CONNECTION_S
        for one in fragments:
            is_tagged = self._tagged % self._options.tagging.every == 0
            self._tagged += 1
            yield Outgoing(one.fragment, one.origin_epoch_ms, tags if is_tagged else ())
            if time.monotonic() > until_s:
                return

    def _find_target(self) -> Target:
        """Returns the endpoint as it is now; if KVS can't be reached for that, the last one."""
        try:
            self._target = find_target(self._stream_name, self._options.tagging, create=self._options.create)
        except ProducerError:
            if self._target is None:
                raise
        return self._target

    def _raise_if_permanent(self, error: Exception | None) -> None:
        if error is not None and not isinstance(error, OSError | av.FFmpegError):
            raise error
        has_delivered = self.summary.sent.fragments > 0
        if error is not None and (self._source.is_pipe or not (has_delivered or _may_pass(error))):
            raise CommandError(
                f"cannot read {self._source}: {reason(error)}. Check its address, user and password, and with "
                "`ffprobe` that FFmpeg reads it; --input-format names a format that it cannot detect"
            )

    def _wait(self, error: Exception | None) -> None:
        self.summary.interruptions += 1 if self._failures == 0 else 0
        delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2**self._failures)
        self._failures += 1
        why = reason(error) if error else "the video ended"
        self._progress.step(f"waiting for {self._source}: {why}; next attempt in {delay_s:.0f} s")
        until_s = time.monotonic() + delay_s
        while not self._is_stopped() and time.monotonic() < until_s:
            time.sleep(0.1)  # short, for a signal's handler may have called `stop`


def _may_pass(error: Exception) -> bool:
    return isinstance(error, _MAY_PASS) or getattr(error, "errno", None) in _MAY_PASS_NUMBERS
