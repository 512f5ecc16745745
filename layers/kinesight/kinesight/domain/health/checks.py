"""Checks of one stream: existence, retention, stream settings, fragments, live reading. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from kinesight.domain.check_results import Cause, Result, failed, ok, warning
from kinesight.domain.health.facts import (
    ClockFacts,
    ConfigurationFacts,
    FragmentsFacts,
    LastImageFacts,
    LiveFacts,
    StreamFacts,
)
from kinesight.domain.streams.stream_settings import drift, foreign_destination


def span(seconds: float) -> str:
    """Formats a time span, such as 12 s, 3 min, 2.5 h, 4 days."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.3g} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def stream(facts: StreamFacts) -> Result:
    if facts.arn is None:
        return failed(
            Cause.STREAM_MISSING,
            f"there is no stream {facts.name} in {facts.region}",
            "It was deleted, or its name is different: names are case-sensitive.",
            "aws kinesisvideo list-streams --query 'StreamInfoList[].StreamName' --output text",
        )
    return ok(f"{facts.name} exists")


def status(facts: StreamFacts) -> Result:
    if facts.status != "ACTIVE":
        return failed(
            Cause.STREAM_NOT_ACTIVE,
            f"it is {facts.status}",
            "KVS accepts neither media nor settings until it is ACTIVE. CREATING and UPDATING end without your action.",
            f"aws kinesisvideo describe-stream --stream-name {facts.name} --query StreamInfo.Status",
        )
    return ok("it is ACTIVE")


def retention(facts: StreamFacts) -> Result:
    if facts.retention_hours == 0:
        return failed(
            Cause.NO_RETENTION,
            "it keeps media for 0 hours",
            "Without retention KVS generates no images, sends no notifications and stores no fragments.",
            f"aws kinesisvideo update-data-retention --stream-name {facts.name} --operation INCREASE_DATA_RETENTION "
            f"--data-retention-change-in-hours 24 --current-version {facts.version}",
            retentionHours=0,
        )
    return ok(f"it keeps media for {facts.retention_hours} hours", retentionHours=facts.retention_hours)


_LEFT_ALONE = (
    "A stream has one destination of each kind, and this one belongs to another owner, so configure_streams leaves it "
    "alone. Set takeOverStreamSettings of the camera in the configuration document to have it replaced, and restored "
    "when the camera leaves the stack."
)


def image_generation(facts: ConfigurationFacts) -> Result:
    current, expected = facts.current, facts.expected
    update = update_images(facts.stream, expected)
    if not current:
        return failed(
            Cause.IMAGES_NOT_CONFIGURED,
            "it has no image generation configuration",
            "configure_streams has not configured it yet (it runs every five minutes) or failed (see its log), or the "
            "configuration was deleted outside this stack.",
            update,
        )
    if current.get("Status") != "ENABLED":
        return failed(
            Cause.IMAGES_DISABLED,
            "image generation is DISABLED",
            "It was disabled outside this stack; configure_streams enables it again within half an hour.",
            update,
        )
    if current == facts.described:
        return warning(
            f"KVS returns other values than the stack has set: {_different(current, expected)}",
            "the check `images` shows whether images arrive. configure_streams does not set them again",
        )
    here = expected["DestinationConfig"]["Uri"]
    there = foreign_destination(current, expected)
    if there is not None:
        return failed(Cause.IMAGES_ELSEWHERE, f"its images go to {there}, this stack reads {here}", _LEFT_ALONE, update)
    different = _different(current, expected)
    if different:
        return failed(
            Cause.IMAGES_DRIFTED,
            f"it differs from the stack's parameters: {different}",
            "It was changed outside this stack; configure_streams corrects it within half an hour, unless its log says "
            "that KVS returns other settings than were set.",
            update,
        )
    return ok(f"ENABLED, an image every {expected.get('SamplingInterval')} ms to {here}")


