"""An RTSP camera on loopback: H.264 by RTP over the RTSP connection (RFC 2326, RFC 6184), one clip over and over."""

import base64
import socketserver
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from tests.media import Clip

_SPS, _PPS = 7, 8
_CLOCK_HZ = 90_000
_PAYLOAD_TYPE = 96
_MARKER = 0x80
_FIRST_TIMESTAMP = 20_000
"""RTP's timestamps begin anywhere; FFmpeg takes 0 for none."""


def nal_units(data: bytes) -> list[bytes]:
    """Splits NAL units after their lengths, as MP4 and Matroska have them."""
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units


def parameter_sets(codec_private: bytes) -> list[bytes]:
    """Returns the SPS and the PPS of an avcC with one of each (ISO/IEC 14496-15)."""
    sps_size = int.from_bytes(codec_private[6:8])
    after = 8 + sps_size
    pps_size = int.from_bytes(codec_private[after + 1 : after + 3])
    return [codec_private[8:after], codec_private[after + 3 : after + 3 + pps_size]]


@dataclass(frozen=True, slots=True)
class Video:
    """What the camera shows: a clip and its length."""

    clip: Clip
    length_ms: int

    def description(self) -> str:
        sets = ",".join(base64.b64encode(one).decode() for one in parameter_sets(self.clip.codec_private))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}\r\na=rtpmap:{_PAYLOAD_TYPE} H264/{_CLOCK_HZ}\r\n"
            f"a=fmtp:{_PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track1\r\n"
        )


class RtspCamera(socketserver.ThreadingTCPServer):
    """Serves `rtsp://127.0.0.1:<port>/live` until `unplug`; the same port can be used again at once."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, video: Video, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Viewer)
        self.video = video
        self.is_unplugged = False
        self.viewers = 0
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, user_and_password: str = "") -> str:
        return f"rtsp://{user_and_password}127.0.0.1:{self.port}/live"

    def unplug(self) -> None:
        """Breaks the connections and refuses new ones."""
        self.is_unplugged = True
        self.shutdown()
        self.server_close()


class _Viewer(socketserver.StreamRequestHandler):
    server: RtspCamera

    def handle(self) -> None:
        self.server.viewers += 1
        with suppress(OSError):
            while (
                not self.server.is_unplugged
                and (request := self.rfile.readline().decode().split())
                and self._respond(request[0])
            ):
                pass

    def _respond(self, method: str) -> bool:
        """Responds to one request; returns whether another one may follow."""
        headers = self._headers()
        body, more = "", ""
        if method == "OPTIONS":
            more = "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        if method == "DESCRIBE":
            body = self.server.video.description()
            more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        if method == "SETUP":
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        sequence = headers.get("cseq", "0")
        self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{more}\r\n{body}".encode())
        if method == "PLAY":
            self._play()
        return method not in ("PLAY", "TEARDOWN")

    def _headers(self) -> dict[str, str]:
        found = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            found[name.lower()] = value.strip()
        return found

    def _play(self) -> None:
        began_s, numbers = time.monotonic(), count()
        for turn in count():
            for at_ms, _, data in self.server.video.clip.packets:
                shown_ms = turn * self.server.video.length_ms + at_ms
                time.sleep(max(0.0, began_s + shown_ms / 1000 - time.monotonic()))
                if self.server.is_unplugged:
                    return
                self._send(nal_units(data), shown_ms, numbers)

    def _send(self, units: list[bytes], shown_ms: int, numbers: "count[int]") -> None:
        for unit in units:
            marker = _MARKER if unit is units[-1] else 0
            head = struct.pack(
                ">BBHII",
                0x80,
                marker | _PAYLOAD_TYPE,
                next(numbers) & 0xFFFF,
                (_FIRST_TIMESTAMP + shown_ms * _CLOCK_HZ // 1000) & 0xFFFFFFFF,
                1,
            )
            self.wfile.write(b"$\0" + (len(head) + len(unit)).to_bytes(2) + head + unit)
