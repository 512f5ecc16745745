"""Settings in layers: what an upper layer sets wins, field by field; lists are taken as a whole."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel


def overlay[M: BaseModel](base: M, upper: BaseModel) -> M:
    """Returns `base` with the fields of its model that `upper` sets."""
    changes: dict[str, object] = {}
    for name in upper.model_fields_set & type(base).model_fields.keys():
        value, below = getattr(upper, name), getattr(base, name)
        nested = isinstance(value, BaseModel) and isinstance(below, BaseModel)
        changes[name] = overlay(below, value) if nested else value
    return base.model_copy(update=changes) if changes else base


def origins(layers: Sequence[tuple[str, BaseModel]]) -> Mapping[str, str]:
    """By path in the JSON form (gate.mode), the name of the uppermost layer that sets it; layers from below."""
    return {path: name for name, layer in layers for path in _set_paths(layer, "")}


def _set_paths(layer: BaseModel, prefix: str) -> Iterator[str]:
    for name in layer.model_fields_set & type(layer).model_fields.keys():
        value, path = getattr(layer, name), prefix + (type(layer).model_fields[name].alias or name)
        if isinstance(value, BaseModel):
            yield from _set_paths(value, f"{path}.")
        else:
            yield path
