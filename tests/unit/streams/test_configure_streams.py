"""configure_streams: sets only what differs, restores everything, keeps KVS's limits, may stop anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight.domain.errors import (
    InvalidSettingError,
    StillInProgressError,
    StreamBusyError,
    StreamRefusedError,
    ThrottledError,
)
from kinesight.domain.streams.configure_streams import (
    LOCK_S,
    VERIFY_EVERY_S,
    ConfigureStreamsPorts,
    ConfigureStreamsReport,
    apply,
    refresh,
    restore_all,
)
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import Feature, StreamFeatures, StreamSettings
from kinesight_local.kvs.undocumented import Describe

from tests.examples import examples
from tests.fakes import FakeWork
from tests.fakes_streams import FakeManagedStreams, FakeStreamDirectory, same_settings

IMAGES = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://bucket/images/"},
    "SamplingInterval": 3000,
    "Format": "JPEG",
}
NOTICES = {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-east-1:111122223333:notices"}}
THEIRS = {
    **IMAGES,
    "SamplingInterval": 500,
    "DestinationConfig": {"Uri": "s3://theirs", "DestinationRegion": "us-east-1"},
}


@dataclass
class World:
    """A fleet, a table and a clock."""

    registry: FakeStreamDirectory = field(default_factory=FakeStreamDirectory)
    managed: FakeManagedStreams = field(default_factory=FakeManagedStreams)
    tags: StreamTagsFile = field(default_factory=lambda: StreamTagsFile(FakeWork()))
    epoch_s: float = 1_767_268_800.0
    budget_s: float = 840.0

    def ports(self) -> ConfigureStreamsPorts:
        clock = self.registry.clock
        deadline_s = clock.now_s() + self.budget_s
        return ConfigureStreamsPorts(self.registry, self.managed, self.tags, clock, self.epoch_s, deadline_s, workers=1)

    def apply(self, *names: str, **changes: Any) -> ConfigureStreamsReport:
        return apply(desired(*names, **changes), self.ports())

    def images(self, arn: str) -> Any:
        return self.registry.configurations.get((Feature.IMAGE_GENERATION, arn))


def desired(
    *names: str, tag_filters: Any = (), images: Any = IMAGES, notices: Any = None, takes_over: bool = True
) -> StreamSettings:
    return same_settings(StreamSelection.of(names, list(tag_filters)), images, notices, takes_over=takes_over)


def test_selected_streams_are_set_with_their_own_region() -> None:
    world = World()
    camera, other = world.registry.add("front-1"), world.registry.add("back")

    report = world.apply("front-*", notices=NOTICES)

    assert world.images(camera.arn)["DestinationConfig"] == {
        "Uri": "s3://bucket/images/",
        "DestinationRegion": "us-east-1",
    }
    assert world.registry.configurations[Feature.NOTIFICATION, camera.arn] == NOTICES
    assert world.images(other.arn) is None
    assert (report.selected, report.updated) == (1, 2)


def test_tag_filters_of_kit_select_streams() -> None:
    world = World()
    front = world.registry.add("a", Location="Front")
    world.registry.add("b", Location="Attic")
    named = world.registry.add("c")

    world.apply("c", tag_filters=[{"key": "Location", "values": ["Front", "Parking"]}])

    assert {arn for _, arn in world.registry.configurations} == {front.arn, named.arn}


@pytest.mark.parametrize("wrong", [[{"values": ["x"]}], ["Location"], [{"key": ""}], [{"key": "k", "value": "v"}]])
def test_an_invalid_tag_filter_is_an_error_with_an_example(wrong: Any) -> None:
    with pytest.raises(InvalidSettingError, match='"key":"Location"'):
        StreamSelection.of([], wrong)


def test_correct_settings_are_not_set_again() -> None:
    world = World()
    camera = world.registry.add("cam")
    destination = {"Uri": "s3://bucket/images", "DestinationRegion": "us-east-1"}
    present = {**IMAGES, "DestinationConfig": destination, "FormatConfig": {"JPEGQuality": "80"}}
    world.registry.configurations[Feature.IMAGE_GENERATION, camera.arn] = present

    report = world.apply("cam")

    assert (report.unchanged, report.updated) == (1, 0)
    assert world.registry.calls["Update image-generation"] == []


def test_unchanged_streams_cost_no_calls_until_verification() -> None:
    world = World()
    world.registry.add("cam")
    world.apply("cam")
    described = len(world.registry.calls["Describe image-generation"])

    refresh(desired("cam"), world.ports())
    assert len(world.registry.calls["Describe image-generation"]) == described

    world.epoch_s += VERIFY_EVERY_S + 1
    refresh(desired("cam"), world.ports())
    assert len(world.registry.calls["Describe image-generation"]) == described + 1


def test_drift_is_fixed() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam")
    world.registry.configurations[Feature.IMAGE_GENERATION, camera.arn] = THEIRS
    world.epoch_s += VERIFY_EVERY_S + 1

    assert refresh(desired("cam"), world.ports()).updated == 1
    assert world.images(camera.arn)["SamplingInterval"] == 3000


@pytest.mark.parametrize("describe", Describe)
@pytest.mark.parametrize("takes_over", [False, True])
def test_settings_that_are_returned_differently_are_set_once(describe: Describe, takes_over: bool) -> None:
    """KVS interrupts images for a minute each time."""
    world = World(FakeStreamDirectory(describe_as=describe))
    camera = world.registry.add("cam")
    world.apply("cam", notices=NOTICES, takes_over=takes_over)
    for _ in range(3):
        world.epoch_s += VERIFY_EVERY_S + 1
        report = refresh(desired("cam", notices=NOTICES, takes_over=takes_over), world.ports())
        assert (report.unchanged, report.updated, report.theirs) == (2, 0, 0)
        assert [one.startswith("cam: KVS returns other") for one in report.warnings] == [True] * (
            describe is Describe.REWRITTEN
        )
    assert {api: len(world.registry.calls[f"Update {api}"]) for api in Feature} == dict.fromkeys(Feature, 1)

    changed = {**IMAGES, "SamplingInterval": 9000}
    assert refresh(desired("cam", images=changed, takes_over=takes_over), world.ports()).updated == 1
    assert world.images(camera.arn)["SamplingInterval"] == 9000
    restore_all(world.ports())
    assert world.registry.configurations == {}


def test_settings_of_a_former_version_are_not_set_again() -> None:
    """It left out the slash at the end of the destination."""
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam", images={**IMAGES, "DestinationConfig": {"Uri": "s3://bucket/images"}})
    world.epoch_s += VERIFY_EVERY_S + 1

    assert refresh(desired("cam"), world.ports()).unchanged == 1
    assert world.images(camera.arn)["DestinationConfig"]["Uri"] == "s3://bucket/images"
    restore_all(world.ports())
    assert world.images(camera.arn) is None


def test_a_field_that_is_no_longer_set_is_removed() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam", images={**IMAGES, "WidthPixels": 640})

    assert world.apply("cam").updated == 1
    assert "WidthPixels" not in world.images(camera.arn)


@pytest.mark.parametrize("before", [None, THEIRS])
def test_previous_settings_are_restored(before: Any) -> None:
    world = World()
    camera = world.registry.add("cam")
    if before:
        world.registry.configurations[Feature.IMAGE_GENERATION, camera.arn] = before
    world.apply("cam")
    world.apply("cam", images={**IMAGES, "SamplingInterval": 9000})

    report = restore_all(world.ports())

    assert world.images(camera.arn) == before
    assert (report.restored, world.managed.entries) == (1, {})


def test_settings_of_somebody_else_are_left_alone() -> None:
    world = World()
    theirs, free, switched_off = (world.registry.add(name) for name in ("cam-1", "cam-2", "cam-3"))
    topic = {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-east-1:111122223333:theirs"}}
    world.registry.configurations[Feature.IMAGE_GENERATION, theirs.arn] = THEIRS
    world.registry.configurations[Feature.NOTIFICATION, theirs.arn] = topic
    world.registry.configurations[Feature.IMAGE_GENERATION, switched_off.arn] = {**THEIRS, "Status": "DISABLED"}

    report = world.apply("cam-*", notices=NOTICES, takes_over=False)

    assert (report.theirs, report.updated) == (2, 4)
    assert (world.images(theirs.arn), world.registry.configurations[Feature.NOTIFICATION, theirs.arn]) == (
        THEIRS,
        topic,
    )
    assert {one.stream_name for one in world.managed.all()} == {"cam-2", "cam-3"}
    assert report.warnings[0].startswith("cam-1: its image-generation settings send to s3://theirs, and are left")
    restore_all(world.ports())
    assert (world.images(theirs.arn), world.images(free.arn)) == (THEIRS, None)


@pytest.mark.parametrize(("uri", "left_alone"), [("s3://bucket", 0), ("s3://bucket/old/cam", 0), ("s3://bucket2", 1)])
def test_another_folder_of_the_own_bucket_is_not_of_somebody_else(uri: str, left_alone: int) -> None:
    world = World()
    camera = world.registry.add("cam")
    before = {**THEIRS, "DestinationConfig": {"Uri": uri, "DestinationRegion": "us-east-1"}}
    world.registry.configurations[Feature.IMAGE_GENERATION, camera.arn] = before

    report = world.apply("cam", takes_over=False)

    assert (report.theirs, report.updated) == (left_alone, 1 - left_alone)
    restore_all(world.ports())
    assert world.images(camera.arn) == before


def test_two_stacks_do_not_overwrite_each_other() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam", takes_over=False)
    world.registry.configurations[Feature.IMAGE_GENERATION, camera.arn] = THEIRS
    world.epoch_s += VERIFY_EVERY_S

    report = world.apply("cam", takes_over=False)

    assert (report.theirs, world.images(camera.arn)) == (1, THEIRS)


def test_settings_follow_the_stack_to_another_bucket() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam", takes_over=False)

    moved = {**IMAGES, "DestinationConfig": {"Uri": "s3://new-bucket/images"}}
    report = world.apply("cam", images=moved, takes_over=False)

    assert (report.theirs, report.updated) == (0, 1)
    assert world.images(camera.arn)["DestinationConfig"]["Uri"] == "s3://new-bucket/images"
    restore_all(world.ports())
    assert world.images(camera.arn) is None


def test_own_settings_that_another_deployment_left_are_adopted() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.registry.configurations[Feature.IMAGE_GENERATION, camera.arn] = {**IMAGES, "SamplingInterval": 500}

    assert world.apply("cam", takes_over=False).updated == 1
    assert world.images(camera.arn)["SamplingInterval"] == 3000


def test_a_feature_that_is_switched_off_is_restored() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam", notices=NOTICES)

    world.apply("cam", notices=None)

    assert (Feature.NOTIFICATION, camera.arn) not in world.registry.configurations
    assert world.images(camera.arn) is not None


def test_a_later_change_from_elsewhere_is_not_undone() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam")
    world.registry.configurations[Feature.IMAGE_GENERATION, camera.arn] = THEIRS

    report = restore_all(world.ports())

    assert world.images(camera.arn) == THEIRS
    assert "changed elsewhere" in report.warnings[0]


def test_a_late_scheduled_run_changes_nothing_after_deletion() -> None:
    world = World()
    camera = world.registry.add("cam")
    world.apply("cam")
    restore_all(world.ports())

    assert refresh(desired("cam"), world.ports()).skipped
    assert world.images(camera.arn) is None
    world.apply("cam")
    assert world.images(camera.arn) is not None


def test_two_runs_never_overlap() -> None:
    world = World()
    world.managed.token = "another"

    assert refresh(desired("cam"), world.ports()).skipped
    with pytest.raises(StillInProgressError):
        world.apply("cam")
    assert world.registry.clock.now_s() < LOCK_S


def test_a_stream_without_retention_is_reported_with_the_fix() -> None:
    world = World()
    world.registry.add("silent", retention_hours=0)
    camera = world.registry.add("cam")

    report = world.apply("*")

    assert world.images(camera.arn) is not None
    assert report.no_retention == 1
    assert "silent" in report.warnings[0]
    assert "update-data-retention" in report.warnings[0]


def test_an_error_of_one_stream_does_not_stop_the_others() -> None:
    world = World()
    troubles: dict[str, Exception] = {}
    for name, trouble in (("busy", StreamBusyError("x")), ("refused", StreamRefusedError("no right"))):
        troubles[world.registry.add(name).arn] = trouble
    gone, camera = world.registry.add("gone"), world.registry.add("cam")
    world.registry.add("creating", active=False)

    def before(api: str, arn: str) -> None:
        if api.startswith("Describe") and arn == gone.arn:
            del world.registry.fleet[arn]
        if api.startswith("Update") and arn in troubles:
            raise troubles[arn]

    world.registry.before_call = before
    report = world.apply("*")

    assert (report.busy, report.failed, report.vanished, report.updated) == (2, 1, 1, 1)
    assert "no right" in report.warnings[0]
    assert world.images(camera.arn) is not None


def test_throttled_calls_are_retried() -> None:
    world = World()
    world.registry.add("cam")
    failures = iter([True, True, False])

    def before(api: str, _arn: str) -> None:
        if api.startswith("Update") and next(failures, False):
            raise ThrottledError("slow down")

    world.registry.before_call = before
    assert world.apply("cam").updated == 1


def test_streams_that_are_not_reached_are_left_to_the_next_run() -> None:
    world = World(budget_s=2.0)
    for index in range(200):
        world.registry.add(f"cam-{index}")

    first = world.apply("*")
    assert first.pending > 0
    world.budget_s = 840
    assert world.apply("*").pending == 0
    assert len(world.registry.configurations) == 200


def test_ten_thousand_streams_fit_the_quotas_and_one_run() -> None:
    world = World()
    for index in range(10_000):
        world.registry.add(f"cam-{index}", Location="Front")

    report = world.apply(tag_filters=[{"key": "Location", "values": ["Front"]}], notices=NOTICES)

    assert (report.updated, report.pending, report.failed) == (20_000, 0, 0)
    for api, times in world.registry.calls.items():
        most = max(sum(1 for at in times[n : n + 60] if at < times[n] + 1) for n in range(0, len(times), 50))
        assert most <= 50, api
    assert world.registry.clock.now_s() < 840


names = st.sets(st.sampled_from(["cam-1", "cam-2", "cam-3"]))


@settings(max_examples=examples(60))
@given(st.lists(names, max_size=5), st.sets(st.sampled_from(["cam-1", "cam-2", "cam-3"])))
def test_every_stream_ends_with_its_original_settings(turns: list[set[str]], had: set[str]) -> None:
    world = World()
    for name in ("cam-1", "cam-2", "cam-3"):
        stream = world.registry.add(name)
        if name in had:
            world.registry.configurations[Feature.IMAGE_GENERATION, stream.arn] = THEIRS
    before = dict(world.registry.configurations)

    for turn in turns:
        world.apply(*turn)
        assert {key[1].split("/")[1] for key, one in world.registry.configurations.items() if one != THEIRS} == turn
    restore_all(world.ports())

    assert world.registry.configurations == before


@settings(max_examples=examples(80))
@given(st.integers(0, 14), st.booleans())
def test_a_stopped_run_is_completed_by_the_next(cut_at: int, deleting: bool) -> None:
    class PowerCut(BaseException):
        pass

    world = World()
    arns = [world.registry.add(name).arn for name in ("cam-1", "cam-2")]
    world.registry.configurations[Feature.IMAGE_GENERATION, arns[0]] = THEIRS
    before = dict(world.registry.configurations)
    if deleting:
        world.apply("*", notices=NOTICES)
    count = 0

    def cut(_api: str, _arn: str) -> None:
        nonlocal count
        count += 1
        if count > cut_at:
            raise PowerCut

    world.registry.before_call = cut
    try:
        restore_all(world.ports()) if deleting else world.apply("*", notices=NOTICES)
    except PowerCut:
        world.managed.token = None  # the lock expires
    world.registry.before_call = lambda _api, _arn: None
    if not deleting:
        world.apply("*", notices=NOTICES)
        assert len(world.registry.configurations) == 4
    restore_all(replace(world.ports()))

    assert world.registry.configurations == before


def test_a_stream_with_unreadable_tags_keeps_its_settings() -> None:
    world = World()
    stream = world.registry.add("cam", Location="Front")
    filters = [{"key": "Location", "values": ["Front"]}]
    world.apply(tag_filters=filters)
    before_trouble = world.images(stream.arn)

    def before(api: str, _arn: str) -> None:
        if api == "ListTagsForStream":
            raise ThrottledError("slow down")

    world.registry.before_call = before
    report = world.apply(tag_filters=filters)

    assert (report.failed, report.restored) == (1, 0)
    assert before_trouble is not None
    assert world.images(stream.arn) == before_trouble


def by_place(name: str, tags: Mapping[str, str]) -> StreamFeatures:
    """Every camera in the yard has images of its own; the one named off has none."""
    if name == "off":
        return StreamFeatures(None, None)
    interval = 500 if tags.get("Location") == "Yard" else 3000
    return StreamFeatures({**IMAGES, "SamplingInterval": interval}, None)


def test_streams_have_the_settings_of_their_camera() -> None:
    world = World()
    door, yard, off = world.registry.add("door"), world.registry.add("yard", Location="Yard"), world.registry.add("off")
    chosen = StreamSettings(StreamSelection.of(["*"], []), by_place, needs_tags=True)

    report = apply(chosen, world.ports())

    assert [world.images(one.arn)["SamplingInterval"] for one in (door, yard)] == [3000, 500]
    assert world.images(off.arn) is None
    assert (report.selected, report.updated) == (3, 2)
    assert world.tags.load() == {"yard": {"Location": "Yard"}}


def test_tags_are_read_once_in_a_run_and_saved_when_they_change() -> None:
    world = World()
    world.registry.add("yard", Location="Yard")
    chosen = StreamSettings(StreamSelection.of([], [{"key": "Location"}]), by_place, needs_tags=True)

    for _ in range(2):
        apply(chosen, world.ports())

    assert len(world.registry.calls["ListTagsForStream"]) == 2
    world.registry.tag_sets = {key: {"Location": "Street"} for key in world.registry.tag_sets}
    apply(chosen, world.ports())
    assert world.tags.load() == {"yard": {"Location": "Street"}}


def test_a_stream_with_unreadable_tags_keeps_its_settings_and_known_tags() -> None:
    world = World()
    yard = world.registry.add("yard", Location="Yard")
    chosen = StreamSettings(StreamSelection.of(["*"], []), by_place, needs_tags=True)
    apply(chosen, world.ports())
    before = world.images(yard.arn)

    def refuse(api: str, _: str) -> None:
        if api == "ListTagsForStream":
            raise StreamRefusedError("AccessDenied")

    world.registry.before_call = refuse
    report = apply(chosen, world.ports())

    assert (report.failed, world.images(yard.arn)) == (1, before)
    assert world.tags.load() == {"yard": {"Location": "Yard"}}


def test_without_cameras_by_tags_no_tags_are_read() -> None:
    world = World()
    world.registry.add("yard", Location="Yard")

    world.apply("*")

    assert world.registry.calls["ListTagsForStream"] == []
    assert world.tags.load() == {}
