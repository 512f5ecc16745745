"""AWS::StepFunctions::StateMachine: moto gets the definition from the built folder, and runs it
(moto_support/state_machines.py).
"""

from typing import override

from kinesight_local.resources.base import Resource, ResourceType
from kinesight_local.template import Document

_NOT_IN_MOTO = frozenset({"DefinitionS3Location", "LoggingConfiguration", "TracingConfiguration"})


class StateMachines(ResourceType):
    """moto gives it the name that the functions' configuration expects."""

    handles = frozenset({"AWS::StepFunctions::StateMachine"})
    in_moto = True

    @override
    def moto_properties(self, resource: Resource, physical_name: str) -> Document:
        kept = {name: value for name, value in resource.properties.items() if name not in _NOT_IN_MOTO}
        return kept | {"StateMachineName": physical_name}
