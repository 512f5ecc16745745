"""Checks of one stream: existence, retention, stream settings, fragments, live reading. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from kinesight.domain.check_results import Cause, Result, failed, ok, warning
from kinesight.domain.health.facts import (
    ClockFacts,
    ConfigurationFacts,
    FragmentsFacts,
    LiveFacts,
    NotedImagesFacts,
    StreamFacts,
)
from kinesight.domain.streams.stream_settings import equal_settings


def span(seconds: float) -> str:
    """12 s, 3 min, 2.5 h, 4 days."""
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
            "It was deleted, or its name is another: case counts.",
            "aws kinesisvideo list-streams --query 'StreamInfoList[].StreamName' --output text",
        )
    return ok(f"{facts.name} exists")


def status(facts: StreamFacts) -> Result:
    if facts.status != "ACTIVE":
        return failed(
            Cause.STREAM_NOT_ACTIVE,
            f"it is {facts.status}",
            "KVS takes neither media nor a configuration until it is ACTIVE. CREATING and UPDATING pass by themselves.",
            f"aws kinesisvideo describe-stream --stream-name {facts.name} --query StreamInfo.Status",
        )
    return ok("it is ACTIVE")


def retention(facts: StreamFacts) -> Result:
    if facts.retention_hours == 0:
        return failed(
            Cause.NO_RETENTION,
            "it keeps media for 0 hours",
            "Without retention KVS generates no images, sends no notifications, and keeps no fragment to read.",
            f"aws kinesisvideo update-data-retention --stream-name {facts.name} --operation INCREASE_DATA_RETENTION "
            f"--data-retention-change-in-hours 24 --current-version {facts.version}",
            retentionHours=0,
        )
    return ok(f"it keeps media for {facts.retention_hours} hours", retentionHours=facts.retention_hours)


def image_generation(facts: ConfigurationFacts) -> Result:
    current, wanted = facts.current, facts.wanted
    update = update_images(facts.stream, wanted)
    if not current:
        return failed(
            Cause.IMAGES_NOT_CONFIGURED,
            "it has no image generation configuration",
            "configure_streams has not reached it yet (it runs every five minutes), failed (its log says why), or "
            "somebody deleted the configuration.",
            update,
        )
    if current.get("Status") != "ENABLED":
        return failed(
            Cause.IMAGES_DISABLED,
            "image generation is DISABLED",
            "Somebody switched it off on the stream; configure_streams switches it on again within half an hour.",
            update,
        )
    here, there = (str(one.get("DestinationConfig", {}).get("Uri")) for one in (wanted, current))
    if here != there:
        return failed(
            Cause.IMAGES_ELSEWHERE,
            f"its images go to {there}, the stack reads {here}",
            "A stream has one destination. Another stack or person configured it; two stacks that want the same stream "
            "take it from each other for ever.",
            update,
        )
    different = _different(current, wanted)
    if different:
        return failed(
            Cause.IMAGES_DRIFTED,
            f"it differs from the stack's parameters: {different}",
            "Somebody changed it on the stream; configure_streams puts it right within half an hour.",
            update,
        )
    return ok(f"ENABLED, an image every {wanted.get('SamplingInterval')} ms to {here}")


def _different(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The Regions apart: they are another check's."""
    if equal_settings(_without_region(current), _without_region(wanted)):
        return ""
    names = sorted((set(current) | set(wanted)) - {"DestinationConfig"})
    return ", ".join(
        f"{name} is {current.get(name)}, not {wanted.get(name)}"
        for name in names
        if current.get(name) != wanted.get(name)
    )


def _without_region(configuration: Mapping[str, Any]) -> dict[str, Any]:
    destination = {"Uri": configuration.get("DestinationConfig", {}).get("Uri")}
    return {**configuration, "DestinationConfig": destination}


def update_images(stream_name: str, wanted: Mapping[str, Any]) -> str:
    return (
        f"aws kinesisvideo update-image-generation-configuration --stream-name {stream_name} "
        f"--image-generation-configuration '{json.dumps(wanted)}'"
    )


