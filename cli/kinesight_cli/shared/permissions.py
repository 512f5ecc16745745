"""Checks that the parameters of a stack permit the detectors of a document."""

from collections.abc import Mapping
from typing import Any

from kinesight.domain.configuration.document import ConfigurationDocument, Problem
from kinesight.domain.detectors.catalogue import DETECTORS


def permitted_values(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Returns the stack's values of the settings that only a parameter may name, by field; None if it is empty."""
    models = [entry.settings for entry in DETECTORS.values()]
    fields = [(model, field) for model in models for field in model.permitted_fields()]
    return {field: parameters.get(model.parameter(field)) or None for model, field in fields}


def permission_problems(document: ConfigurationDocument, parameters: Mapping[str, str]) -> list[Problem]:
    """Returns (path, message) of each detector that the parameters of a stack do not permit."""
    return list(document.not_permitted(permitted_values(parameters)))
