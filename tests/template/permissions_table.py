"""The table of permissions in docs/security.md: what each role is granted under every choice, and under some."""

import re
from collections import defaultdict
from collections.abc import Iterable

from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.sessions.channels import CHANNELS

from tests.template.choices import CHOICES, FUNCTIONS, functions_of, resource_of
from tests.template.role_grants import ACCOUNT_ID, TEMPLATE, Grant, deployed

DOCUMENT = TEMPLATE.parent / "docs/security.md"
_BEGIN, _END = (
    "<!-- permissions: written by python -m tests.template.permissions_table -->",
    "<!-- end of permissions -->",
)
_LISTED = CHOICES.keys() - {"several models"}
"""The same permissions on more names would only repeat them."""
_EVERY_ROLE = ("logs:CreateLogStream", "logs:PutLogEvents", "xray:", "kms:", "ec2:")


def written() -> str:
    """Between the markers, as Markdown. The workflow's role is `analyze_range`."""
    lines = ["| role | always | with a parameter |", "|---|---|---|"]
    for verb in [*FUNCTIONS, "analyze_range"]:
        having = [deployed(**CHOICES[one]) for one in _LISTED if verb in [*functions_of(one), "analyze_range"]]
        granted = [stack.grants(resource_of(verb, "Role")) for stack in having]
        always, ever = set.intersection(*granted), set.union(*granted)
        words, listed = _listed_elsewhere(verb)
        elsewhere = [words] if any(one[0] in listed for one in ever) else []
        lines.append(
            f"| `{verb}` | {_written(_without(always, listed))} | "
            f"{'; '.join([_written(_without(ever - always, listed)), *elsewhere]).removeprefix('–; ')} |"
        )
    return "\n".join([_BEGIN, *lines, _END])


_DETECTING = ("analyze_images", "consume_live", "detect_objects")
_DETECTORS = (
    "calls of its detectors ([detectors.md](detectors.md))",
    {action for one in DETECTORS.values() for action in one.actions},
)
_CHANNELS = (
    "calls of its channels ([sessions.md](sessions.md))",
    {action for one in CHANNELS.values() for action in one.actions},
)
"""Actions that the tables of these documents list."""


def _listed_elsewhere(verb: str) -> tuple[str, set[str]]:
    """Words for the actions that another document lists, and these actions."""
    if verb in _DETECTING:
        return _DETECTORS
    return _CHANNELS if verb == "track_sessions" else ("", set())


def _without(grants: Iterable[Grant], actions: set[str]) -> list[Grant]:
    """Without these actions on resources of others; those on the stack's own, which have a logical id, stay."""
    return [one for one in grants if one[0] not in actions or _is_own(one[1])]


def _is_own(resource: str) -> bool:
    return re.match(r"[A-Z]\w+(/|$)", resource) is not None


def _written(grants: Iterable[Grant]) -> str:
    actions = defaultdict(list)
    for action, resource in sorted(grants):
        if not action.startswith(_EVERY_ROLE):
            actions[resource, action.partition(":")[0]].append(action.partition(":")[2])
    return (
        "; ".join(
            f"{service}: {', '.join(names)} on `{place.replace(ACCOUNT_ID, 'ACCOUNT')}`"
            for (place, service), names in actions.items()
        )
        or "–"
    )


def main() -> None:
    """Writes the document anew."""
    before, _, rest = DOCUMENT.read_text().partition(_BEGIN)
    DOCUMENT.write_text(before + written() + rest.partition(_END)[2])


if __name__ == "__main__":
    main()
