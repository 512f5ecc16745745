"""The form of a catalogue entry: everything about a detector that needs no AWS client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.parameters import ParameterModel


class DetectorSettings(ParameterModel):
    """Base. `minimum_confidence` is 0 to 100."""

    minimum_confidence: float = Field(
        default=80,
        ge=0,
        le=100,
        description="Percent below which detections are not reported; by default that of `defaults`.",
    )

    @classmethod
    def combined(cls, stack: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """The values that a definition sets, over those of the stack."""
        return {**stack, **own}

    def check(self) -> None:
        """Raises InvalidSettingError if values do not fit together, or a text is not what it has to be."""


@dataclass(frozen=True, slots=True)
class Documentation:
    """Cells of the table in docs/detectors.md, as Markdown. `needs`: what must be so besides its parameters."""

    labels: str = ""
    attributes: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class DetectorEntry[S: DetectorSettings]:
    """A detector. `name` is the value of the Detector parameter.

    `summary` is the operation, or the kind of the model; `actions` are IAM actions of its calls. `price` is in
    micro-dollars for the budget, `price_key` names the price in the price file of `kinesight estimate`.
    `is_own_model`: not an operation of Rekognition.
    """

    name: str
    summary: str
    settings: type[S]
    actions: tuple[str, ...]
    price: Callable[[S], CallPrice]
    price_key: str
    documentation: Documentation = Documentation()
    is_own_model: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters of the template that it needs."""
        return tuple(map(self.settings.parameter, self.settings.required_fields()))

    def read(self, values: Mapping[str, Any]) -> S:
        """The settings in a plain mapping. Raises InvalidSettingError naming the parameters that are empty or wrong."""
        empty = ", ".join(map(self.settings.parameter, self.settings.empty_fields(values)))
        if empty:
            raise InvalidSettingError(f"Detector is {self.name}, and {empty} is empty")
        return self.settings.read(values)
