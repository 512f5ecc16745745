"""Settings that an entry of a catalogue reads from a plain mapping of template parameters."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from kinesight.domain.errors import InvalidSettingError


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _none_if_blank(value: Any) -> Any:
    return None if value == "" else value


SPLIT, NONE_IF_BLANK = BeforeValidator(_split), BeforeValidator(_none_if_blank)
CommaList = Annotated[list[str], SPLIT]
OptionalText = Annotated[str | None, NONE_IF_BLANK]
OptionalNumber = Annotated[int | None, NONE_IF_BLANK]


def permitted_names(value: Any) -> list[str]:
    """The names that the parameter of a permitted field lists, separated by commas. The first is the default."""
    return _split(value) if isinstance(value, str) else []


RequiredText = Annotated[str, Field(min_length=1)]
"""A field of this type has no default: its entry does not work without the parameter."""


class ParameterModel(BaseModel):
    """Base: a field is the template parameter of the same name, in snake_case; its title is the parameter's name where
    that differs."""

    # A function uses few of the catalogue's models: validators are built on first use.
    model_config = ConfigDict(frozen=True, defer_build=True)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """The settings in a plain mapping, by field; other keys are ignored.

        Raises InvalidSettingError naming every parameter that is missing or wrong.
        """
        problems = "; ".join(f"{cls.parameter(name)}: {text}" for name, text in cls.problems(values))
        if problems:
            raise InvalidSettingError(problems)
        return cls.model_validate(cls._own(values))

    @classmethod
    def problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(field, problem) of each value that is wrong or missing."""
        try:
            cls.model_validate(cls._own(values))
        except ValidationError as error:
            yield from ((str(one["loc"][0]), one["msg"]) for one in error.errors())

    @classmethod
    def required_fields(cls) -> list[str]:
        """Fields that have no default."""
        return [name for name, field in cls.model_fields.items() if field.is_required()]

    @classmethod
    def permitted_fields(cls) -> frozenset[str]:
        """Fields whose values only a parameter may name, because they decide what a function may reach."""
        return frozenset(cls.required_fields())

    @classmethod
    def empty_fields(cls, values: Mapping[str, Any]) -> list[str]:
        """Required fields without a value."""
        return [one for one in cls.required_fields() if values.get(one) in (None, "")]

    @classmethod
    def parameter(cls, field: str) -> str:
        """The template's name of a field."""
        return cls.model_fields[field].title or to_pascal(field)

    @classmethod
    def _own(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values[name] for name in cls.model_fields if name in values}
