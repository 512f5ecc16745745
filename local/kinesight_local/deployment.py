"""A stack on moto, wired as AWS wires it.

moto's CloudFormation creates what it supports, the resource types in resources/catalogue.py create the rest from the
same expanded template.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from kinesight_local.functions import Functions
from kinesight_local.lambdas import InvocationResult
from kinesight_local.resources.base import Invoke
from kinesight_local.resources.catalogue import ResourceTypes, resources_of
from kinesight_local.resources.custom_resources import CustomResources
from kinesight_local.resources.functions import log_settings
from kinesight_local.resources.moto_template import MotoTemplate, References
from kinesight_local.resources.web_front import web_of
from kinesight_local.template import Document, Expanded
from kinesight_local.viewer import Web


class Stack:
    """One deployed stack; the `Deployment` of its resource types."""

    def __init__(self, name: str, expanded: Expanded, functions: Functions, client: Callable[[str], Any]) -> None:
        """`client` makes boto3 clients for the local cloud."""
        self.name = name
        self.outputs: dict[str, str] = {}
        self.parameters = expanded.parameters
        self._expanded = expanded
        self._functions = functions
        self._client = client
        self._references = References({})
        self._types = ResourceTypes()
        self._custom_resources = CustomResources(functions.invoke)

    def create(self) -> None:
        """Creates all resources and starts their threads. Raises DeploymentFailedError, TimeoutError, ClientError."""
        self._custom_resources.start()
        for logical_id, source in self._expanded.sources.items():
            self._functions.add_built(self.physical_name(logical_id), source)
        for logical_id, config in log_settings(self._expanded).items():
            self._functions.set_logging(self.physical_name(logical_id), config)
        template = MotoTemplate(self._expanded.document, self._types, self.physical_name)
        resolved = self._create_in_moto(template)
        self._references = template.references(resolved)
        self.outputs = template.outputs(resolved)
        self._types.create(resources_of(self._expanded.document), self)

    def delete_custom_resources(self) -> None:
        """CloudFormation's first step when it deletes a stack. Raises DeploymentFailedError, TimeoutError."""
        self._types.before_delete()
        self._custom_resources.delete()

    def stop(self) -> None:
        """Ends all threads. The resources stay in moto."""
        self._types.stop()
        self._custom_resources.stop()

    def physical_id(self, logical_id: str) -> str:
        """A resource's physical id. Raises ClientError if moto has no such resource."""
        resource = self._client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])

    def function_name(self, logical_id: str) -> str:
        """A function's name."""
        return self.physical_name(logical_id)

    def web(self) -> Web | None:
        """What the stack's distribution serves; None if the stack has no distribution."""
        return web_of(resources_of(self._expanded.document), self)

    # -- for resource types --------------------------------------------------------------------------------------

    @property
    def log_dir(self) -> Path:
        """One log file per function."""
        return self._functions.log_dir

    def client(self, service: str) -> Any:
        """A boto3 client for the local cloud."""
        return self._client(service)

    def physical_name(self, logical_id: str) -> str:
        """The name of a function or state machine."""
        return f"{self.name}-{logical_id}"

    def reference(self, logical_id: str, name: str) -> str:
        """The resolved value of a resource's reference."""
        return self._references.get(logical_id, name)

    def invoker(self, function_arn: str) -> Invoke:
        """Invokes any function of the local cloud."""
        return self._functions.invoker(function_arn)

    def invoke_for_cloudformation(self, function: LambdaFunction, event: Document) -> InvocationResult | None:
        """Creates a custom resource for moto; None if the event is not about one of this stack."""
        if f":stack/{self.name}/" not in event.get("StackId", ""):
            return None
        return self._custom_resources.create(function, event, self._client("cloudformation").meta.endpoint_url)

    # -- moto ----------------------------------------------------------------------------------------------------

    def _create_in_moto(self, template: MotoTemplate) -> dict[str, str]:
        """Returns moto's outputs once the custom resources are complete: outputs may refer to them."""
        cloudformation = self._client("cloudformation")
        cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps(template.document()),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
        custom = [one for one in resources_of(self._expanded.document) if one.type.startswith("Custom::")]
        self._custom_resources.wait_until_created(len(custom))
        (stack,) = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
