"""What happens all through a fault run: processes die, things are delivered again and late, and poison comes."""

import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.media import mkv_write as write
from kinesight_local.cloud import ACCOUNT_ID

from tests.faults.accounting import Poison
from tests.faults.cameras import LoopedVideo
from tests.faults.stack import FaultyStack
from tests.functional.kvs_producer import Producer

GARBLED = "cam-garbled"
"""A camera whose keyframes can't be decoded."""
UNREADABLE = "cam-unreadable"
"""A camera whose fragments KVS gives back as no Matroska."""
_CONSUMER = "ConsumeLiveFunction"
_WORKFLOW = ("ExtractImagesFunction", "DetectObjectsFunction")
_QUEUED = ("AnalyzeImagesFunction", "KeepEvidenceFunction", "TrackSessionsFunction", "ArchiveSessionFunction")
_CONSUMER_REST_S = 80
"""A dead consumer is missed after 45 s, by a conductor that looks once a minute."""


@dataclass(slots=True)
class Mischief:
    """Call `run` in a thread. `kills` by function; `poison` was given; `again` counts what was delivered once more."""

    stack: FaultyStack
    video: LoopedVideo
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    poison: list[Poison] = field(default_factory=list)
    again: Counter[str] = field(default_factory=Counter)
    _consumer_rests_s: float = 30
    _spares_workflow: bool = False

    def spare_workflows(self) -> None:
        """From now on: what a killed one held is free again only minutes later, by the workflow's own waits."""
        self._spares_workflow = True

    def run(self, until: threading.Event) -> None:
        """Something every few seconds, and every kind of poison in turn."""
        poisons = self._poisons()
        self.chance.shuffle(poisons)
        while not until.wait(pause_s := self.chance.uniform(1.5, 4.0)):
            self._consumer_rests_s -= pause_s
            try:
                self.chance.choice((self._kill, self._announce_again, self._publish_again))()
                poison = poisons[len(self.poison) % len(poisons)]
                self.poison.append(poison(uuid.UUID(int=self.chance.getrandbits(128)).hex))
            except (BotoCoreError, ClientError) as error:
                raise RuntimeError("the local cloud itself failed, not by our doing") from error

    def _kill(self) -> None:
        names = [*_QUEUED, "AnalyzeImagesFunction", "KeepEvidenceFunction", "StartAnalysisFunction"]
        names += [] if self._spares_workflow else _WORKFLOW
        names += [_CONSUMER] if self._consumer_rests_s <= 0 else []
        name = self.chance.choice(names)
        assert self.stack.cloud.lambdas is not None
        if self.stack.cloud.lambdas.kill(self.stack.function(name)):
            self.kills[name] += 1
            if name == _CONSUMER:
                self._consumer_rests_s = _CONSUMER_REST_S

    def _announce_again(self) -> None:
        """S3 may deliver a notification twice, and in any order."""
        keys = [key for key in self.stack.images() if ACCOUNT_ID in key and "poison" not in key]
        for key in self.chance.sample(keys, min(3, len(keys))):
            self.stack.announce(key)
            self.again["notifications"] += 1

    def _publish_again(self) -> None:
        """Publishes old records again, behind newer ones, like a producer whose first response was lost."""
        arrivals = self.stack.read().arrivals
        for one in self.chance.sample(arrivals, min(3, len(arrivals))):
            self.stack.publish(one.data, "again")
            self.again["records"] += 1

    def _poisons(self) -> list[Callable[[str], Poison]]:
        return [
            self._message_without_json,
            self._foreign_object,
            self._broken_image,
            self._missing_image,
            self._record_without_json,
            self._foreign_record,
            self._foreign_notification,
            self._foreign_order,
            self._garbled_keyframe,
            self._unreadable_fragment,
            self._cut_fragment,
        ]

    def _message_without_json(self, marker: str) -> Poison:
        self.stack.say("ImagesQueue", f"this is not JSON {marker}")
        return Poison(marker, {"images": "InvalidEventError"})

    def _foreign_object(self, marker: str) -> Poison:
        self._put(f"images/holiday-poison-{marker}.jpg", b"\xff\xd8\xff")
        return Poison(marker, {"images": "NotAKvsImageError"})

    def _broken_image(self, marker: str) -> Poison:
        self._put(_image_key("poison", marker), b"\xff\xd8\xff this is no image")
        return Poison(_guid(marker), {"images": "UnsupportedImageError"})

    def _missing_image(self, marker: str) -> Poison:
        self.stack.announce(_image_key("poison", marker))
        return Poison(_guid(marker), {"images": "ImageMissingError"})

    def _record_without_json(self, marker: str) -> Poison:
        self.stack.publish(f"this is not JSON {marker}".encode(), "poison")
        return Poison(marker, {"evidence": "InvalidEventError", "sessions": "InvalidEventError"})

    def _foreign_record(self, marker: str) -> Poison:
        self.stack.publish(json.dumps({"unknown": "schema", "id": marker}).encode(), "poison")
        return Poison(marker, {"evidence": "InvalidEventError", "sessions": "InvalidEventError"})

    def _foreign_notification(self, marker: str) -> Poison:
        topic = self.stack.cloud.outputs["NotificationTopicArn"]
        self.stack.client("sns").publish(TopicArn=topic, Message=json.dumps({"alarm": marker}))
        return Poison(marker, {"notifications": "InvalidEventError"})

    def _foreign_order(self, marker: str) -> Poison:
        self.stack.say("SessionClipsQueue", json.dumps({"order": marker}))
        return Poison(marker, {"videos": "InvalidEventError"})

    def _garbled_keyframe(self, marker: str) -> Poison:
        """Well-formed Matroska, so KVS takes it; what it holds is no H.264: a unit longer than its frame."""
        block = write.simple_block(1, 0, True, b"\xff\xff\xff\xff" + marker.encode())
        number = self._persisted(GARBLED, write.cluster(_free_moment_ms(marker), [block]))
        return Poison(number, {"live": "UnsupportedImageError"})

    def _unreadable_fragment(self, marker: str) -> Poison:
        number = self._persisted(UNREADABLE, self.video.cluster(0, _free_moment_ms(marker)))
        return Poison(number, {"live": "UnreadableMediaError"})

    def _cut_fragment(self, marker: str) -> Poison:
        """KVS rejects it, so it must not appear anywhere."""
        whole = self.video.cluster(0, _free_moment_ms(marker))
        self._send(GARBLED, whole[: len(whole) // 2])
        return Poison(marker, {})

    def _persisted(self, stream: str, cluster: bytes) -> str:
        """The fragment's number."""
        (number,) = [one["FragmentNumber"] for one in self._send(stream, cluster) if one["EventType"] == "PERSISTED"]
        return number

    def _send(self, stream: str, cluster: bytes) -> list[dict[str, str]]:
        producer = Producer(self.stack.cloud.kvs, stream)
        producer.connection.timeout = 60
        producer.send(self.video.header)
        producer.send(cluster)
        producer.end()
        return producer.acknowledgements()

    def _put(self, key: str, body: bytes) -> None:
        bucket = self.stack.cloud.outputs["ImagesBucketName"]
        self.stack.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg")


def _guid(marker: str) -> str:
    return str(uuid.UUID(hex=marker))


def _image_key(stream: str, marker: str) -> str:
    """As KVS names its images."""
    return f"images/{ACCOUNT_ID}_cam-{stream}_1767268800000_{_guid(marker)}.jpg"


def _free_moment_ms(marker: str) -> int:
    """Long past, by the camera's clock; another one for every marker."""
    return 1_700_000_000_000 + int(marker[:8], 16)
