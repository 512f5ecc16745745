"""AWS::StepFunctions::StateMachine.

moto executes only state machines that were made through its API. Its CloudFormation gets a placeholder of the same name
and ARN, so that references resolve.
"""

import json
from collections.abc import Mapping
from typing import Any, override

from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.template import Document

_NOT_IN_MOTO = frozenset(
    {"DefinitionS3Location", "DefinitionSubstitutions", "LoggingConfiguration", "TracingConfiguration"}
)
_PLACEHOLDER = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


class StateMachines(ResourceType):
    """The API's state machine replaces the placeholder."""

    handles = frozenset({"AWS::StepFunctions::StateMachine"})
    in_moto = True

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        return {"Role": resource.properties["RoleArn"], **resource.properties["DefinitionSubstitutions"]}

    @override
    def moto_properties(self, resource: Resource, physical_name: str) -> Document:
        kept = {name: value for name, value in resource.properties.items() if name not in _NOT_IN_MOTO}
        return kept | {"StateMachineName": physical_name, "DefinitionString": json.dumps(_PLACEHOLDER)}

    @override
    def create(self, resource: Resource, deployment: Deployment) -> None:
        definition = deployment.definition(resource.logical_id)
        for name in resource.properties["DefinitionSubstitutions"]:
            definition = definition.replace(f"${{{name}}}", deployment.reference(resource.logical_id, name))
        deployment.client("stepfunctions").create_state_machine(
            name=deployment.physical_name(resource.logical_id),
            definition=definition,
            roleArn=deployment.reference(resource.logical_id, "Role"),
        )
