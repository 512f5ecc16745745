"""Every shell block of the documentation runs in `tests/e2e/test_documented_commands.py`, or has its reason."""

import re

from tests.docs.shell_blocks import NO_COMMANDS, OTHERS, PAGES, REASONS, SHELLS, Block, blocks, reason, shell_blocks

COMMANDS = [command for page in PAGES for block in shell_blocks(page) for command in block.commands]


def test_every_block_has_a_known_language() -> None:
    unknown = [block.name for page in PAGES for block in blocks(page) if block.language not in (*SHELLS, *OTHERS)]

    assert unknown == []


def test_every_fence_is_in_a_block() -> None:
    for page in PAGES:
        fences = re.findall(r"(?m)^ *```", page.read_text())
        assert len(fences) == 2 * len(list(blocks(page))), page.name


def test_every_reason_is_still_needed() -> None:
    assert [pattern for pattern in REASONS if not any(re.search(pattern, one) for one in COMMANDS)] == []


def test_what_holds_no_commands_is_found() -> None:
    bodies = [block.body for page in PAGES for block in blocks(page) if not block.language]

    assert [pattern for pattern in NO_COMMANDS if not any(re.search(pattern, body) for body in bodies)] == []


def test_most_commands_run() -> None:
    assert sum(reason(command) is None for command in COMMANDS) > 70


def test_commands_are_joined_and_stripped() -> None:
    block = Block("a.md", 1, "sh", "# first\n$ aws s3 ls \\\n    --recursive\n\ngit pull\n")

    assert block.commands == ["aws s3 ls --recursive", "git pull"]
    assert [reason(command) for command in block.commands] == [None, "changes this checkout"]
