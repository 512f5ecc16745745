"""The emulator can become a distribution of its own: it imports nothing else of kinesight_local."""

import ast
from collections.abc import Iterator
from pathlib import Path

import kinesight_local.kvs

FOLDER = Path(kinesight_local.kvs.__file__).parent


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"


def test_the_emulator_imports_nothing_else_of_the_local_cloud() -> None:
    found = {name for module in FOLDER.rglob("*.py") for name in imported(module)}
    own = {name for name in found if name.split(".")[0] in ("", "kinesight_local")}

    assert own
    assert {name for name in own if not name.startswith("kinesight_local.kvs")} == set()
