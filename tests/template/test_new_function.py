"""`make new-function`: what it writes passes the checks of a tree without an edit by hand, and what it rejects."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from scripts import new_function
from scripts.new_function import Scaffold, ScaffoldError

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("cli", "docs", "events", "functions", "layers", "local", "scripts", "statemachines", "tests")
NOT_COPIED = shutil.ignore_patterns("node_modules", "__pycache__", "*.jpg", "*.webp", ".venv", "checkov", "atheris")
SCAFFOLD = Scaffold("prune_clips", "health", "sessions")
CHECKS = (
    "tests/template/test_template.py::test_every_variable_is_a_setting_and_every_setting_that_must_be_set_is",
    "tests/template/test_template.py::test_folders_resources_and_verbs_have_one_name",
    "tests/template/test_template.py::test_no_function_and_no_layer_shares_its_metadata_by_an_alias",
    "tests/template/test_template.py::test_what_belongs_to_a_function_stands_in_its_section",
    "tests/template/test_template.py::test_every_alarm_is_in_the_runbook",
    "tests/template/test_template.py::test_the_template_expands",
    "tests/template/test_dashboard.py",
    "tests/unit/health/test_prune_clips.py",
)


@pytest.fixture(scope="module")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Path]]]:
    """A copy of the tree with a new function, and the files that were touched. Its room has no unit tests yet."""
    root = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=NOT_COPIED)
    for name in ("template.yaml", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, root / name)
    new_function.check(SCAFFOLD, root)
    touched = new_function.write(SCAFFOLD, root)
    run(root, "scripts.make_events")
    yield root, touched
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def tree(scaffolded: tuple[Path, list[Path]]) -> Path:
    """Without what else is derived: alarms, dashboard and tables."""
    return scaffolded[0]


@pytest.fixture(scope="module")
def derived(tree: Path) -> Path:
    new_function.derive(tree)
    return tree


def run(root: Path, *arguments: str) -> str:
    """Runs a Python module in a tree; returns its output. Fails the test if the module fails."""
    packages = (root, root / "layers/kinesight", root / "cli", root / "local")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, packages))}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_the_tests_of_template_dashboard_and_events_pass(derived: Path) -> None:
    assert " passed" in run(derived, "pytest", "-q", "-p", "no:cacheprovider", *CHECKS)


def test_the_code_is_in_the_one_format(scaffolded: tuple[Path, list[Path]]) -> None:
    tree, touched = scaffolded
    modules = [str(path) for path in touched if path.suffix == ".py"]

    assert len(modules) >= 8
    run(tree, "ruff", "check", *modules)
    run(tree, "ruff", "format", "--check", *modules)


@pytest.mark.long
def test_the_code_has_strict_types(tree: Path) -> None:
    added = ("functions/prune_clips/app.py", "tests/unit/health/test_prune_clips.py")

    run(tree, "mypy", "--follow-imports=silent", "--cache-dir", str(tree / ".types"), *added)


@pytest.mark.parametrize("section", new_function.sections(ROOT))
def test_the_resources_fit_into_every_section(section: str) -> None:
    """A section that comes before an anchor has an undefined alias."""
    scaffold = Scaffold("prune_clips", "health", section)
    text = (ROOT / "template.yaml").read_text()

    extended = new_function._inserted(text, scaffold.text("resources.yaml"), f"  # <{section}-alarms>", Path())

    assert "PruneClipsFunction:" in extended
    yaml.compose(extended, Loader=yaml.CSafeLoader)


@pytest.mark.long
def test_the_role_is_granted_what_the_code_uses(tree: Path) -> None:
    checked = ("plain", "under a key", "in a network")
    test = "tests/template/test_permissions.py::test_roles_are_granted_what_their_functions_use_and_nothing_else"

    run(tree, "pytest", "-q", "-p", "no:cacheprovider", *(f"{test}[{one}]" for one in checked))


def test_the_handler_takes_its_valid_sample_and_rejects_the_other(tree: Path) -> None:
    code = (
        "import json; from functions.prune_clips.app import handler\n"
        "class Context: function_name=memory_limit_in_mb=invoked_function_arn=aws_request_id='x'\n"
        "print(handler(json.load(open('events/prune_clips/schedule.json')), Context))\n"
        "try: handler(json.load(open('events/prune_clips/not_an_event.json')), Context)\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    (tree / "invoke_samples.py").write_text(code)

    lines = run(tree, "invoke_samples").splitlines()

    assert "{'processed': 0, 'remaining': 0}" in lines
    assert lines[-1] == "InvalidEventError"


@pytest.mark.parametrize(
    ("scaffold", "complaint"),
    [
        (Scaffold("", "live", "live"), "not a name of a function"),
        (Scaffold("prune", "live", "live"), "not a name of a function"),
        (Scaffold("PruneClips", "live", "live"), "not a name of a function"),
        (Scaffold("../prune_clips", "live", "live"), "not a name of a function"),
        (Scaffold("prune_" + "c" * 40, "live", "live"), "at most 40 letters"),
        (Scaffold("prune_clips", "", "live"), "there is no room ''"),
        (Scaffold("prune_clips", "attic", "live"), "set ROOM to one of analysis, configuration, detectors"),
        (Scaffold("prune_clips", "live", "attic"), "set SECTION to one of analyze, evidence"),
        (Scaffold("sweep_streams", "live", "live"), "functions/sweep_streams.*Choose another NAME"),
        (Scaffold("stream_reader", "live", "live"), "domain/live/stream_reader.py"),
        (Scaffold("conduct_live", "live", "live"), "ConductLiveFunction in template.yaml"),
    ],
)
def test_what_cannot_be_scaffolded_is_rejected(scaffold: Scaffold, complaint: str) -> None:
    with pytest.raises(ScaffoldError, match=complaint):
        new_function.check(scaffold, ROOT)


def test_a_place_that_is_gone_is_named() -> None:
    with pytest.raises(ScaffoldError, match=r"make_events.py has no single place"):
        new_function._inserted("SAMPLES = {}\n", "", "}\n\n\ndef main(", Path("scripts/make_events.py"))


def test_the_command_ends_with_the_reason() -> None:
    with pytest.raises(SystemExit, match="error: 'prune' is not a name of a function"):
        new_function.main(["--name", "prune", "--room", "live", "--section", "live"], ROOT)
