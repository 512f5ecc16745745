"""Hostile messages: records of other producers on the results stream, forged notifications, and documents."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kinesight.domain.analysis.result_records import encode_record

from tests.builders import a_detection, a_frame, a_record
from tests.faults.stack import FaultyStack

_NO_RECORDS = (b"-", b"null", b"[]", b"\xff\xfe", b'{"frame": NaN}')
_TIMES: tuple[Any, ...] = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1969-12-31T23:59:59Z",
    "x",
    None,
    [],
    1e300,
)
_EVERY_S = 3


@dataclass(slots=True)
class HostileMessages:
    """Sends one of each kind in turn. `sent` counts them by kind, `letters` those that must be dead-lettered for
    sessions."""

    stack: FaultyStack
    chance: random.Random
    sent: Counter[str] = field(default_factory=Counter)
    letters: int = 0

    def send(self, second: int) -> None:
        """Called every second."""
        if second % _EVERY_S:
            return
        kinds: list[Callable[[], None]] = [
            self._record_of_an_impossible_time,
            self._record_that_is_none,
            self._deep_record,
            self._record_of_a_foreign_stream,
            self._records_again,
            self._forged_notification,
        ]
        kind = kinds[second // _EVERY_S % len(kinds)]
        kind()
        self.sent[kind.__name__.strip("_").replace("_", " ")] += 1

    def problems(self) -> list[str]:
        """What was to be dead-lettered and is not, 30 seconds at most after the last one."""
        deadline_s = time.monotonic() + 30
        while (came := self._session_letters()) < self.letters and time.monotonic() < deadline_s:
            time.sleep(1)
        return [] if came >= self.letters else [f"{self.letters - came} of {self.letters} bad records in no queue"]

    def _session_letters(self) -> int:
        return sum(one.place == "sessions" and bool(one.reason) for one in self.stack.read().letters)

    def _record_of_an_impossible_time(self) -> None:
        document = self._record()
        document["frame"]["imageTimestamp"] = self.chance.choice(_TIMES)
        self._publish(json.dumps(document).encode())

    def _record_that_is_none(self) -> None:
        self._publish(
            self.chance.choice([b"", b"null", b"[]", b"\xff\xfe", b'{"frame": NaN}', self.chance.randbytes(99)])
        )

    def _deep_record(self) -> None:
        self._publish(b'{"frame":' * 20_000)

    def _record_of_a_foreign_stream(self) -> None:
        document = self._record()
        document["frame"]["streamName"] = self.chance.choice(["a b", "", "x" * 300, "../..", "cam|on-demand"])
        self._publish(json.dumps(document).encode())

    def _records_again(self) -> None:
        arrivals = self.stack.read().arrivals
        for one in self.chance.sample(arrivals, min(10, len(arrivals))):
            self.stack.publish(one.data, "again")

    def _forged_notification(self) -> None:
        topic = self.stack.cloud.outputs["NotificationTopicArn"]
        body = {
            "StreamArn": "arn:aws:kinesisvideo:us-east-1:123456789012:stream/cam-healthy-1/1",
            "FragmentNumber": str(self.chance.getrandbits(150)),
            "FragmentStartProducerTimestamp": self.chance.choice([-1, 10**30, 1e300, "now"]),
            "FragmentStartServerTimestamp": 1,
        }
        self.stack.client("sns").publish(TopicArn=topic, Message=json.dumps(body))

    def _record(self) -> dict[str, Any]:
        frame = a_frame(stream_name="cam-healthy-1")
        document: dict[str, Any] = json.loads(encode_record(a_record(frame, detections=(a_detection(label="Face"),))))
        return document

    def _publish(self, data: bytes) -> None:
        self.letters += 1
        self.stack.publish(data or b"-", "hostile")
