"""How the tests run: the order of their files, which of them stay together in one of xdist's processes, and what the
garbage collector need not visit."""

import gc
from itertools import islice
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

_WAITING = ("viewer", "e2e", "live")
"""Folders whose tests mostly wait, for functions and for video."""
_FIRST = (*_WAITING, "functional", "contract", "template", "statemachines", "unit")
"""Folders whose files take longest come first, so that no long file is left for one process at the end."""
_BETWEEN = 5
"""So many files that keep a processor busy come between two that wait."""
_TOGETHER = ("tests/viewer/",)
"""Folders with one stack for all of their files: in two processes there would be two."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts files by folder, and mixes those that wait with those that do not; within a file, the order stays."""
    scopes: dict[str, list[pytest.Item]] = {}
    for item in sorted(items, key=lambda item: _rank(item.nodeid)):
        scopes.setdefault(_together(item.nodeid.partition("::")[0]), []).append(item)
    waiting = [tests for scope, tests in scopes.items() if _rank(scope) < len(_WAITING)]
    busy = iter([tests for scope, tests in scopes.items() if _rank(scope) >= len(_WAITING)])
    mixed = [tests for one in waiting for tests in (one, *islice(busy, _BETWEEN))]
    items[:] = [item for tests in (*mixed, *busy) for item in tests]


def _together(scope: str) -> str:
    """Returns the folder that a file's tests share a stack with, else the file."""
    return next((folder for folder in _TOGETHER if scope.startswith(folder)), scope)


def pytest_configure() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """Half a million objects of modules and tests live until the end; visiting them took a fifth of the unit tests'
    CPU."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "FilesAndFolders | None":
    """For `--dist loadfile` alone."""
    return FilesAndFolders(config, log) if config.getoption("dist") == "loadfile" else None


class FilesAndFolders(LoadFileScheduling):
    """A file's tests run in one process, and so do the tests of a folder that shares a stack."""

    def _split_scope(self, nodeid: str) -> str:
        return _together(super()._split_scope(nodeid))


def _rank(nodeid: str) -> int:
    folder = nodeid.split("/")[1]
    return _FIRST.index(folder) if folder in _FIRST else len(_FIRST)
