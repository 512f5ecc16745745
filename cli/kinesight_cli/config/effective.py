"""The effective settings of one camera, and which layer sets each of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.layers import overlay

from kinesight_cli.shared.parameter_layer import ParameterLayer
from kinesight_cli.shared.setting_paths import leaves, set_paths

SCHEMA_DEFAULT = "schema default"
GENERATED_RULE = "labels, minimumConfidence"
"""Origin of the only rule of a camera for which no layer sets rules."""


@dataclass(frozen=True, slots=True)
class EffectiveCamera:
    """`origins`: by path in `values`, such as gate.mode, what sets the value. `entry` is the camera of the document
    that applies, such as cameras[1], or None. `tags` are those of the stream; None if the document uses no tags."""

    settings: CameraSettings
    origins: Mapping[str, str]
    entry: str | None
    tags: Mapping[str, str] | None

    @property
    def values(self) -> dict[str, Any]:
        """The settings as in the document."""
        return self.settings.model_dump(mode="json", by_alias=True)

    @property
    def document(self) -> dict[str, Any]:
        """The form for JSON and YAML."""
        return {"camera": self.values, "origins": dict(self.origins)}

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """Yields path, value and origin of each setting."""
        yield from ((path, value, self.origins[path]) for path, value in leaves(self.values))


def effective_camera(
    stream_name: str, tags: Mapping[str, str], document: ConfigurationDocument, parameters: ParameterLayer
) -> EffectiveCamera:
    """Returns the settings of a stream: its entry in the document over `defaults` over the parameters."""
    merged = overlay(parameters.settings, document.defaults)
    found = {path: f"parameter {name}" for path, name in parameters.names.items()}
    _set_origins(found, "defaults", document.defaults)
    camera, entry = document.camera(stream_name, tags), None
    if camera is not None:
        entry = f"cameras[{next(index for index, one in enumerate(document.cameras) if one is camera)}]"
        merged = overlay(merged, camera)
        _set_origins(found, entry, camera)
    if not merged.rules:
        found["rules"] = GENERATED_RULE
    settings = merged.completed()
    paths = [path for path, _ in leaves(settings.model_dump(mode="json", by_alias=True))]
    return EffectiveCamera(
        settings,
        {path: found.get(path, SCHEMA_DEFAULT) for path in paths},
        entry,
        tags if document.uses_tags else None,
    )


def _set_origins(found: dict[str, str], name: str, layer: CameraSettings) -> None:
    """Adds what a layer sets. It replaces an object that it sets to null, and null that it sets to an object."""
    for path in set_paths(layer):
        for other in [one for one in found if one.startswith(f"{path}.") or path.startswith(f"{one}.")]:
            del found[other]
        found[path] = name
