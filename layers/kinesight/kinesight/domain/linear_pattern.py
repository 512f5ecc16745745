"""Regular expressions of users, matched in time that grows with the text and the pattern only.

Python's engine tries one way after another, so that `(A+)+B` takes seconds for 26 letters. Here all ways are followed
at once (Thompson's construction). Of Python's syntax, there is what describes a plate:

    A \\- .           a character, an escaped one, any one
    [A-Z0-9] [^IO]   one of these, none of these
    \\d \\w \\s         a digit, a letter, digit or underscore, a blank; \\D \\W \\S: none of these
    (…) (?:…) a|b    groups, alternatives
    ? * + {2} {1,3} {2,}
    ^ $              at the ends
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_CHARACTERS = 200
_MOST_DEPTH = 20
_MOST_STATES = 2000
_MOST_TEXT_CHARACTERS = 200
_SPECIAL = "|)*+?{"
_COUNT = re.compile(r"\{(\d{1,3})(,?)(\d{0,3})\}")
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda one: one.isalnum() or one == "_",
    "s": str.isspace,
}

Test = Callable[[str], bool]


@dataclass(slots=True)
class _State:
    """Consumes a character that passes the test, or none if there is no test; `next` are the states after it."""

    test: Test | None = None
    next: list[int] = field(default_factory=list)


_Part = Callable[["LinearPattern", int], int]
"""Adds states that begin after a state; returns the last of them."""


class LinearPattern:
    """A pattern that describes whole texts."""

    def __init__(self, text: str) -> None:
        """Raises ValueError with the position of what is not supported."""
        if len(text) > _MOST_CHARACTERS:
            raise ValueError(f"it has more than {_MOST_CHARACTERS} characters")
        self.pattern = text
        self._states = [_State()]
        self._end = _Parser(text).whole()(self, 0)

    def matches(self, text: str) -> bool:
        """Whether it describes the whole text. Texts of more than 200 characters do not match."""
        if len(text) > _MOST_TEXT_CHARACTERS:
            return False
        current = self._reached({0})
        for character in text:
            passed = {one for one in current if (test := self._states[one].test) is not None and test(character)}
            current = self._reached({after for one in passed for after in self._states[one].next})
            if not current:
                return False
        return self._end in current

    def _reached(self, states: set[int]) -> set[int]:
        """These states, and those after them that need no character."""
        found, left = set(states), list(states)
        while left:
            state = self._states[left.pop()]
            new = set() if state.test is not None else set(state.next) - found
            found |= new
            left += new
        return found

    def add(self, after: int, test: Test | None = None) -> int:
        """Adds a state after another one, whose character is tested if there is a test; returns the new state."""
        if len(self._states) >= _MOST_STATES:
            raise ValueError("its repetitions are too many")
        if test is not None:
            after = self.add(after)
            self._states[after].test = test
        self._states.append(_State())
        self.join(after, len(self._states) - 1)
        return len(self._states) - 1

    def join(self, before: int, after: int) -> None:
        """Makes one state follow another."""
        self._states[before].next.append(after)


def _sequence(parts: list[_Part]) -> _Part:
    def build(pattern: LinearPattern, at: int) -> int:
        for part in parts:
            at = part(pattern, at)
        return at

    return build


def _choice(options: list[_Part]) -> _Part:
    def build(pattern: LinearPattern, at: int) -> int:
        ends = [option(pattern, pattern.add(at)) for option in options]
        joined = pattern.add(ends[0])
        for end in ends[1:]:
            pattern.join(end, joined)
        return joined

    return build


def _repeat(part: _Part, least: int, most: int | None) -> _Part:
    def build(pattern: LinearPattern, at: int) -> int:
        for _ in range(least):
            at = part(pattern, pattern.add(at))
        if most is None:
            begin = pattern.add(at)
            pattern.join(part(pattern, begin), begin)
            return pattern.add(begin)
        skips = [at]
        for _ in range(most - least):
            at = part(pattern, pattern.add(at))
            skips.append(at)
        end = pattern.add(at)
        for skipped in skips[:-1]:
            pattern.join(skipped, end)
        return end

    return build


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> _Part:
        """Raises ValueError."""
        found = self._alternatives()
        if self._at < len(self._text):
            raise self._unsupported()
        return found

    def _alternatives(self) -> _Part:
        options = [self._terms()]
        while self._take("|"):
            options.append(self._terms())
        return options[0] if len(options) == 1 else _choice(options)

    def _terms(self) -> _Part:
        parts: list[_Part] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if not self._is_anchor():
                parts.append(self._repeated(self._atom()))
        return _sequence(parts)

    def _is_anchor(self) -> bool:
        """Takes `^` at the beginning and `$` at the end, which mean nothing where whole texts are described."""
        return (self._at == 0 and self._take("^")) or (self._at == len(self._text) - 1 and self._take("$"))

    def _repeated(self, part: _Part) -> _Part:
        counted = _COUNT.match(self._text, self._at)
        if counted is not None:
            self._at = counted.end()
            least, most = int(counted[1]), int(counted[3]) if counted[3] else None
            if most is None and not counted[2]:
                most = least
            if most is not None and most < least:
                raise self._unsupported(counted.start())
            return _repeat(part, least, most)
        for sign, least, most in (("?", 0, 1), ("*", 0, None), ("+", 1, None)):
            if self._take(sign):
                return _repeat(part, least, most)
        return part

    def _atom(self) -> _Part:
        if self._take("("):
            return self._group()
        if self._text[self._at] in _SPECIAL + "^$":
            raise self._unsupported()
        test = self._set() if self._take("[") else self._single(in_set=False)[0]
        return lambda pattern, at: pattern.add(at, test)

    def _group(self) -> _Part:
        begin = self._at - 1
        if self._take("?") and not self._take(":"):
            raise self._unsupported(begin)
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ValueError(f"it is nested more than {_MOST_DEPTH} levels deep")
        found = self._alternatives()
        if not self._take(")"):
            raise self._unsupported(begin)
        self._depth -= 1
        return found

    def _single(self, *, in_set: bool) -> tuple[Test, str | None]:
        """A test of one character, and the character if it is one."""
        if self._at >= len(self._text):
            raise self._unsupported()
        character = self._text[self._at]
        self._at += 1
        if character == "." and not in_set:
            return lambda one: one != "\n", None
        if character == "\\":
            return self._escape()
        return lambda one: one == character, character

    def _escape(self) -> tuple[Test, str | None]:
        character = self._text[self._at : self._at + 1]
        known = _CLASSES.get(character.lower())
        if known is None and (not character or character.isalnum()):
            raise self._unsupported(self._at - 1)
        self._at += 1
        if known is None:
            return lambda one: one == character, character
        return (lambda one: not known(one)) if character.isupper() else known, None

    def _set(self) -> Test:
        begin = self._at - 1
        is_negated = self._take("^")
        tests: list[Test] = []
        while not tests or not self._take("]"):
            if self._at >= len(self._text):
                raise self._unsupported(begin)
            tests.append(self._member())
        return lambda one: any(test(one) for test in tests) is not is_negated

    def _member(self) -> Test:
        test, first = self._single(in_set=True)
        if first is None or not self._text.startswith("-", self._at) or self._text.startswith("-]", self._at):
            return test
        begin = self._at - 1
        self._at += 1
        _, last = self._single(in_set=True)
        if last is None or last < first:
            raise self._unsupported(begin)
        return lambda one: first <= one <= last

    def _take(self, text: str) -> bool:
        is_next = self._text.startswith(text, self._at)
        self._at += len(text) * is_next
        return is_next

    def _unsupported(self, at: int | None = None) -> ValueError:
        at = self._at if at is None else at
        return ValueError(f"{self._text[at : at + 10]!r} at position {at} is not supported")
