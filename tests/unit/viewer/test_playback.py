"""How an event is played: by KVS while it has the media, else from the archive."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from kinesight.domain.analysis.result_records import archive_key
from kinesight.domain.errors import NoMediaError, SessionMissingError, StreamGoneError, VideoMissingError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.ports import VideoStream
from kinesight.domain.sessions.clip import ClipFragment, SessionClip
from kinesight.domain.viewer.events import Mark, StoredEvent
from kinesight.domain.viewer.evidence import held_folder
from kinesight.domain.viewer.playback import MOST_CLIP_BYTES, ClipPart, PlaybackPorts, PlaybackRange, playback

from tests.builders import NOON_MS, a_fragment_number
from tests.fakes_streams import DescribeOnly
from tests.unit.viewer.test_serve_viewer import World, address_of

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


@dataclass
class FakeKvs(DescribeOnly):
    """Streams with their retention, and what was asked to be played; `refusal`: why nothing can be."""

    retention_hours: dict[str, int] = field(default_factory=lambda: {"front-door": 24})
    refusal: str | None = None
    asked: list[PlaybackRange] = field(default_factory=list)

    def describe(self, name_or_arn: str) -> VideoStream:
        if name_or_arn not in self.retention_hours:
            raise StreamGoneError(f"no stream {name_or_arn}")
        return VideoStream(name_or_arn, f"arn:{name_or_arn}", "ACTIVE", self.retention_hours[name_or_arn])

    def open(self, span: PlaybackRange) -> str:
        self.asked.append(span)
        if self.refusal is not None:
            raise NoMediaError(self.refusal)
        return f"https://kvs.example/{span.stream_name}.m3u8"


@dataclass
class FakeClips:
    """A clip is its parts, joined; parts that begin with `other` are of another form."""

    made: int = 0

    def remux(self, parts: Iterable[ClipPart], target: Path) -> int:
        self.made += 1
        taken = []
        for part in parts:
            if part.matroska.startswith(b"other"):
                break
            taken.append(part.matroska)
        if not taken:
            raise NoMediaError("cannot read any archived fragment")
        target.write_bytes(b"".join(taken))
        return len(taken)


@dataclass
class Cinema(World):
    """A visit whose three fragments are archived."""

    kvs: FakeKvs = field(default_factory=FakeKvs)
    clips: FakeClips = field(default_factory=FakeClips)
    now: datetime = NOW

    def upload(self, path: Path, key: str, content_type: str) -> None:
        assert content_type == "video/mp4"
        self.evidence_reader.objects[key] = path.read_bytes()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        with TemporaryDirectory() as folder:
            yield Path(folder)

    def film(self, *bodies: bytes) -> StoredEvent:
        event = self.visit()
        numbers = [a_fragment_number(index + 1) for index in range(len(bodies))]
        assert event.video is not None
        fragments = tuple(
            ClipFragment(
                number=one, date="2026-01-01", started_at=from_epoch_ms(NOON_MS - 1500 + 2000 * index), length_ms=2000
            )
            for index, one in enumerate(numbers)
        )
        for number, body in zip(numbers, bodies, strict=True):
            self.evidence_reader.objects[archive_key("front-door", number)] = body
        return self.with_video(event, event.video.model_copy(update={"fragments": fragments}))

    def with_video(self, event: StoredEvent, video: SessionClip | None) -> StoredEvent:
        changed = replace(event, video=video)
        self.marks.events[event.stream_name, event.event_id] = changed
        return changed

    @property
    def playing(self) -> PlaybackPorts:
        return PlaybackPorts(
            self.marks,
            self.evidence_buckets,
            self.kvs,
            self.kvs,
            lambda: self.clips,
            self,
            self.scratch,
            lambda: self.now,
        )

    def play(self, event: StoredEvent) -> dict[str, object]:
        return playback("front-door", address_of(event), self.playing)


def test_kvs_plays_what_it_keeps_from_the_first_archived_fragment_on() -> None:
    cinema = Cinema()
    event = cinema.film(b"a", b"b", b"c")

    assert cinema.play(event) == {"kind": "HLS", "url": "https://kvs.example/front-door.m3u8"}

    assert cinema.kvs.asked == [PlaybackRange("front-door", "PRODUCER_TIMESTAMP", NOON_MS - 1500, NOON_MS + 2000, 3)]
    assert cinema.clips.made == 0


def test_before_a_video_is_archived_the_fragment_that_shows_the_first_image_is_in_the_range() -> None:
    cinema = Cinema()
    event = cinema.with_video(cinema.visit(), None)

    cinema.play(event)

    assert cinema.kvs.asked == [
        PlaybackRange("front-door", "PRODUCER_TIMESTAMP", NOON_MS - 20_000, NOON_MS + 2000, 1000)
    ]


def test_a_session_of_days_is_asked_for_as_far_as_kvs_takes_it() -> None:
    cinema = Cinema()
    event = cinema.film(b"a")
    assert event.video is not None
    event = cinema.with_video(
        event, event.video.model_copy(update={"ended_at": from_epoch_ms(NOON_MS + 3 * 86_400_000)})
    )

    cinema.play(event)

    assert cinema.kvs.asked[0].end_ms - cinema.kvs.asked[0].start_ms < 86_400_000


@pytest.mark.parametrize("hours_later", [23.5, 1000])
def test_what_retention_takes_or_is_about_to_take_is_played_from_the_archive(hours_later: float) -> None:
    cinema = Cinema()
    event = cinema.film(b"a", b"b")
    cinema.now = NOW + timedelta(hours=hours_later)

    answer = cinema.play(event)

    assert (answer["kind"], answer["missing"]) == ("CLIP", None)
    key = str(answer["url"]).removeprefix("https://evidence.example/").removesuffix("?signed")
    assert key.startswith(f"clips/stream=front-door/{address_of(event)}/")
    assert cinema.evidence_reader.objects[key] == b"ab"
    assert cinema.kvs.asked == []


def test_a_clip_is_made_once_and_anew_when_there_is_more_to_it() -> None:
    cinema = Cinema(kvs=FakeKvs({}))
    event = cinema.film(b"a")

    first, again = cinema.play(event), cinema.play(event)
    longer = cinema.play(cinema.film(b"a", b"b"))

    assert first == again
    assert longer["url"] != first["url"]
    assert cinema.clips.made == 2


def test_kvs_refusing_leads_to_the_archive() -> None:
    cinema = Cinema(kvs=FakeKvs(refusal="UnsupportedStreamMediaTypeException"))

    assert cinema.play(cinema.film(b"a"))["kind"] == "CLIP"


def test_half_of_it_in_kvs_is_better_than_nothing() -> None:
    cinema = Cinema()
    event = cinema.film(b"a")
    cinema.evidence_reader.objects = {
        k: v for k, v in cinema.evidence_reader.objects.items() if not k.startswith("archive/")
    }
    cinema.now = NOW + timedelta(hours=23.5)

    assert cinema.play(event)["kind"] == "HLS"


def test_where_there_is_nothing_the_reasons_are_told() -> None:
    cinema = Cinema(kvs=FakeKvs(refusal="KVS cannot play the range: no fragments in the range"))
    event = cinema.with_video(cinema.visit(), None)

    with pytest.raises(VideoMissingError, match="no fragments in the range; no fragment of it is archived"):
        cinema.play(event)


def test_a_clip_says_what_is_not_in_it_the_second_time_too() -> None:
    cinema = Cinema(kvs=FakeKvs({}))
    event = cinema.film(b"a", b"b", b"other camera", b"c")

    assert [cinema.play(event)["missing"] for _ in range(2)] == ["2 of 4 fragments are not in this clip"] * 2


def test_a_clip_ends_before_it_passes_its_bound() -> None:
    cinema = Cinema(kvs=FakeKvs({}))
    event = cinema.film(b"a", b"b" * (MOST_CLIP_BYTES - 1), b"c")

    answer = cinema.play(event)

    assert answer["missing"] == "1 of 3 fragments are not in this clip"


def test_what_is_held_is_played_from_its_copies_when_the_archive_has_expired() -> None:
    cinema = Cinema(kvs=FakeKvs({}))
    event = cinema.film(b"a", b"b")
    cinema.marks.events["front-door", event.event_id] = replace(event, held=Mark("ann", NOON_MS))
    cinema.evidence_reader.objects = {
        held_folder(event) + key: body
        for key, body in cinema.evidence_reader.objects.items()
        if key.startswith("archive/")
    }
    cinema.now = NOW + timedelta(days=400)

    answer = cinema.play(event)

    assert (answer["kind"], answer["missing"]) == ("CLIP", None)


def test_before_there_is_a_list_the_fragments_that_matched_are_played() -> None:
    cinema = Cinema(kvs=FakeKvs({}))
    event = cinema.film(b"a", b"b")
    document = {**event.document, "fragments": [a_fragment_number(2), a_fragment_number(1)]}
    changed = replace(event, video=None, document=document)
    cinema.marks.events["front-door", event.event_id] = changed

    url = str(cinema.play(changed)["url"])

    assert (
        cinema.evidence_reader.objects[url.removeprefix("https://evidence.example/").removesuffix("?signed")] == b"ab"
    )


def test_an_event_that_is_not_there() -> None:
    with pytest.raises(SessionMissingError):
        playback("front-door", "0-0", Cinema().playing)
