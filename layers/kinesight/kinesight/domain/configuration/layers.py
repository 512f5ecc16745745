"""Settings in layers: what an upper layer sets wins, field by field; lists are taken as a whole."""

from pydantic import BaseModel


def overlay[M: BaseModel](base: M, upper: BaseModel) -> M:
    """Returns `base` with the fields of its model that `upper` sets."""
    changes: dict[str, object] = {}
    for name in upper.model_fields_set & type(base).model_fields.keys():
        value, below = getattr(upper, name), getattr(base, name)
        nested = isinstance(value, BaseModel) and isinstance(below, BaseModel)
        changes[name] = overlay(below, value) if nested else value
    return base.model_copy(update=changes) if changes else base
