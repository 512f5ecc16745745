"""The event-driven path while Kinesis Video Streams gives trouble: everything arrives, and once."""

from collections import Counter
from pathlib import Path

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.faults import Cut, Duplicate, Fail, Faults, Missing, Slow, Throttle

from tests.e2e.conftest import STREAM
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.sample_video import write_sample_video

_LIST = "GetMediaForFragmentList"
TROUBLE = Faults(
    faults=(
        Duplicate(operation="ImageDelivery", probability=0.4),
        Slow(operation="ImageDelivery", probability=0.2, delay_ms=300),
        Throttle(operation=_LIST, count=3),
        Fail(operation=_LIST, skip=1, count=2, status=500),
        Cut(operation=_LIST, after_bytes=3000, count=2),
        Missing(operation=_LIST, skip=1, count=3),
        Throttle(operation="GetDataEndpoint", count=2),
    )
)


def test_nothing_is_lost_or_duplicated(cloud: LocalCloud, tmp_path: Path) -> None:
    stack = Stack(cloud)
    video = tmp_path / "demo.mp4"
    write_sample_video(video)
    cloud.kvs.service.faults.set(TROUBLE)

    play(STREAM, read_video(video), Tagging(image=True), lambda _: None)
    counters = cloud.kvs.service.delivery.counters
    eventually(lambda: counters(STREAM)["pending"], lambda pending: pending == 0)
    generated = counters(STREAM)["images_generated"]
    eventually(lambda: len({record.result_id for record in stack.results()}), lambda seen: seen == generated)
    records = stack.results()
    matched = [record for record in records if record.matched]
    expected = {key for record in matched for key in (_fragment_key(record), evidence_keys(record).annotated)}
    eventually(lambda: expected - set(stack.objects("EvidenceBucketName")), lambda missing: not missing, seconds=120)

    used = dict(zip([rule.action for rule in TROUBLE.faults], cloud.kvs.service.faults.report()["used"], strict=True))  # type: ignore[call-overload]  # JSON
    assert used["duplicate"] > 0
    assert used["throttle"] > 0
    twice = len(stack.objects("ImagesBucketName")) - generated
    assert twice > 0
    eventually(stack.waiting, lambda messages: messages <= twice)  # a copy that met the first in work comes back later
    assert max(Counter(record.result_id for record in records).values()) == 1
    assert len(matched) > 0
    for record in matched:
        (fragment,) = read_fragments([stack.body(_fragment_key(record))])
        assert isinstance(fragment, MediaFragment)
    alerts = Counter(alert["resultId"] for alert in stack.all_alerts())
    assert alerts == Counter({record.result_id: 1 for record in matched})
    assert stack.drained(stack.outputs["ImagesDeadLetterQueueUrl"]) == []


def _fragment_key(record: ResultRecord) -> str:
    key = evidence_keys(record).archive
    assert key is not None
    return key
