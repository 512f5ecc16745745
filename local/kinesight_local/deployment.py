"""A stack on moto, wired as AWS wires it.

moto's CloudFormation creates what it can. The rest is wired from the same expanded template, never from a second
description; the references in it are resolved by moto too, as additional outputs of its copy:

    event source mappings       moto would start containers: event_sources.py polls, as long as moto says they are on
    layers                      folders on the functions' import path
    bucket notifications        moto's CloudFormation leaves them out: set through S3's API
    alarms                      moto's CloudFormation does not know them, and nobody is paged by a laptop
    schedules                   moto never fires them: schedules.py does
    logs                        the functions write to files: log_shipping.py sends them on
    subscriptions               moto's CloudFormation does not know them: made through SNS's API; no mail is sent
    queue policies              moto's CloudFormation leaves them out: set through SQS's API, to be read, not obeyed
    bucket policies             left out: moto obeys them but not their conditions, so TlsOnly would refuse everybody
    the viewer's front          left out: viewer.py serves the page and calls the API's function, for who has its token
    invoke config, permissions  left out: everybody here has every right
"""

import copy
import itertools
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import LambdaFunction

from kinesight_local.custom_resources import ResponseReceiver
from kinesight_local.event_sources import Invoke, IsOn, Poller, QueueSource, StreamSource
from kinesight_local.lambdas import Answer, FunctionSpec, Lambdas
from kinesight_local.log_shipping import LogShipper
from kinesight_local.moto_hook import known_mapping, route_invocations
from kinesight_local.schedules import Schedule, interval_s
from kinesight_local.template import Document, Expanded
from kinesight_local.viewer import Web
from kinesight_local.web_front import references, web_of

log = logging.getLogger(__name__)

_LEFT_OUT = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolUser",
        "AWS::Events::Rule",
        "AWS::IAM::Policy",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }
)
_CREATE_S = 120.0
_REFERENCE = re.compile(r"\$\{(\w+)(?:\.[\w.]+)?\}")
"""In the text of Fn::Sub."""


class DeploymentFailedError(Exception):
    """The stack could not be created; the message says which resource and why."""


@dataclass(frozen=True, slots=True)
class _CustomRequest:
    """A custom resource that was created, as it must be told of its deletion."""

    function_name: str
    event: Document


