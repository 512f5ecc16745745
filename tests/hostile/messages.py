"""Hostile messages: records of other producers on the results stream, forged notifications, and documents."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kinesight.domain.analysis.result_records import encode_record
from kinesight_local.cloud import ACCOUNT_ID

from tests.builders import a_detection, a_frame, a_record
from tests.faults.stack import FaultyStack
from tests.hostile.accounting import DeadLetterKind, letter_problems

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
_IMPOSSIBLE_STARTS: tuple[Any, ...] = (-1, 10**30, 1e300, "now")
_EVERY_S = 3
_DEAD_LETTERED_WITHIN_S = 90
"""After the last message: one whose fragment is not listed is delivered three times, 20 seconds apart."""
_CONSUMERS = ("evidence", "sessions")
_PLACES = (*_CONSUMERS, "notifications")


@dataclass(slots=True)
class HostileMessages:
    """Sends one of each kind in turn. `sent` counts them by kind, `expected` the dead letters that they must become."""

    stack: FaultyStack
    chance: random.Random
    sent: Counter[str] = field(default_factory=Counter)
    expected: Counter[DeadLetterKind] = field(default_factory=Counter)
    _records: set[bytes] = field(default_factory=set)

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
            self._notification_of_an_impossible_time,
            self._notification_of_an_invented_fragment,
        ]
        kind = kinds[second // _EVERY_S % len(kinds)]
        kind()
        self.sent[kind.__name__.strip("_").replace("_", " ")] += 1

    def problems(self) -> list[str]:
        """What is not dead-lettered with its reason when the time for it is over, and what forged notifications
        started: no camera here sends notifications of its own."""
        deadline_s = time.monotonic() + _DEAD_LETTERED_WITHIN_S
        while self.expected - self._found() and time.monotonic() < deadline_s:
            time.sleep(1)  # until they are read again
        started = [f"a forged notification started {one['name']}" for one in self.stack.executions()]
        return letter_problems(self.expected, self._found()) + started

    def _found(self) -> Counter[DeadLetterKind]:
        letters = self.stack.read().letters
        return Counter((one.place, one.reason) for one in letters if one.place in _PLACES)

    def _record_of_an_impossible_time(self) -> None:
        document = self._record()
        document["frame"]["imageTimestamp"] = self.chance.choice(_TIMES)
        self._publish(json.dumps(document).encode())

    def _record_that_is_none(self) -> None:
        self._publish(self.chance.choice([*_NO_RECORDS, self.chance.randbytes(99)]))

    def _deep_record(self) -> None:
        self._publish(b'{"frame":' * 20_000)

    def _record_of_a_foreign_stream(self) -> None:
        document = self._record()
        document["frame"]["streamName"] = self.chance.choice(["a b", "", "x" * 300, "../..", "cam|on-demand"])
        self._publish(json.dumps(document).encode())

    def _records_again(self) -> None:
        """Those of the stack itself, much later."""
        own = [one.data for one in self.stack.read().arrivals if one.data not in self._records]
        for data in self.chance.sample(own, min(10, len(own))):
            self.stack.publish(data, "again")

    def _notification_of_an_impossible_time(self) -> None:
        self._notify(self.chance.choice(_IMPOSSIBLE_STARTS), "InvalidEventError")

    def _notification_of_an_invented_fragment(self) -> None:
        self._notify(round(time.time() * 1000), "FragmentNotListedError")

    def _notify(self, start: Any, reason: str) -> None:
        """As a camera's credentials permit it, of a camera that exists."""
        body = {
            "StreamArn": f"arn:aws:kinesisvideo:us-east-1:{ACCOUNT_ID}:stream/cam-healthy-1/1767268800000",
            "FragmentNumber": str(self.chance.getrandbits(150)),
            "FragmentStartProducerTimestamp": start,
            "FragmentStartServerTimestamp": start,
        }
        self.expected["notifications", reason] += 1
        topic = self.stack.cloud.outputs["NotificationTopicArn"]
        self.stack.client("sns").publish(TopicArn=topic, Message=json.dumps(body))

    def _record(self) -> dict[str, Any]:
        frame = a_frame(stream_name="cam-healthy-1")
        document: dict[str, Any] = json.loads(encode_record(a_record(frame, detections=(a_detection(label="Face"),))))
        return document

    def _publish(self, data: bytes) -> None:
        self.expected.update((place, "InvalidEventError") for place in _CONSUMERS)
        self._records.add(data)
        self.stack.publish(data, "hostile")
