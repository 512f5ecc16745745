"""Checks of the two other ways in: live consumers and notifications. Facts in, verdicts out."""

import json

from kinesight_cli.doctor.facts import ConfigurationFacts, LiveFacts
from kinesight_cli.doctor.findings import Cause, Verdict, broken, good
from kinesight_cli.doctor.judging_pictures import span


def live(facts: LiveFacts) -> Verdict:
    if not facts.leased or facts.owner is None:
        return broken(
            Cause.LIVE_UNREAD,
            "no consumer holds its lease" if facts.leased else "it has no lease",
            "conduct_live gives every selected stream a lease and starts consumers, once a minute; they take free "
            "leases within seconds. So conduct_live or consume_live does not run, or fails.",
            f"aws logs tail {facts.log_group} --since 15m",
        )
    if facts.behind_s is not None and facts.behind_s > facts.live_s:
        return broken(
            Cause.LIVE_LATE,
            f"the checkpoint is {span(facts.behind_s)} behind the last fragment",
            "The consumer reads, but its detector is too slow for so many keyframes, or fails (docs/runbook.md, `Live "
            "consumers fail`).",
            "make deploy ARGS='--parameter-overrides LiveSamplingInterval=2000'  # or more LiveWorkers, or a quota",
            liveBehindSeconds=round(facts.behind_s, 1),
        )
    behind = "" if facts.behind_s is None else f", the checkpoint {span(max(0, facts.behind_s))} behind"
    return good(f"a consumer reads it{behind}")


def notifications(facts: ConfigurationFacts) -> Verdict:
    current = facts.current or {}
    topic = facts.wanted["DestinationConfig"]["Uri"]
    if current.get("Status") == "ENABLED" and current.get("DestinationConfig", {}).get("Uri") == topic:
        return good(f"ENABLED, to {topic.rpartition(':')[2]}")
    return broken(
        Cause.NOTIFICATIONS_NOT_CONFIGURED,
        f"its notification configuration is {json.dumps(current) if current else 'empty'}",
        "configure_streams has not reached it, or somebody changed it; it is put right within half an hour.",
        f"aws kinesisvideo update-notification-configuration --stream-name {facts.stream} "
        f"--notification-configuration '{json.dumps(facts.wanted)}'",
    )
