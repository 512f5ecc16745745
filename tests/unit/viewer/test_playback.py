"""Playback of a session: by KVS while it has the media, or else from the archive."""

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
from kinesight.domain.viewer.evidence import held_folder
from kinesight.domain.viewer.playback import MOST_CLIP_BYTES, ClipPart, PlaybackPorts, PlaybackRange, playback
from kinesight.domain.viewer.sessions import Mark, StoredSession

from tests.builders import NOON_MS, a_fragment_number
from tests.fakes_streams import DescribeOnly
from tests.unit.viewer.test_serve_viewer import World, address_of

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


@dataclass
class FakeKvs(DescribeOnly):
    """Streams with their retention, and the ranges to play; `refusal`: error message of every call."""

    retention_hours: dict[str, int] = field(default_factory=lambda: {"front-door": 24})
    refusal: str | None = None
    opened: list[PlaybackRange] = field(default_factory=list)

    def describe(self, name_or_arn: str) -> VideoStream:
        if name_or_arn not in self.retention_hours:
            raise StreamGoneError(f"no stream {name_or_arn}")
        return VideoStream(name_or_arn, f"arn:{name_or_arn}", "ACTIVE", self.retention_hours[name_or_arn])

    def open(self, playback_range: PlaybackRange) -> str:
        self.opened.append(playback_range)
        if self.refusal is not None:
            raise NoMediaError(self.refusal)
        return f"https://kvs.example/{playback_range.stream_name}.m3u8"


@dataclass
class FakeClips:
    """A clip is its parts, joined; parts that start with `other` have another format."""

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
class Player(World):
    """A session with three archived fragments."""

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

    def add_archived_session(self, *bodies: bytes) -> StoredSession:
        session = self.add_session()
        numbers = [a_fragment_number(index + 1) for index in range(len(bodies))]
        assert session.video is not None
        fragments = tuple(
            ClipFragment(
                number=one, date="2026-01-01", started_at=from_epoch_ms(NOON_MS - 1500 + 2000 * index), length_ms=2000
            )
            for index, one in enumerate(numbers)
        )
        for number, body in zip(numbers, bodies, strict=True):
            self.evidence_reader.objects[archive_key("front-door", number)] = body
        return self.with_video(session, session.video.model_copy(update={"fragments": fragments}))

    def with_video(self, session: StoredSession, video: SessionClip | None) -> StoredSession:
        changed = replace(session, video=video)
        self.marks.sessions[session.stream_name, session.session_key] = changed
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

    def play(self, session: StoredSession) -> dict[str, object]:
        return playback("front-door", address_of(session), self.playing)


def test_kvs_plays_stored_media_from_the_first_archived_fragment() -> None:
    player = Player()
    session = player.add_archived_session(b"a", b"b", b"c")

    assert player.play(session) == {"kind": "HLS", "url": "https://kvs.example/front-door.m3u8"}

    assert player.kvs.opened == [PlaybackRange("front-door", "PRODUCER_TIMESTAMP", NOON_MS - 1500, NOON_MS + 2000, 3)]
    assert player.clips.made == 0


def test_the_range_includes_the_fragment_of_the_first_image_until_a_video_is_archived() -> None:
    player = Player()
    session = player.with_video(player.add_session(), None)

    player.play(session)

    assert player.kvs.opened == [
        PlaybackRange("front-door", "PRODUCER_TIMESTAMP", NOON_MS - 20_000, NOON_MS + 2000, 1000)
    ]


def test_a_session_of_days_is_limited_to_the_range_that_kvs_accepts() -> None:
    player = Player()
    session = player.add_archived_session(b"a")
    assert session.video is not None
    session = player.with_video(
        session, session.video.model_copy(update={"ended_at": from_epoch_ms(NOON_MS + 3 * 86_400_000)})
    )

    player.play(session)

    assert player.kvs.opened[0].end_ms - player.kvs.opened[0].start_ms < 86_400_000


