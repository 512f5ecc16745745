"""Licence plates in text that was read from an image: known plates, and plates that match a pattern.

Text detection confuses O and 0 and loses a dirty last digit, so a known plate may differ by a few characters.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.linear_pattern import LinearPattern


@dataclass(frozen=True, slots=True)
class PlateFound:
    """A plate as it was read, capitals and digits alone. `distance` in characters from the known plate; without one,
    the text has the form of a plate and both are None."""

    text: str
    known_plate: str | None = None
    distance: int | None = None


@dataclass(frozen=True, slots=True)
class PlateRules:
    """`known`: as written by a person, by its normalized text. `tolerance`: characters that may be wrong, too many or
    missing."""

    known: tuple[tuple[str, str], ...] = ()
    pattern: LinearPattern | None = None
    tolerance: int = 0

    @classmethod
    def of(cls, known: Iterable[str], pattern: str | None, tolerance: int) -> "PlateRules":
        """`pattern` describes a whole plate in capitals without blanks. Raises InvalidSettingError."""
        plates = {normalized(plate): plate.strip() for plate in known if normalized(plate)}
        try:
            compiled = LinearPattern(pattern) if pattern else None
        except ValueError as error:
            raise InvalidSettingError(f"platePattern {pattern!r} is not a valid regular expression: {error}") from error
        return cls(tuple(sorted(plates.items())), compiled, tolerance)

    @property
    def is_set(self) -> bool:
        """Whether any text can be a plate."""
        return bool(self.known or self.pattern)

    def find(self, text: str) -> PlateFound | None:
        """The nearest known plate, else a plate by its form, else None."""
        read = normalized(text)
        known = self._nearest(read)
        if known is not None:
            return known
        if read and self.pattern and self.pattern.matches(read):
            return PlateFound(read)
        return None

    def _nearest(self, read: str) -> PlateFound | None:
        near = []
        for plate, written in self.known:
            # Half of a short plate's characters would make it like any other.
            most = min(self.tolerance, (len(plate) - 1) // 2)
            if abs(len(plate) - len(read)) <= most and (distance := edit_distance(read, plate)) <= most:
                near.append((distance, written))
        if not near:
            return None
        distance, written = min(near)
        return PlateFound(read, written, distance)


def normalized(text: str) -> str:
    """Capitals and digits of any script; blanks, hyphens and seals between them differ by reader and country."""
    return "".join(character for character in text.upper() if character.isalnum())


def edit_distance(one: str, other: str) -> int:
    """Least number of characters to insert, delete or replace that makes one the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        above, row = row, [i]
        for j, right in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right)))
    return row[-1]
