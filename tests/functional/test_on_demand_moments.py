"""Planning and extracting over the emulator: every sampled moment that a fragment shows has its image, once.

Over gaps, fragment lengths, intervals and range borders; what the fragments show is computed here moment by moment.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.media.av_image_extractor import AvImageExtractor
from kinesight.domain.model import from_epoch_ms, to_epoch_ms
from kinesight.domain.on_demand.extract_images import ExtractionPorts, extract_window
from kinesight.domain.on_demand.messages import WINDOWS, AnalysisRequest, RangePlan, WindowManifest
from kinesight.domain.on_demand.plan_windows import PlanningPorts, plan_range
from kinesight.domain.ports import LONGEST_FRAGMENT_MS
from kinesight.media import mkv_write as write
from kinesight_local.kvs.faults import Faults, NoMedia
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.examples import examples
from tests.fakes import FakeWork
from tests.functional.kvs_producer import Producer, stored
from tests.media import Clip, a_clip, producer_header

FRAME_MS = 200
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Recording:
    """(pause before, frames) of each fragment."""

    fragments: tuple[tuple[int, int], ...]

    @property
    def end_ms(self) -> int:
        return sum(pause_ms + frames * FRAME_MS for pause_ms, frames in self.fragments)


@cache
def the_clip() -> Clip:
    """Every frame a keyframe, so that any number of them is a fragment."""
    return a_clip(12, fps=1000 // FRAME_MS, width=64, height=48, keyframes=range(60))


def record(kvs: KvsServer, stream: str, recording: Recording) -> None:
    clip, at_ms = the_clip(), NOON_MS
    producer = Producer(kvs, stream)
    producer.send(producer_header(clip))
    for pause_ms, frames in recording.fragments:
        at_ms += pause_ms
        blocks = [
            write.simple_block(1, index * FRAME_MS, index == 0, clip.packets[index % len(clip.packets)][2])
            for index in range(frames)
        ]
        producer.send(write.cluster(at_ms, blocks))
        at_ms += frames * FRAME_MS
    producer.end()
    producer.acknowledgements()


def archive_of(control: Any, archived: Any) -> tuple[KvsArchive, KvsFragmentArchive]:
    clients = DataClients(control, lambda _: archived, monotonic_s=lambda: 0.0)
    return KvsArchive(clients, sleep=lambda _: None), KvsFragmentArchive(clients, sleep=lambda _: None)


def extracted(control: Any, archived: Any, document: dict[str, Any]) -> tuple[RangePlan, list[WindowManifest]]:
    images, fragments = archive_of(control, archived)
    work = FakeWork()
    planning = PlanningPorts(KvsStreamDirectory(control), images, work, lambda: datetime.now(UTC), lambda: "key")
    plan = plan_range(AnalysisRequest.parse(document), "an-execution", planning)
    ports = ExtractionPorts(images, fragments, AvImageExtractor(), work)
    windows = WINDOWS.validate_json(work.objects[plan.windows_key])
    return plan, [extract_window(plan, window, ports) for window in windows]


def shown(fragments: Sequence[dict[str, Any]], moments: range) -> dict[int, str]:
    """Each moment that a fragment shows, and which does: the one that began last. One of length 0 is shown for the
    longer of the times since the one before it and until the one after it, of those that are no pause."""
    ordered = sorted(fragments, key=lambda fragment: fragment["ProducerTimestamp"])
    starts_ms = [to_epoch_ms(one["ProducerTimestamp"]) for one in ordered]
    steps_ms = [later - earlier for earlier, later in itertools.pairwise(starts_ms)]
    found: dict[int, str] = {}
    for index, (one, start_ms) in enumerate(zip(ordered, starts_ms, strict=True)):
        near_ms = [step for step in steps_ms[max(0, index - 1) : index + 1] if step <= LONGEST_FRAGMENT_MS]
        length_ms = one["FragmentLengthInMilliseconds"] or max(near_ms, default=1)
        found |= {at_ms: one["FragmentNumber"] for at_ms in moments if start_ms <= at_ms < start_ms + length_ms}
    return found


recordings = st.lists(
    st.tuples(st.one_of(st.just(0), st.integers(1, 30_000)), st.one_of(st.just(1), st.integers(1, 60))),
    min_size=1,
    max_size=12,
).map(lambda pieces: Recording(tuple(pieces)))


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(recording=Recording(((0, 1), (1, 1))), interval_ms=200, borders=(0, 201), hidden=0.0)
@example(recording=Recording(((0, 1), (0, 1))), interval_ms=200, borders=(1, 0), hidden=0.0)
@given(
    recording=recordings,
    interval_ms=st.one_of(st.sampled_from([200, 1000, 2000]), st.integers(200, 40_000)),
    borders=st.tuples(st.integers(-5_000, 15_000), st.integers(0, 300_000)),
    hidden=st.sampled_from([0.0, 0.5]),
)
def test_every_recorded_moment_has_its_image_once(
    kvs: KvsServer,
    kinesis_video: Any,
    archived_media: Any,
    recording: Recording,
    interval_ms: int,
    borders: tuple[int, int],
    hidden: float,
) -> None:
    """`hidden`: the share of images that GetImages does not give."""
    stream = f"range-{next(_NUMBERS)}"
    kinesis_video.create_stream(StreamName=stream, DataRetentionInHours=24)
    record(kvs, stream, recording)
    start_ms = NOON_MS + borders[0]
    end_ms = start_ms + min(borders[1], 120 * interval_ms)
    document = {
        "StreamName": stream,
        "StartTimestamp": from_epoch_ms(start_ms).isoformat(),
        "EndTimestamp": from_epoch_ms(end_ms).isoformat(),
        "SamplingInterval": interval_ms,
        "AllowEmpty": True,
    }
    kvs.service.faults.set(Faults(faults=(NoMedia(operation="GetImages", probability=hidden),)))
    try:
        plan, manifests = extracted(kinesis_video, archived_media, document)
    finally:
        kvs.service.faults.clear()

    expected = shown(stored(archived_media, stream), range(start_ms, end_ms + 1, interval_ms))
    frames = [frame for manifest in manifests for frame in manifest.frames]
    assert {to_epoch_ms(one.image_timestamp): one.fragment_number for one in frames} == expected
    assert set(Counter(one.image_timestamp for one in frames).values()) <= {1}
    assert [manifest.missing for manifest in manifests if manifest.missing] == []
    assert plan.slots == len(expected)


@pytest.mark.parametrize("hidden", [0.0, 1.0])
def test_both_ways_give_the_same_images(kvs: KvsServer, kinesis_video: Any, archived_media: Any, hidden: float) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)
    record(kvs, "cam", Recording(((0, 20), (1_700, 33))))
    document = {
        "StreamName": "cam",
        "StartTimestamp": from_epoch_ms(NOON_MS).isoformat(),
        "EndTimestamp": from_epoch_ms(NOON_MS + 12_000).isoformat(),
        "SamplingInterval": 400,
    }
    kvs.service.faults.set(Faults(faults=(NoMedia(operation="GetImages", probability=hidden),)))
    try:
        _, manifests = extracted(kinesis_video, archived_media, document)
    finally:
        kvs.service.faults.clear()

    frames = [frame for manifest in manifests for frame in manifest.frames]
    assert sum(manifest.decoded for manifest in manifests) == (len(frames) if hidden else 0)
    assert [frame.image.size_bytes for frame in frames] == _sizes(kinesis_video, archived_media, document)


def _sizes(kinesis_video: Any, archived_media: Any, document: dict[str, Any]) -> list[int]:
    _, manifests = extracted(kinesis_video, archived_media, document)
    return [frame.image.size_bytes for manifest in manifests for frame in manifest.frames]
