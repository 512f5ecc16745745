"""Named detectors of the configuration document: an entry of the catalogue with settings of its own."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Self, Union

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter, create_model, model_validator
from pydantic_core import core_schema

from kinesight.domain.configuration.camera import Part
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.detectors.catalogue.entry import DetectorEntry
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.parameters import permitted_names


class DetectorDefinition(Part):
    """Base: the type and the price of a call in US dollars (None: the list price). Further fields are those of the
    type's settings; one that is not set has the parameter's value."""

    type: str = Field(description="A detector of docs/detectors.md.")
    usd_per_thousand_calls: Decimal | None = Field(
        default=None, ge=0, description="US dollars of 1,000 calls, for budgets; `null`: the list price."
    )

    @property
    def entry(self) -> DetectorEntry[Any]:
        """The catalogue's entry."""
        return DETECTORS[self.type]

    def values(self) -> dict[str, Any]:
        """The settings that are set, by field of the catalogue's settings."""
        return {name: getattr(self, name) for name in self.model_fields_set & self.entry.settings.model_fields.keys()}

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        settings = self.entry.settings
        absent = dict.fromkeys(settings.required_fields(), "a parameter's")
        try:
            settings.read(absent | self.values()).check()
        except InvalidSettingError as error:
            raise ValueError(str(error)) from error
        return self

    def not_permitted(self, permitted: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(field, problem) of each value that a parameter must name, because calls of it need a permission.

        `permitted`: the stack's values of these fields. An empty text or `null` names nothing, so it needs none. Of
        several names, the first is that of a definition without one.
        """
        settings = self.entry.settings
        for name in sorted(settings.permitted_fields()):
            allowed = permitted_names(permitted.get(name))
            value = (getattr(self, name) or None) if name in self.model_fields_set else next(iter(allowed), None)
            if value is not None and value not in allowed:
                yield name, f"{value!r} is not permitted: add it to the parameter {settings.parameter(name)}"
            elif name in settings.required_fields() and not value:
                yield name, f"set the parameter {settings.parameter(name)}, which {self.type} needs"


@cache
def _definition(kind: str) -> type[DetectorDefinition]:
    """Raises KeyError."""
    entry = DETECTORS[kind]
    fields: dict[str, Any] = {"type": (Literal[entry.name], ...)}
    for name, field in entry.settings.model_fields.items():
        optional = field.is_required()
        metadata = field.metadata
        annotation: Any = Annotated[field.annotation, *metadata] if metadata else field.annotation
        default = None if optional else field.get_default()
        fields[name] = (annotation | None if optional else annotation, Field(default, description=field.description))
    title = "".join(part.capitalize() for part in entry.name.split("_"))
    return create_model(title, __base__=DetectorDefinition, __doc__=entry.summary, **fields)


class _Definitions(Mapping[str, type[DetectorDefinition]]):
    """Builds each model when it is read: few documents define a detector, and every function reads the document."""

    def __getitem__(self, name: str) -> type[DetectorDefinition]:
        return _definition(name)

    def __iter__(self) -> Iterator[str]:
        return iter(DETECTORS)

    def __len__(self) -> int:
        return len(DETECTORS)


DEFINITIONS: Mapping[str, type[DetectorDefinition]] = _Definitions()
"""The model of each type's definition."""


@cache
def _any_definition() -> TypeAdapter[DetectorDefinition]:
    return TypeAdapter(Annotated[Union[*DEFINITIONS.values()], Field(discriminator="type")])


def _validated(value: Any) -> DetectorDefinition:
    found = _any_definition().validate_python(value)
    type(found).model_rebuild()  # it is built when used, but the document's serializer does not build it
    return found


class AnyDefinitionSchema:
    """Validates a definition by its type, and describes all types in the JSON schema."""

    @staticmethod
    def __get_pydantic_core_schema__(*_: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_validated)

    @staticmethod
    def __get_pydantic_json_schema__(_: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(_any_definition().core_schema)
