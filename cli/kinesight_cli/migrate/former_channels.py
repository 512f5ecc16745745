"""Notes on parameters of notification channels that have no exact equivalent any more."""

from collections.abc import Iterator, Mapping

from kinesight_cli.migrate.migration import Note


def channel_notes(parameters: Mapping[str, str]) -> Iterator[Note]:
    """Yields what to do where messages go to another place than before. `parameters`: by their former names."""
    bus, topic = parameters.get("SessionEventBus", "default"), parameters.get("IotTopic", "")
    if bus not in ("", "default"):
        yield Note(
            "SessionEventBus",
            f"session events now go to the account's default event bus. Add a rule to it that matches the source "
            f"kinesight and has the bus {bus} as target (docs/sessions.md#events)",
        )
    if topic:
        yield Note(
            "IotTopic",
            f"messages are now published to kinesight/<stack name>/{topic}/<stream name>. Subscribe there, or add an "
            f"AWS IoT rule that republishes them to {topic}/<stream name> (docs/sessions.md#events)",
        )