def fragments(facts: FragmentsFacts) -> Result:
    cure = (
        f"kinesight put-video {facts.stream} FILE --tag image  # if this gives images, the camera, its network or "
        "its credentials are at fault"
    )
    if facts.newest is None:
        return failed(
            Cause.NO_FRAGMENTS,
            f"no fragment came within the last {span(facts.searched_s)}",
            "The camera sends nothing: it is off, has no network, its credentials are refused, or it sends to another "
            "stream or Region. Its own log has the answer of PutMedia.",
            cure,
        )
    age_s = (facts.now_ms - facts.newest.server_ms) / 1000
    fact = f"last fragment {span(age_s)} ago"
    measured = {"lastFragmentAgeSeconds": round(age_s, 1), "lastFragmentServerEpochMs": facts.newest.server_ms}
    if age_s > facts.silent_s:
        return failed(
            Cause.PRODUCER_SILENT,
            fact,
            f"Nothing came for over {span(facts.silent_s)} (--silent-after): the camera stopped sending, or sends only "
            "when something moves.",
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
        "Images, results and time ranges are timed by the camera's clock (ImageSelectorType PRODUCER_TIMESTAMP), so "
        "they are found at another time than they happened, and quiet hours are wrong. A recording that was played "
        "into the stream looks the same.",
        "make deploy ARGS='--parameter-overrides ImageSelectorType=SERVER_TIMESTAMP'  # or set the camera's clock",
        clockAheadSeconds=round(facts.ahead_s, 1),
    )


def noted_images(facts: NotedImagesFacts) -> Result:
    """Of a stream whose fragments arrive."""
    if facts.noted_ms is None:
        return warning("no image was noted yet", f"kinesight doctor {facts.stream}")
    age_s = (facts.now_ms - facts.noted_ms) / 1000
    if age_s < facts.missing_s:
        return ok(f"an image came within the last {span(max(300, age_s))}")
    return failed(
        Cause.IMAGES_NOT_WRITTEN,
        f"fragments arrive, but no image has come for {span(age_s)}",
        "The camera does not tag its fragments, KVS makes no images of its codec, or whoever calls PutMedia may not "
        "write to the bucket: KVS says nothing of it.",
        f"kinesight doctor {facts.stream}  # reads its fragments, and says which",
    )


def live(facts: LiveFacts) -> Result:
    if not facts.leased or facts.owner is None:
        return failed(
            Cause.LIVE_UNREAD,
            "no consumer holds its lease" if facts.leased else "it has no lease",
            "conduct_live gives every selected stream a lease and starts consumers, once a minute; they take free "
            "leases within seconds. So conduct_live or consume_live does not run, or fails.",
            f"aws logs tail {facts.log_group} --since 15m",
        )
    if facts.behind_s is not None and facts.behind_s > facts.live_s:
        return failed(
            Cause.LIVE_LATE,
            f"the checkpoint is {span(facts.behind_s)} behind the last fragment",
            "The consumer reads, but its detector is too slow for so many keyframes, or fails (docs/runbook.md, `Live "
            "consumers fail`).",
            "make deploy ARGS='--parameter-overrides LiveSamplingInterval=2000'  # or more LiveWorkers, or a quota",
            liveBehindSeconds=round(facts.behind_s, 1),
        )
    behind = "" if facts.behind_s is None else f", the checkpoint {span(max(0, facts.behind_s))} behind"
    return ok(f"a consumer reads it{behind}")


def notifications(facts: ConfigurationFacts) -> Result:
    current = facts.current or {}
    topic = facts.wanted["DestinationConfig"]["Uri"]
    if current.get("Status") == "ENABLED" and current.get("DestinationConfig", {}).get("Uri") == topic:
        return ok(f"ENABLED, to {topic.rpartition(':')[2]}")
    return failed(
        Cause.NOTIFICATIONS_NOT_CONFIGURED,
        f"its notification configuration is {json.dumps(current) if current else 'empty'}",
        "configure_streams has not reached it, or somebody changed it; it is put right within half an hour.",
        f"aws kinesisvideo update-notification-configuration --stream-name {facts.stream} "
        f"--notification-configuration '{json.dumps(facts.wanted)}'",
    )
