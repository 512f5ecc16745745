"""Fixes against wrong data are needed: with one of them reverted, a test of its own fails.

At least one fix of each kind: time, values, unexpected errors, media, live reading, security.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_COPIED = (
    "benchmarks",
    "cli",
    "events",
    "functions",
    "layers",
    "local",
    "pyproject.toml",
    "statemachines",
    "template.yaml",
    "tests",
)
_PACKAGES = ("layers/kinesight", "cli", "local")
_DOMAIN = "layers/kinesight/kinesight/domain"


@dataclass(frozen=True, slots=True)
class Revert:
    """A fix and how it is reverted: `fixed`, which the file has once, becomes `reverted`. `test` fails then."""

    path: str
    fixed: str
    reverted: str
    test: str


REVERTS = {
    "a clock that is set": Revert(
        f"{_DOMAIN}/stream_clock.py",
        "        is_possible = at_ms",
        "        return True\n        is_possible = at_ms",
        "tests/unit/sessions/test_clock_jumps.py",
    ),
    "a notification after the clock was set back": Revert(
        f"{_DOMAIN}/on_demand/notification_bursts.py",
        " and not is_newer",
        "",
        "tests/unit/on_demand/test_start_analysis.py",
    ),
    "fragments of overlapping times": Revert(
        f"{_DOMAIN}/on_demand/windows.py",
        "            if end_ms <= at_ms:\n                begun.pop()",
        "            begun.pop()",
        "tests/unit/on_demand/test_windows.py",
    ),
    "detections below the minimum confidence": Revert(
        f"{_DOMAIN}/detectors/checked_detector.py",
        " if one.confidence >= self._minimum_confidence",
        "",
        "tests/contract/detectors/test_minimum_confidence.py",
    ),
    "attempts after an unexpected error": Revert(
        f"{_DOMAIN}/batches.py",
        " or attempt >= MOST_ATTEMPTS",
        "",
        "tests/unit/test_batches.py",
    ),
    "leading frames of an open GOP": Revert(
        "layers/kinesight/kinesight/media/stills.py",
        "NEAREST_MS: Final = 1_000",
        "NEAREST_MS: Final = 0",
        "tests/contract/media/test_unusual_media.py",
    ),
    "the pace of checkpoints": Revert(
        f"{_DOMAIN}/live/checkpoints.py",
        "_PAUSE_MS_PER_KB = 4_000",
        "_PAUSE_MS_PER_KB = 0",
        "tests/unit/live/test_scale.py",
    ),
    "IPv4 addresses inside IPv6 addresses": Revert(
        f"{_DOMAIN}/addresses.py",
        "    plain = _embedded(address)\n    if plain.is_loopback",
        "    plain = address\n    if plain.is_loopback",
        "tests/unit/test_addresses.py",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without what is not needed to run its unit tests."""
    folder = tmp_path_factory.mktemp("project")
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def succeeds(project: Path, *tests: str) -> bool:
    path = os.pathsep.join(str(project / one) for one in _PACKAGES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests],
        cwd=project,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode in (0, 1), done.stdout.decode() + done.stderr.decode()
    return done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("revert", REVERTS.values(), ids=REVERTS)
def test_a_reverted_fix_is_noticed(copy: Path, revert: Revert) -> None:
    path = copy / revert.path
    fixed = path.read_text()
    assert fixed.count(revert.fixed) == 1
    try:
        path.write_text(fixed.replace(revert.fixed, revert.reverted))
        assert not succeeds(copy, revert.test)
    finally:
        path.write_text(fixed)


@pytest.mark.long
def test_without_a_revert_all_of_these_tests_pass(copy: Path) -> None:
    """Otherwise, what fails above may fail for another reason."""
    assert succeeds(copy, *sorted({one.test for one in REVERTS.values()}))


@pytest.mark.parametrize("revert", REVERTS.values(), ids=REVERTS)
def test_each_fix_is_where_it_is_said_to_be(revert: Revert) -> None:
    assert (ROOT / revert.path).read_text().count(revert.fixed) == 1
    assert (ROOT / revert.test).exists()