@pytest.mark.parametrize("hours_later", [23.5, 1000])
def test_expired_and_expiring_media_is_played_from_the_archive(hours_later: float) -> None:
    player = Player()
    session = player.add_archived_session(b"a", b"b")
    player.now = NOW + timedelta(hours=hours_later)

    response = player.play(session)

    assert (response["kind"], response["missing"]) == ("CLIP", None)
    key = str(response["url"]).removeprefix("https://evidence.example/").removesuffix("?signed")
    assert key.startswith(f"clips/stream=front-door/{address_of(session)}/")
    assert player.evidence_reader.objects[key] == b"ab"
    assert player.kvs.opened == []


def test_a_clip_is_made_once_and_again_when_fragments_are_added() -> None:
    player = Player(kvs=FakeKvs({}))
    session = player.add_archived_session(b"a")

    first, again = player.play(session), player.play(session)
    longer = player.play(player.add_archived_session(b"a", b"b"))

    assert first == again
    assert longer["url"] != first["url"]
    assert player.clips.made == 2


def test_the_archive_is_used_if_kvs_refuses() -> None:
    player = Player(kvs=FakeKvs(refusal="UnsupportedStreamMediaTypeException"))

    assert player.play(player.add_archived_session(b"a"))["kind"] == "CLIP"


def test_kvs_plays_a_part_if_nothing_is_archived() -> None:
    player = Player()
    session = player.add_archived_session(b"a")
    player.evidence_reader.objects = {
        k: v for k, v in player.evidence_reader.objects.items() if not k.startswith("archive/")
    }
    player.now = NOW + timedelta(hours=23.5)

    assert player.play(session)["kind"] == "HLS"


def test_without_media_the_reasons_are_returned() -> None:
    player = Player(kvs=FakeKvs(refusal="KVS cannot play the range: no fragments in the range"))
    session = player.with_video(player.add_session(), None)

    with pytest.raises(VideoMissingError, match="no fragments in the range; no fragment is archived"):
        player.play(session)


def test_a_reused_clip_has_its_missing_fragments() -> None:
    player = Player(kvs=FakeKvs({}))
    session = player.add_archived_session(b"a", b"b", b"other camera", b"c")

    assert [player.play(session)["missing"] for _ in range(2)] == ["2 of 4 fragments are not in this clip"] * 2


def test_a_clip_ends_before_its_limit() -> None:
    player = Player(kvs=FakeKvs({}))
    session = player.add_archived_session(b"a", b"b" * (MOST_CLIP_BYTES - 1), b"c")

    response = player.play(session)

    assert response["missing"] == "1 of 3 fragments are not in this clip"


def test_a_held_session_is_played_from_its_copies_after_the_archive_has_expired() -> None:
    player = Player(kvs=FakeKvs({}))
    session = player.add_archived_session(b"a", b"b")
    player.marks.sessions["front-door", session.session_key] = replace(session, held=Mark("ann", NOON_MS))
    player.evidence_reader.objects = {
        held_folder(session) + key: body
        for key, body in player.evidence_reader.objects.items()
        if key.startswith("archive/")
    }
    player.now = NOW + timedelta(days=400)

    response = player.play(session)

    assert (response["kind"], response["missing"]) == ("CLIP", None)


def test_matched_fragments_are_played_until_a_list_exists() -> None:
    player = Player(kvs=FakeKvs({}))
    session = player.add_archived_session(b"a", b"b")
    document = {**session.document, "fragments": [a_fragment_number(2), a_fragment_number(1)]}
    changed = replace(session, video=None, document=document)
    player.marks.sessions["front-door", session.session_key] = changed

    url = str(player.play(changed)["url"])

    assert (
        player.evidence_reader.objects[url.removeprefix("https://evidence.example/").removesuffix("?signed")] == b"ab"
    )


def test_a_missing_session() -> None:
    with pytest.raises(SessionMissingError):
        playback("front-door", "0-0", Player().playing)
