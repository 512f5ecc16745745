"""The copy of an expanded template that moto's CloudFormation deploys, and the values that it resolves for us.

The local cloud creates some resources itself (catalogue.py). Expressions in them that refer to other resources become
additional outputs of the copy, so that moto resolves them.
"""

import copy
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kinesight_local.resources.base import Resource
from kinesight_local.resources.catalogue import ResourceTypes, resources_of
from kinesight_local.template import Document

log = logging.getLogger(__name__)

_PREFIX = "Local"
_SUBSTITUTION = re.compile(r"\$\{(\w+)(?:\.[\w.]+)?\}")
"""A reference in the text of Fn::Sub."""


class MotoTemplate:
    """moto's copy of one template."""

    def __init__(self, document: Document, types: ResourceTypes, physical_name: Callable[[str], str]) -> None:
        """`physical_name` returns a function's or state machine's name by logical id."""
        self._original = document
        self._types = types
        self._physical_name = physical_name
        self._left_out = [one.logical_id for one in resources_of(document) if not types.is_in_moto(one.type)]

    def document(self) -> Document:
        """Without the resources that moto must not create, and with outputs for all references."""
        document = copy.deepcopy(self._original)
        outputs = document.setdefault("Outputs", {}) | self._reference_outputs()
        document["Outputs"] = {name: _named(one, self._left_out) for name, one in outputs.items()}
        for resource in list(resources_of(document)):
            if resource.logical_id in self._left_out:
                log.debug("%s (%s) is not created by moto", resource.logical_id, resource.type)
                del document["Resources"][resource.logical_id]
            else:
                self._adapt(resource, document["Resources"][resource.logical_id])
        return document

    def outputs(self, resolved: Mapping[str, str]) -> dict[str, str]:
        """The template's own outputs, except those that name a resource which is not created."""
        own = {name for name, one in self._original["Outputs"].items() if not self._is_left_out(one["Value"])}
        return {name: value for name, value in resolved.items() if name in own}

    def references(self, resolved: Mapping[str, str]) -> "References":
        """The references in moto's outputs."""
        return References({name: value for name, value in resolved.items() if name.startswith(_PREFIX)})

    def _reference_outputs(self) -> Document:
        return {
            _output(resource.logical_id, name): {"Value": value}
            for resource in resources_of(self._original)
            for name, value in self._types.references(resource).items()
        }

    def _adapt(self, resource: Resource, node: Document) -> None:
        if "Properties" in node:
            properties = self._types.moto_properties(resource, self._physical_name(resource.logical_id))
            node["Properties"] = _named(properties, self._left_out)
        dependencies = node.pop("DependsOn", [])
        names = [dependencies] if isinstance(dependencies, str) else dependencies
        if kept := [name for name in names if name not in self._left_out]:
            node["DependsOn"] = kept

    def _is_left_out(self, value: Any) -> bool:
        return isinstance(value, dict) and _referred(value) in self._left_out


class References:
    """Resolved references of resources, by logical id and name."""

    def __init__(self, resolved: Mapping[str, str]) -> None:
        self._resolved = resolved

    def get(self, logical_id: str, name: str) -> str:
        """Raises KeyError if the resource has no such reference."""
        return str(self._resolved[_output(logical_id, name)])


def _output(logical_id: str, name: str) -> str:
    return f"{_PREFIX}{logical_id}{name.replace('-', '')}"


def _named(node: Any, left_out: Sequence[str]) -> Any:
    """A copy in which logical ids replace references to resources that are left out."""
    if isinstance(node, str):
        return _SUBSTITUTION.sub(lambda found: found[1] if found[1] in left_out else found[0], node)
    if isinstance(node, dict):
        name = _referred(node)
        return name if name in left_out else {key: _named(value, left_out) for key, value in node.items()}
    return [_named(item, left_out) for item in node] if isinstance(node, list) else node


def _referred(node: Document) -> str | None:
    """The resource that a Ref or Fn::GetAtt refers to."""
    match node:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
    return None
