"""The only reader of the environment: a typed model, checked before any work.

A field's environment variable is its name in capitals. `template.yaml` sets exactly these, and a test holds that.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.parameters import ParameterModel


class Settings(BaseModel):
    """Base: reads the fields from the environment, and names each variable that is wrong."""

    # A function uses one of these models: building the validators of all takes a fifth of its cold start.
    model_config = ConfigDict(frozen=True, defer_build=True)

    @classmethod
    def field_names(cls) -> frozenset[str]:
        """Fields that are read; the variable of each is its name in capitals."""
        return frozenset(cls.model_fields)

    @classmethod
    def required_names(cls) -> frozenset[str]:
        """Fields whose variable must be set."""
        return frozenset(name for name, field in cls.model_fields.items() if field.is_required())

    @classmethod
    def from_environment(cls) -> Self:
        """Raises InvalidSettingError naming every variable that is missing or wrong."""
        names = {name: name.upper() for name in cls.field_names()}
        present = {name: os.environ[variable] for name, variable in names.items() if variable in os.environ}
        problems = set(cls._further_problems(present))
        try:
            settings = cls.model_validate(present)
        except ValidationError as error:
            problems |= {(str(one["loc"][0]), one["msg"]) for one in error.errors()}
            raise _invalid(problems) from error
        if problems:
            raise _invalid(problems)
        return settings

    @classmethod
    def _further_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: ARG003 - for subclasses
        """(field, problem) of values that are not fields of this model."""
        yield from ()


def _invalid(problems: set[tuple[str, str]]) -> InvalidSettingError:
    return InvalidSettingError(
        "environment: " + "; ".join(f"{name.upper()}: {text}" for name, text in sorted(problems))
    )


class CatalogueSettings(Settings):
    """With the values of a catalogue's settings, by field: which they are and how they are read, its entries say."""

    values: dict[str, Any] = {}

    @classmethod
    def models(cls) -> list[type[ParameterModel]]:
        """Settings of the catalogue's entries."""
        raise NotImplementedError

    @classmethod
    def field_names(cls) -> frozenset[str]:
        return super().field_names() - {"values"} | cls._catalogue_fields()

    @classmethod
    def _catalogue_fields(cls) -> frozenset[str]:
        return frozenset(name for model in cls.models() for name in model.model_fields)

    @classmethod
    def _further_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """An empty required field is none: it is wrong only where its entry is used."""
        for model in cls.models():
            empty = model.empty_fields(values)
            yield from ((name, text) for name, text in model.problems(values) if name not in empty)

    @model_validator(mode="before")
    @classmethod
    def _collect(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Collects the values of the catalogue's settings from a flat mapping."""
        found = {name: values[name] for name in cls._catalogue_fields() & values.keys()}
        return values | {"values": found | values.get("values", {})}
