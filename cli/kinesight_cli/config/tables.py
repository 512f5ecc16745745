"""Tables of `kinesight config`: effective settings of a camera, and versions of the document."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from rich.table import Column, Table

from kinesight_cli.config.effective import EffectiveCamera
from kinesight_cli.config.summary import rule_text, value_text, zone_text
from kinesight_cli.shared.configuration_document import Version
from kinesight_cli.shared.console import console, print_lines


def show_camera(stream: str, found: EffectiveCamera) -> None:
    """Prints which camera of the document applies, and a row for each setting."""
    entry = "no camera of the document applies" if found.entry is None else f"{found.entry} of the document applies"
    print_lines(f"{stream}{_tags(found.tags)}: {entry}")
    table = Table("setting", "value", "set by")
    for path, value, origin in found.rows():
        table.add_row(path, _value(path, value, found), origin)
    console.print(table)


def show_versions(found: Sequence[Version]) -> None:
    """Prints a row for each version."""
    if not found:
        console.print("the stack has never had a configuration document")
        return
    table = Table(Column("version", no_wrap=True), Column("written", no_wrap=True), "bytes", "")
    for one in found:
        deleted = one.size_bytes is None
        notes = [*(["deleted"] if deleted else []), *(["current"] if one.is_current else [])]
        table.add_row(one.version_id, _time(one), "" if deleted else str(one.size_bytes), ", ".join(notes))
    console.print(table)


def version_document(version: Version) -> Mapping[str, Any]:
    """Returns a version for JSON. `sizeBytes` is null for a deletion."""
    return {
        "versionId": version.version_id,
        "modifiedAt": _time(version),
        "sizeBytes": version.size_bytes,
        "isCurrent": version.is_current,
        "isDeletion": version.size_bytes is None,
    }


def _tags(tags: Mapping[str, str] | None) -> str:
    if tags is None:
        return ""
    return f" (tags {', '.join(f'{key}={value}' for key, value in tags.items())})" if tags else " (no tags)"


def _value(path: str, value: Any, found: EffectiveCamera) -> str:
    if path == "rules":
        return "\n".join(map(rule_text, found.settings.rules))
    if path == "zones" and value:
        return "\n".join(map(zone_text, found.settings.zones))
    return value if isinstance(value, str) else value_text(value)


def _time(version: Version) -> str:
    return version.modified_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