def _different(current: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Returns the differences except in the Region, which another check compares."""
    names = drift(_without_region(current), _without_region(expected))
    return ", ".join(f"{name} is {current.get(name)}, not {expected.get(name)}" for name in names)


def _without_region(configuration: Mapping[str, Any]) -> dict[str, Any]:
    destination = {"Uri": configuration.get("DestinationConfig", {}).get("Uri")}
    return {**configuration, "DestinationConfig": destination}


def update_images(stream_name: str, expected: Mapping[str, Any]) -> str:
    """Returns the AWS CLI command that sets the expected image generation configuration."""
    return (
        f"aws kinesisvideo update-image-generation-configuration --stream-name {stream_name} "
        f"--image-generation-configuration '{json.dumps(expected)}'"
    )


def fragments(facts: FragmentsFacts) -> Result:
    cure = (
        f"kinesight put-video {facts.stream} FILE --tag image  # if this produces images, the cause is the camera, "
        "its network or its credentials"
    )
    if facts.newest is None:
        return failed(
            Cause.NO_FRAGMENTS,
            f"no fragment was received within the last {span(facts.searched_s)}",
            "The camera sends no media: it is off, has no network, its credentials are invalid, or it sends to another "
            "stream or Region. See the response of PutMedia in the camera's log.",
            cure,
        )
    age_s = (facts.now_ms - facts.newest.server_ms) / 1000
    fact = f"last fragment {span(age_s)} ago"
    measured = {"lastFragmentAgeSeconds": round(age_s, 1), "lastFragmentServerEpochMs": facts.newest.server_ms}
    if age_s > facts.silent_s:
        return failed(
            Cause.PRODUCER_SILENT,
            fact,
            f"No fragment was received for over {span(facts.silent_s)} (--silent-after): the camera stopped sending, "
            "or sends only on motion.",
            cure,
            **measured,
        )
    return ok(fact, **measured)


def clock(facts: ClockFacts) -> Result:
    side = "ahead" if facts.ahead_s > 0 else "behind"
    fact = f"the camera's clock is {span(abs(facts.ahead_s))} {side}"
    if abs(facts.ahead_s) <= facts.clock_s:
        return ok(fact, clockAheadSeconds=round(facts.ahead_s, 1))
    if not facts.counts:
        return ok(f"{fact}, but SERVER_TIMESTAMP does not use it", clockAheadSeconds=round(facts.ahead_s, 1))
    return failed(
        Cause.CLOCK_OFF,
        fact,
        "Images, results and time ranges use the camera's clock (ImageSelectorType PRODUCER_TIMESTAMP), so their "
        "timestamps and quiet hours are wrong. A recording that was played into the stream has the same effect.",
        "make deploy ARGS='--parameter-overrides ImageSelectorType=SERVER_TIMESTAMP'  # or set the camera's clock",
        clockAheadSeconds=round(facts.ahead_s, 1),
    )


def last_image(facts: LastImageFacts) -> Result:
    """Checks a stream whose fragments arrive."""
    if facts.seen_ms is None:
        return warning("no image has been received yet", f"kinesight doctor {facts.stream}")
    age_s = (facts.now_ms - facts.seen_ms) / 1000
    if age_s < facts.missing_s:
        return ok(f"an image was received within the last {span(max(300, age_s))}")
    return failed(
        Cause.IMAGES_NOT_WRITTEN,
        f"fragments arrive, but no image has been received for {span(age_s)}",
        "The camera does not tag its fragments, KVS cannot decode its codec, or the caller of PutMedia may not write "
        "to the bucket. KVS reports none of these.",
        f"kinesight doctor {facts.stream}  # reads fragments to find the cause",
    )


def live(facts: LiveFacts) -> Result:
    if not facts.leased or facts.owner is None:
        return failed(
            Cause.LIVE_UNREAD,
            "no consumer holds its lease" if facts.leased else "it has no lease",
            "conduct_live creates a lease for every selected stream and starts consumers, once a minute; consumers "
            "acquire free leases within seconds. So conduct_live or consume_live does not run, or fails.",
            f"aws logs tail {facts.log_group} --since 15m",
        )
    if facts.behind_s is not None and facts.behind_s > facts.live_s:
        return failed(
            Cause.LIVE_LATE,
            f"the checkpoint is {span(facts.behind_s)} behind the last fragment",
            "The consumer reads the stream, but its detector is too slow for the number of keyframes, or fails "
            "(docs/runbook.md, `Live consumers fail`).",
            "kinesight config put kinesight.yaml  # with a longer live.samplingInterval, or more limits.liveWorkers",
            liveBehindSeconds=round(facts.behind_s, 1),
        )
    behind = "" if facts.behind_s is None else f", the checkpoint {span(max(0, facts.behind_s))} behind"
    return ok(f"a consumer reads it{behind}")


def notifications(facts: ConfigurationFacts) -> Result:
    current = facts.current or {}
    topic = facts.expected["DestinationConfig"]["Uri"]
    cause = (
        "configure_streams has not configured it yet, or it was changed outside this stack; it is corrected within "
        "half an hour."
    )
    if current.get("Status") == "ENABLED" and current.get("DestinationConfig", {}).get("Uri") == topic:
        return ok(f"ENABLED, to {topic.rpartition(':')[2]}")
    return failed(
        Cause.NOTIFICATIONS_NOT_CONFIGURED,
        f"its notification configuration is {json.dumps(current) if current else 'empty'}",
        cause if foreign_destination(current, facts.expected) is None else _LEFT_ALONE,
        f"aws kinesisvideo update-notification-configuration --stream-name {facts.stream} "
        f"--notification-configuration '{json.dumps(facts.expected)}'",
    )
