"""Which settings of the configuration document a layer sets."""

from collections.abc import Iterator

from pydantic import BaseModel


def set_paths(layer: BaseModel, prefix: str = "") -> Iterator[str]:
    """Yields the path in the JSON form (gate.mode) of each value that is set; lists are taken as a whole."""
    for name in layer.model_fields_set & type(layer).model_fields.keys():
        value, path = getattr(layer, name), prefix + (type(layer).model_fields[name].alias or name)
        if isinstance(value, BaseModel):
            yield from set_paths(value, f"{path}.")
        else:
            yield path
