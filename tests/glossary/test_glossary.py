"""The project's terms: no identifier and no text uses a word that glossary.toml replaces.

Run as a program it lists the violations, most frequent words last: python -m tests.glossary.test_glossary
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "cli", "functions", "layers", "local", "scripts", "statemachines", "tests")
FILES = ("CONTRIBUTING.md", "Makefile", "template.yaml")
EXEMPT = "tests/glossary/"
MOST_ALLOWED = 40
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_JS_NAMES = re.compile(
    r"\b(?:const|let|var|function\*?|class|static|async)\s+(\w+)|^\s+(?:async )?(\w+)\([^()]*\) \{$", re.M
)
_JS_TEXTS = re.compile(
    r"(?<![:\w])//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", re.S
)
_YAML_NAMES = re.compile(r"^  ([A-Z]\w+):$", re.M)
_PROSE = (tokenize.COMMENT, tokenize.STRING, tokenize.FSTRING_MIDDLE)


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a replaced word: `word` as written, `instead` the terms of the glossary."""

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r} (use: {self.instead})"


class Words:
    """The replaced words of one table, compiled to one pattern with a group per entry."""

    def __init__(self, replaced: Mapping[str, str], frame: str, flags: int = 0) -> None:
        self._terms = list(replaced.values())
        self._pattern = re.compile(frame % "|".join(f"({one})" for one in replaced), flags)

    def search(self, text: str) -> str | None:
        """The term to use instead of the first replaced word, or None if there is none."""
        found = self._pattern.search(text)
        return None if found is None else self._term(found)

    def find_all(self, text: str) -> Iterator[tuple[int, str, str]]:
        """Offset, replaced word and term of each match."""
        return ((found.start(), found[0], self._term(found)) for found in self._pattern.finditer(text))

    def _term(self, found: re.Match[str]) -> str:
        return self._terms[(found.lastindex or 1) - 1]


@cache
def glossary() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "glossary.toml").read_text())


@cache
def _names() -> Words:
    return Words(glossary()["identifiers"], r"(?:^|_)(?:%s)(?:_|$)")


@cache
def _phrases() -> Words:
    return Words(glossary()["phrases"], r"\b(?:%s)\b", re.I)


@cache
def term_for(name: str) -> str | None:
    """The term to use instead of an identifier, which is split at underscores and capitals; None if it is fine."""
    return _names().search("_".join(part.lower() for part in _PARTS.findall(name)))


def files() -> Iterator[str]:
    """Tracked files whose names and texts are the project's own."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        ours = name.split("/")[0] in FOLDERS or name in FILES
        if ours and not name.startswith(EXEMPT) and (ROOT / name).is_file():
            yield name


def identifiers(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Line and name of each definition in the file; the name of a module is on its first line."""
    if path.endswith((".py", ".js")):
        yield 1, Path(path).stem
    if path.endswith(".py"):
        yield from _python_names(text)
    elif path.endswith(".js"):
        yield from ((_line(text, one.start()), one[1] or one[2]) for one in _JS_NAMES.finditer(text))
    elif path == "template.yaml":
        yield from ((_line(text, one.start()), one[1]) for one in _YAML_NAMES.finditer(text))


def _python_names(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


def texts(path: str, text: str) -> Iterator[tuple[int, str]]:
    """First line and text of comments, docstrings and messages; a document's or a template's lines."""
    if path.endswith(".py"):
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from ((token.start[0], token.string) for token in tokens if token.type in _PROSE)
    elif path.endswith(".js"):
        yield from ((_line(text, one.start()), one[0]) for one in _JS_TEXTS.finditer(text))
    elif path.endswith((".md", ".html", ".yaml", ".sh")) or path == "Makefile":
        yield from enumerate(text.splitlines(), 1)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def uses_in(path: str, text: str) -> Iterator[Use]:
    """Uses of replaced words in one file. Parses it only if one of its words can be a use, to save seconds."""
    if any(term_for(word) for word in {Path(path).stem, *re.findall(r"\w+", text)}):
        yield from (Use(path, line, name, term) for line, name in identifiers(path, text) if (term := term_for(name)))
    if _phrases().search(text):
        for line, prose in texts(path, text):
            for at, word, term in _phrases().find_all(prose):
                yield Use(path, line + prose.count("\n", 0, at), word, term)


@cache
def all_uses() -> tuple[Use, ...]:
    """Uses in all files, whether allowed or not."""
    found: list[Use] = []
    for path in files():
        body = (ROOT / path).read_bytes()
        if b"\0" not in body:
            found += uses_in(path, body.decode(errors="replace"))
    return tuple(found)


def allows(allowed: Mapping[str, str], use: Use) -> bool:
    is_word = re.fullmatch(allowed["word"], use.word, re.I)
    return bool(is_word and re.match(allowed.get("path", ""), use.path))


def violations() -> list[Use]:
    return [use for use in all_uses() if not any(allows(one, use) for one in glossary().get("allowed", []))]


def test_no_name_or_text_uses_a_replaced_word() -> None:
    found = [str(use) for use in violations()]
    assert not found, f"{len(found)} uses of words that the glossary replaces:\n" + "\n".join(found[:60])


def test_the_allowed_words_are_few_and_used_and_have_a_reason() -> None:
    allowed = glossary().get("allowed", [])

    assert len(allowed) <= MOST_ALLOWED
    assert [one for one in allowed if not any(allows(one, use) for use in all_uses())] == []
    assert [one for one in allowed if len(one["reason"].split()) < 3] == []


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.py", "def tell_people(): ...", [(1, "tell_people")]),
        ("a.py", "class PictureStore: ...", [(1, "PictureStore")]),
        ("a.py", "def show(photo): ...", [(1, "photo")]),
        ("a.py", "import io as pictures", [(1, "pictures")]),
        ("a.py", "self.asked = [answer for answer in ()]", [(1, "asked"), (1, "answer")]),
        ("a.py", "task, lookup, multiple = 1, 2, 3", []),
        ("a.py", "from av import PictureType", []),
        ("a.py", "image = 1\n# the picture", [(2, "picture")]),
        ("a.py", '"""Reads.\n\nNobody waits."""', [(3, "Nobody")]),
        ("a.py", 'raise ValueError(f"{name} is no JSON")', [(1, "is no JSON")]),
        ("a.py", '"""Emits the frame metrics."""', []),
        ("told.py", "", [(1, "told")]),
        ("a.js", "const pictures = [];", [(1, "pictures")]),
        ("a.js", 'show("Look again");', [(1, "Look again")]),
        ("a.md", "An image\nis looked at.", [(2, "looked at")]),
        ("template.yaml", "  PicturesTable:\n", [(1, "PicturesTable")]),
    ],
)
def test_replaced_words_are_found_in_names_and_texts(path: str, text: str, found: list[tuple[int, str]]) -> None:
    assert [(use.line, use.word) for use in uses_in(path, text)] == found


def main() -> None:
    found = violations()
    counts = Counter(use.word.lower() for use in found)
    lines = [*map(str, found), *(f"{number:5} {word}" for word, number in reversed(counts.most_common()))]
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