class Stack:
    """One deployed stack."""

    def __init__(self, name: str, expanded: Expanded, lambdas: Lambdas, client: Callable[[str], Any]) -> None:
        """`client` makes boto3 clients for the local cloud."""
        self.name = name
        self.outputs: dict[str, str] = {}
        self.parameters = expanded.parameters
        self._expanded = expanded
        self._lambdas = lambdas
        self._client = client
        self._references: dict[str, Any] = {}
        self._custom: list[_CustomRequest] = []
        self._receiver = ResponseReceiver()
        self._pollers: list[Poller] = []
        self._schedules: list[Schedule] = []
        self._shipper: LogShipper | None = None
        self._restore_moto: Callable[[], None] = lambda: None

    def create(self) -> None:
        """Raises DeploymentFailedError."""
        self._receiver.start()
        self._restore_moto = route_invocations(self._invoke)
        cloudformation = self._client("cloudformation")
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in self._expanded.parameters.items()]
        document = self._for_moto()
        cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps(document),
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
        self._await_custom_resources()
        (stack,) = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
        self._references = {key: value for key, value in outputs.items() if key.startswith("Local")}
        told = set(self._expanded.document["Outputs"]) - self._of_nothing()
        self.outputs = {key: value for key, value in outputs.items() if key in told}
        self._start_shipping_logs()
        self._start_event_sources()
        self._set_policies()
        self._notify_queues()
        self._subscribe()
        self._create_machines()
        self._start_schedules()

    def delete_custom_resources(self) -> None:
        """What CloudFormation does first when a stack is deleted. Raises DeploymentFailedError."""
        for schedule in self._schedules:
            schedule.stop()
        for request in self._custom:
            request_id = str(uuid.uuid4())
            event = request.event | {"RequestType": "Delete", "RequestId": request_id}
            event["ResponseURL"] = self._receiver.address(request_id)
            self._call_custom(request.function_name, event)

    def physical_id(self, logical_id: str) -> str:
        """Raises botocore's ClientError if there is no such resource."""
        resource = self._client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])

    def function_name(self, logical_id: str) -> str:
        return f"{self.name}-{logical_id}"

    def web(self) -> Web | None:
        """What a distribution of the stack serves, if it has one: a bucket's objects, and the routes of an HTTP API."""
        return web_of(self._expanded.resources, self._reference, self._invoker)

    def stop(self) -> None:
        for schedule in self._schedules:
            schedule.stop()
        for poller in self._pollers:
            poller.stop()
        for poller in self._pollers:
            poller.join()
        if self._shipper is not None:
            self._shipper.stop()
        self._restore_moto()
        self._receiver.stop()

    # -- moto's copy of the template -----------------------------------------------------------------------------

    def _for_moto(self) -> Document:
        document = copy.deepcopy(self._expanded.document)
        outputs = document.setdefault("Outputs", {})
        for logical_id, place, value in self._wanted_references():
            outputs[_output(logical_id, place)] = {"Value": value}
        resources: Document = document["Resources"]
        left_out = [name for name, one in resources.items() if one["Type"] in _LEFT_OUT]
        document["Outputs"] = {name: _named(one, left_out) for name, one in outputs.items()}
        for logical_id in left_out:
            log.debug("%s (%s) is not created by moto", logical_id, resources[logical_id]["Type"])
            del resources[logical_id]
        for logical_id, resource in resources.items():
            if resource["Type"] == "AWS::Lambda::Function":
                self._plain_function(logical_id, resource["Properties"])
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                self._plain_machine(logical_id, resource["Properties"])
            if "Properties" in resource:
                resource["Properties"] = _named(resource["Properties"], left_out)
            _keep_only(resource, set(resources))
        return document

    def _of_nothing(self) -> set[str]:
        """Outputs that are the names of resources which are not made here."""
        left_out = [name for name, one in self._expanded.resources.items() if one["Type"] in _LEFT_OUT]
        outputs = self._expanded.document["Outputs"].items()
        return {key for key, one in outputs if isinstance(one["Value"], dict) and _referred(one["Value"]) in left_out}

    def _plain_function(self, logical_id: str, properties: Document) -> None:
        properties["Code"] = {"ZipFile": "def handler(event, context): ..."}
        properties["FunctionName"] = self.function_name(logical_id)
        for unneeded in ("Layers", "LoggingConfig", "SnapStart", "TracingConfig"):
            properties.pop(unneeded, None)

    def _plain_machine(self, logical_id: str, properties: Document) -> None:
        """Known to moto's CloudFormation by its name and ARN; the one that runs is made through the API."""
        properties["StateMachineName"] = self.function_name(logical_id)
        properties["DefinitionString"] = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
        for unneeded in (
            "DefinitionS3Location",
            "DefinitionSubstitutions",
            "LoggingConfiguration",
            "TracingConfiguration",
        ):
            properties.pop(unneeded, None)

    def _wanted_references(self) -> list[tuple[str, str, Any]]:
        """(logical id, name, expression) of everything that is wired here and refers to another resource."""
        resources = self._expanded.resources.items()
        return [(logical_id, *one) for logical_id, resource in resources for one in _references(logical_id, resource)]

    def _reference(self, logical_id: str, place: str) -> str:
        return str(self._references[_output(logical_id, place)])

    # -- functions -----------------------------------------------------------------------------------------------

    def _invoke(self, function: LambdaFunction, event: Any) -> Answer:
        """moto's hook: a function may be invoked while the stack is still being created."""
        name = function.function_name
        if not self._lambdas.knows(name):
            self._lambdas.register(self._spec(function))
        if isinstance(event, dict) and "ResponseURL" in event:
            return self._create_custom(name, event)
        return self._lambdas.invoke(name, event)

    def _spec(self, function: LambdaFunction) -> FunctionSpec:
        logical_id = function.function_name.removeprefix(f"{self.name}-")
        return FunctionSpec(
            name=function.function_name,
            handler=str(function.handler),
            timeout_s=int(function.timeout),
            memory_mb=int(function.memory_size),
            environment={key: str(value) for key, value in function.environment_vars.items()},
            source=self._expanded.sources[logical_id],
        )

    # -- custom resources ----------------------------------------------------------------------------------------

    def _create_custom(self, name: str, event: Document) -> Answer:
        """moto's address points at a container's host; the receiver stands in and passes the answer on."""
        forward = f"{self._client('cloudformation').meta.endpoint_url}/{event['ResponseURL'].split('/', 3)[3]}"
        event = event | {"ResponseURL": self._receiver.address(event["RequestId"], forward_to=forward)}
        self._custom.append(_CustomRequest(name, event))
        answer = self._lambdas.invoke(name, event)
        if answer.failed:
            reason = {"Status": "FAILED", "Reason": answer.payload.decode(errors="replace")}
            self._receiver.record(event["RequestId"], reason)
        return answer

    def _await_custom_resources(self) -> None:
        wanted = [one for one in self._expanded.resources.values() if one["Type"].startswith("Custom::")]
        deadline_s = time.monotonic() + _CREATE_S
        while len(self._custom) < len(wanted):
            if time.monotonic() > deadline_s:
                raise DeploymentFailedError("moto did not call the functions of all custom resources")
            time.sleep(0.02)
        for request in self._custom:
            self._check(self._receiver.wait(request.event["RequestId"], _CREATE_S), request.event)

    def _call_custom(self, function_name: str, event: Document) -> None:
        answer = self._lambdas.invoke(function_name, event)
        if answer.failed:
            raise DeploymentFailedError(f"{event['LogicalResourceId']}: {answer.payload.decode(errors='replace')}")
        self._check(self._receiver.wait(event["RequestId"], _CREATE_S), event)

    def _check(self, answer: Document, event: Document) -> None:
        if answer.get("Status") != "SUCCESS":
            raise DeploymentFailedError(f"{event['LogicalResourceId']}: {answer.get('Reason', 'failed')}")

    # -- wiring --------------------------------------------------------------------------------------------------

    def _notify_queues(self) -> None:
        for logical_id, resource in self._expanded.resources.items():
            queues = _queues(resource.get("Properties", {})) if resource["Type"] == "AWS::S3::Bucket" else []
            if queues:
                entries = [
                    {"QueueArn": self._reference(logical_id, f"Queue{n}"), "Events": [one["Event"]]} | _filter(one)
                    for n, one in enumerate(queues)
                ]
                self._client("s3").put_bucket_notification_configuration(
                    Bucket=self._reference(logical_id, "Name"),
                    NotificationConfiguration={"QueueConfigurations": entries},
                )

    def _subscribe(self) -> None:
        for logical_id, resource in self._expanded.resources.items():
            if resource["Type"] == "AWS::SNS::Subscription":
                topic, endpoint = (self._reference(logical_id, place) for place in ("TopicArn", "Endpoint"))
                protocol = resource["Properties"]["Protocol"]
                self._client("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)

    def _set_policies(self) -> None:
        for logical_id, resource in self._expanded.resources.items():
            if resource["Type"] == "AWS::SQS::QueuePolicy":
                policy = json.dumps(self._policy(logical_id, resource["Properties"]["PolicyDocument"]))
                for n in range(len(resource["Properties"]["Queues"])):
                    url = self._reference(logical_id, f"Target{n}")
                    self._client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def _policy(self, logical_id: str, document: Document) -> Any:
        numbers = itertools.count()
        return _filled(document, lambda _: self._reference(logical_id, f"Part{next(numbers)}"))

    def _create_machines(self) -> None:
        """moto runs only what its API made, not what its CloudFormation did; name and ARN are the same."""
        for logical_id, resource in self._expanded.resources.items():
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                names = resource["Properties"]["DefinitionSubstitutions"]
                definition = self._expanded.definitions[logical_id]
                for name in names:
                    definition = definition.replace(f"${{{name}}}", self._reference(logical_id, name))
                self._client("stepfunctions").create_state_machine(
                    name=self.function_name(logical_id),
                    definition=definition,
                    roleArn=self._reference(logical_id, "Role"),
                )

    def _start_event_sources(self) -> None:
        for logical_id, resource in self._expanded.resources.items():
            if resource["Type"] == "AWS::Lambda::EventSourceMapping":
                source, function = (self._reference(logical_id, place) for place in ("Source", "Function"))
                invoke = self._invoker(function)
                is_on = known_mapping(self._client("lambda"), source, function)
                kind = source.split(":")[2]
                start = self._queue_pollers if kind == "sqs" else self._stream_pollers
                self._pollers += start(logical_id, resource["Properties"], source, invoke, is_on)

    def _invoker(self, function: str) -> Invoke:
        name = function.rpartition(":")[2]
        moto = self._client("lambda")

        def invoke(event: Any) -> Answer:
            if self._lambdas.knows(name):
                return self._lambdas.invoke(name, event)
            done = moto.invoke(FunctionName=name, Payload=json.dumps(event))
            return Answer(done["Payload"].read(), failed="FunctionError" in done)

        return invoke

    def _queue_pollers(self, _: str, properties: Document, arn: str, invoke: Invoke, is_on: IsOn) -> list[Poller]:
        sqs = self._client("sqs")
        source = QueueSource(
            queue_url=sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"],
            queue_arn=arn,
            region=arn.split(":")[3],
            batch_size=int(properties.get("BatchSize", 10)),
            reports_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        )
        return source.pollers(sqs, invoke, is_on)

    def _stream_pollers(
        self,
        logical_id: str,
        properties: Document,
        arn: str,
        invoke: Callable[[Any], Answer],
        is_on: Callable[[], bool],
    ) -> list[Poller]:
        sqs = self._client("sqs")
        failure = properties.get("DestinationConfig", {}).get("OnFailure")
        queue = self._reference(logical_id, "Failure").rpartition(":")[2] if failure else None
        source = StreamSource(
            stream_name=arn.rpartition("/")[2],
            stream_arn=arn,
            function_arn=self._reference(logical_id, "Function"),
            region=arn.split(":")[3],
            batch_size=int(properties.get("BatchSize", 100)),
            window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
            retries=int(properties.get("MaximumRetryAttempts", 10_000)),
            bisects=bool(properties.get("BisectBatchOnFunctionError", False)),
            reports_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
            failure_queue_url=sqs.get_queue_url(QueueName=queue)["QueueUrl"] if queue else None,
            from_latest=properties.get("StartingPosition") == "LATEST",
        )
        return source.pollers(self._client("kinesis"), sqs, invoke, is_on)

    def _start_shipping_logs(self) -> None:
        groups = {
            self.function_name(logical_id): self._reference(logical_id, "Logs")
            for logical_id, place, _ in self._wanted_references()
            if place == "Logs"
        }
        self._shipper = LogShipper(self._client("logs"), self._lambdas.log_dir, groups)

    def _start_schedules(self) -> None:
        for logical_id, resource in self._expanded.resources.items():
            if resource["Type"] == "AWS::Events::Rule" and "ScheduleExpression" in resource["Properties"]:
                expression = self._reference(logical_id, "Schedule")
                every_s = interval_s(expression)
                if every_s is None:
                    log.warning("%s: %s is not run locally", logical_id, expression)
                    continue
                invoke = self._invoker(self._reference(logical_id, "Target0"))
                self._schedules.append(Schedule(logical_id, every_s, invoke))


def _filter(configuration: Document) -> Document:
    """CloudFormation's form of a filter in S3's own."""
    rules = configuration.get("Filter", {}).get("S3Key", {}).get("Rules")
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}


