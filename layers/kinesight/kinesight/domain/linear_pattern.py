"""Regular expressions of users, matched in time that grows with the text and the pattern only.

Python's engine tries one way after another, so that `(A+)+B` takes seconds for 26 letters. Pydantic's constraint of
strings is Rust's crate `regex`, which follows all ways at once (https://docs.rs/regex/latest/regex/#syntax). It has no
look-around and no references to groups.
"""

from pydantic_core import SchemaError, SchemaValidator, core_schema

_MOST_CHARACTERS = 200


class LinearPattern:
    """A pattern that describes whole texts."""

    def __init__(self, text: str) -> None:
        """Raises ValueError with the reason."""
        if len(text) > _MOST_CHARACTERS:
            raise ValueError(f"it has more than {_MOST_CHARACTERS} characters")
        self.pattern = text
        _compiled(text)  # by itself, so that it cannot close the group around it
        self._whole = _compiled(f"^(?:{text})$")

    def matches(self, text: str) -> bool:
        """Whether it describes the whole text. Texts of more than 200 characters do not match."""
        return self._whole.isinstance_python(text)


def _compiled(pattern: str) -> SchemaValidator:
    try:
        schema = core_schema.str_schema(pattern=pattern, max_length=_MOST_CHARACTERS, regex_engine="rust-regex")
        return SchemaValidator(schema)
    except SchemaError as error:
        raise ValueError(str(error).rpartition("rror: ")[2].strip()) from None
