"""What the parameters of a stack set in every camera: the layer below the configuration document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kinesight.domain.configuration.camera import CameraSettings
from pydantic import ValidationError

from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.setting_paths import set_paths

PATHS: Mapping[str, str] = {
    "Detector": "detector",
    "Labels": "labels",
    "ImageGenerationStatus": "imageGeneration.status",
    "ImageSelectorType": "imageGeneration.imageSelectorType",
    "SamplingInterval": "imageGeneration.samplingInterval",
    "Format": "imageGeneration.format",
    "JPEGQuality": "imageGeneration.jpegQuality",
    "WidthPixels": "imageGeneration.widthPixels",
    "HeightPixels": "imageGeneration.heightPixels",
    "NotificationStatus": "notifications.status",
}
"""Parameters of the template, and the setting of a camera that each of them sets. A stack may lack some of them."""

_LISTS = frozenset({"labels"})


class ParameterError(CommandError):
    """A parameter of the stack has a value that this version of Kinesight does not accept."""


@dataclass(frozen=True, slots=True)
class ParameterLayer:
    """`names`: the parameter that sets a path, such as gate.mode."""

    settings: CameraSettings
    names: Mapping[str, str]


def parameter_layer(parameters: Mapping[str, str]) -> ParameterLayer:
    """Returns the layer of a stack's parameters; those that set nothing in a camera are ignored. Raises
    ParameterError."""
    names = {path: name for name, path in PATHS.items() if name in parameters}
    values: dict[str, Any] = {}
    for path, name in names.items():
        _set(values, path.split("."), _value(path, parameters[name]))
    return ParameterLayer(_settings(values), names)


def overridden(defaults: CameraSettings, parameters: Mapping[str, str]) -> list[str]:
    """Returns the parameters of the stack that have no effect, because the document's `defaults` set their settings."""
    set_by_document = list(set_paths(defaults))
    return [
        name
        for name, path in PATHS.items()
        if name in parameters and any(path == one or path.startswith(f"{one}.") for one in set_by_document)
    ]


def _set(values: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        values = values.setdefault(part, {})
    values[path[-1]] = value


def _value(path: str, text: str) -> Any:
    if path in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    return None if text == "" else text


def _settings(values: Mapping[str, Any]) -> CameraSettings:
    try:
        return CameraSettings.model_validate(values)
    except ValidationError as error:
        by_path = {path: name for name, path in PATHS.items()}
        problems = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        said = "; ".join(f"{by_path.get(path, path)}: {message}" for path, message in problems)
        raise ParameterError(
            f"parameters of the stack have values that this version of Kinesight does not accept: {said}. Use the "
            "version of Kinesight that the stack was deployed with"
        ) from error