def _output(logical_id: str, place: str) -> str:
    return f"Local{logical_id}{place.replace('-', '')}"


def _references(logical_id: str, resource: Document) -> list[tuple[str, Any]]:
    """(name, expression)"""
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::Lambda::Function" if "LogGroup" in properties.get("LoggingConfig", {}):
            return [("Logs", properties["LoggingConfig"]["LogGroup"])]
        case "AWS::Lambda::EventSourceMapping":
            failure = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            found = [("Source", properties["EventSourceArn"]), ("Function", properties["FunctionName"])]
            return [*found, *([("Failure", failure)] if failure else [])]
        case "AWS::Events::Rule":
            targets = [(f"Target{n}", one["Arn"]) for n, one in enumerate(properties["Targets"])]
            return [("Schedule", properties.get("ScheduleExpression", "")), *targets]
        case "AWS::StepFunctions::StateMachine":
            return [("Role", properties["RoleArn"]), *properties["DefinitionSubstitutions"].items()]
        case "AWS::SNS::Subscription":
            return [(place, properties[place]) for place in ("TopicArn", "Endpoint")]
        case "AWS::SQS::QueuePolicy":
            parts: list[Any] = []
            _filled(properties["PolicyDocument"], parts.append)
            queues = [(f"Target{n}", one) for n, one in enumerate(properties["Queues"])]
            return [*queues, *((f"Part{n}", one) for n, one in enumerate(parts))]
        case "AWS::S3::Bucket":
            told = [(f"Queue{n}", one["Queue"]) for n, one in enumerate(_queues(properties))]
            return [*told, ("Name", {"Ref": logical_id})]
        case _:
            return references(resource)


def _filled(node: Any, value_of: Callable[[Any], Any]) -> Any:
    """A copy in which every reference to another resource is what `value_of` makes of it, in their order."""
    if isinstance(node, dict):
        if len(node) == 1 and (next(iter(node)) == "Ref" or next(iter(node)).startswith("Fn::")):
            return value_of(node)
        return {key: _filled(one, value_of) for key, one in node.items()}
    return [_filled(one, value_of) for one in node] if isinstance(node, list) else node


def _queues(properties: Mapping[str, Any]) -> list[Document]:
    queues: list[Document] = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    return queues


def _named(node: Any, left_out: Sequence[str]) -> Any:
    """With the names of resources that were left out, in place of references to them."""
    if isinstance(node, str):
        return _REFERENCE.sub(lambda found: found[1] if found[1] in left_out else found[0], node)
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


def _keep_only(resource: Document, kept: set[str]) -> None:
    """Without the dependencies on resources that were left out."""
    wanted = resource.get("DependsOn", [])
    names = [wanted] if isinstance(wanted, str) else wanted
    resource["DependsOn"] = [name for name in names if name in kept]
    if not resource["DependsOn"]:
        del resource["DependsOn"]
