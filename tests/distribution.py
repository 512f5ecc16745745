"""How the tests run: the order of their files, which of them stay together in one of xdist's processes, and what the
garbage collector need not visit."""

import gc
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

_FIRST = ("viewer", "e2e", "live", "functional", "contract", "template", "statemachines", "unit")
"""Folders whose files take longest come first, so that no long file is left for one process at the end."""
_TOGETHER = ("tests/viewer/",)
"""Folders with one stack for all of their files: in two processes there would be two."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by folder; within one, the order stays."""
    items.sort(key=lambda item: _rank(item.nodeid))


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
        scope: str = super()._split_scope(nodeid)
        return next((folder for folder in _TOGETHER if scope.startswith(folder)), scope)


def _rank(nodeid: str) -> int:
    folders: Sequence[str] = PurePosixPath(nodeid.partition("::")[0]).parts
    return next((rank for rank, folder in enumerate(_FIRST) if folder in folders), len(_FIRST))
