"""Settings of the functions that run detectors, read from their environment variables."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, model_validator

from kinesight.domain.detectors.catalogue import DETECTORS, DetectorType
from kinesight.domain.parameters import NONE_IF_BLANK, CommaList, ParameterModel, permitted_names
from kinesight.environment import CatalogueSettings
from kinesight.settings import ConfiguredSettings

OptionalUsd = Annotated[Decimal | None, NONE_IF_BLANK]


class PermittedSettings(CatalogueSettings):
    """Values of detectors' settings that only a parameter may name, because calls need a permission for them.
    `permitted` has all names of each, separated by commas; `values` the first, which is that of a detector without
    one."""

    permitted: dict[str, Any] = Field(default={})

    @classmethod
    def field_names(cls) -> frozenset[str]:
        return super().field_names() - {"permitted"}

    @classmethod
    def models(cls) -> list[type[ParameterModel]]:
        return [one.settings for one in DETECTORS.values()]

    @classmethod
    def _catalogue_fields(cls) -> frozenset[str]:
        return frozenset(name for model in cls.models() for name in model.permitted_fields())

    @model_validator(mode="before")
    @classmethod
    def _collect_permitted(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = {name: values[name] for name in cls._catalogue_fields() & values.keys()}
        firsts = {name: next(iter(permitted_names(value)), "") for name, value in given.items()}
        return values | {"permitted": given | values.get("permitted", {}), "values": firsts | values.get("values", {})}


class BudgetSettings(ConfiguredSettings, PermittedSettings):
    """The budget is US dollars of a UTC day, None for no limit."""

    coordination_table: str
    detector: DetectorType = "REKOGNITION_LABELS"
    daily_budget_usd: OptionalUsd = Field(default=None, ge=0)

    def camera_parameters(self) -> dict[str, Any]:
        return super().camera_parameters() | {"detector": self.detector}


class DetectionSettings(BudgetSettings):
    """What every function that detects needs."""

    results_stream_name: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    crops_bucket: str
    labels: CommaList = Field(default=[])

    def camera_parameters(self) -> dict[str, Any]:
        return super().camera_parameters() | {"labels": self.labels}
