"""Settings of the configuration document by their path, such as gate.mode."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel


def set_paths(layer: BaseModel, prefix: str = "") -> Iterator[str]:
    """Yields the path in the JSON form (gate.mode) of each value that is set; lists are taken as a whole."""
    for name in layer.model_fields_set & type(layer).model_fields.keys():
        value, path = getattr(layer, name), prefix + (type(layer).model_fields[name].alias or name)
        if isinstance(value, BaseModel):
            yield from set_paths(value, f"{path}.")
        else:
            yield path


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields path and value of each setting: members of objects one by one, lists as a whole."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
