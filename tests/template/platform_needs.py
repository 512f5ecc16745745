"""What the services themselves do under a role: Lambda's pollers, logs, traces and networks, Step Functions, KMS."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.template.role_grants import TEMPLATE, Deployed, Grant, short

_TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# AWS managed policy AWSLambdaSQSQueueExecutionRole
_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
# AWS managed policy AWSLambdaKinesisExecutionRole; its SubscribeToShard is for enhanced fan-out
_STREAM = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)
# "Giving Lambda functions access to resources in an Amazon VPC"
NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
# "Using CloudWatch Logs to log execution history in Step Functions"
VENDED_LOGS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
# "Trace Step Functions request data in AWS X-Ray"
_WORKFLOW_TRACING = (*_TRACING, "xray:GetSamplingRules", "xray:GetSamplingTargets")

_READ, _WRITE = "kms:Decrypt", "kms:GenerateDataKey"
# "DynamoDB encryption at rest usage notes", and KEY_READ_ACTIONS and KEY_WRITE_ACTIONS of CDK (aws-dynamodb, perms.ts),
# which has ReEncrypt* and GenerateDataKey*; key pairs encrypt nothing here.
_TABLE = (
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
# What the caller must be allowed to do with the key that its data is under, by the start of the action. Each service's
# page on encryption at rest; DynamoDB acts under the caller's rights for every call on a table.
_KEY_USE: Mapping[str, tuple[str, ...]] = {
    "s3:GetObject": (_READ,),
    "s3:PutObject": (_WRITE,),
    "s3:AbortMultipartUpload": (_READ,),  # only uploads in parts need it, and those need Decrypt
    "dynamodb:": (_READ, _WRITE, *_TABLE),
    "sqs:ReceiveMessage": (_READ,),
    "sqs:SendMessage": (_READ, _WRITE),
    "sns:Publish": (_READ, _WRITE),
    "kinesis:GetRecords": (_READ,),
    "kinesis:PutRecords": (_WRITE,),
    "kinesisvideo:Get": (_READ,),
    "kinesisvideo:ListFragments": (_READ,),
    "states:StartExecution": (_READ, _WRITE),
    "states:DescribeExecution": (_READ,),
}


_UNDER_ANOTHER_KEY = "PageBucket"


def function_needs(stack: Deployed, function: str) -> dict[Grant, str]:
    """For what the template has Lambda do for this function."""
    properties = stack.of_type("AWS::Lambda::Function")[function]
    needs = {(action, properties["LoggingConfig"]["LogGroup"]): "logs" for action in _LOGS}
    if properties["TracingConfig"]["Mode"] == "Active":
        needs |= {(action, "*"): "traces" for action in _TRACING}
    if "VpcConfig" in properties:
        needs |= {(action, "*"): "network" for action in NETWORK}
    for source in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        if source["FunctionName"] == function:
            needs |= dict.fromkeys(source_needs(stack, source), "event source")
    return needs


_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")


def source_needs(stack: Deployed, source: Mapping[str, Any]) -> Iterator[Grant]:
    origin = source["EventSourceArn"]
    if stack.resources[origin]["Type"] == "AWS::SQS::Queue":
        yield from ((action, origin) for action in _QUEUE)
    else:
        yield from ((action, origin) for action in _STREAM)
        yield "kinesis:ListStreams", "*"
    if "DestinationConfig" in source:
        yield "sqs:SendMessage", source["DestinationConfig"]["OnFailure"]["Destination"]


def key_needs(stack: Deployed, needs: set[Grant]) -> dict[Grant, str]:
    """With a customer-managed key, what its users must be allowed to do with it."""
    key = stack.expanded.parameters["KmsKeyArn"]
    if not key:
        return {}
    under_it = {action for action, place in needs if not place.startswith(_UNDER_ANOTHER_KEY)}
    used = {use for action in under_it for start, uses in _KEY_USE.items() if action.startswith(start) for use in uses}
    return {(use, short(key)): "key" for use in used}


def workflow_needs(stack: Deployed, machine: str) -> dict[Grant, str]:
    """For a state machine's definition, its logs and its traces."""
    properties = stack.of_type("AWS::StepFunctions::StateMachine")[machine]
    values = properties["DefinitionSubstitutions"]
    path = next(iter((TEMPLATE.parent / "statemachines").glob(f"{_verb(machine)}.asl.yaml")))
    definition = yaml.safe_load(path.read_text())
    needs = {need: "states" for state in _states(definition) for need in _state_needs(state, values, machine)}
    needs |= {(action, "*"): "logs" for action in VENDED_LOGS if "LoggingConfiguration" in properties}
    needs |= {(action, "*"): "traces" for action in _WORKFLOW_TRACING if properties["TracingConfiguration"]["Enabled"]}
    return needs


def _verb(resource: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in resource).lstrip("_")


def _states(definition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for state in definition["States"].values():
        yield state
        if "ItemProcessor" in state:
            yield from _states(state["ItemProcessor"])


def _state_needs(state: Mapping[str, Any], values: Mapping[str, str], machine: str) -> Iterator[Grant]:
    resource, parameters = state.get("Resource", ""), state.get("Parameters", {})
    if resource.endswith("lambda:invoke"):
        yield "lambda:InvokeFunction", values[parameters["FunctionName"].strip("${}")]
    if resource.endswith("events:putEvents"):
        yield from (
            ("events:PutEvents", f"events:event-bus/{entry['EventBusName']}") for entry in parameters["Entries"]
        )
    if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        yield from _map_needs(state, values, machine)


def _map_needs(state: Mapping[str, Any], values: Mapping[str, str], machine: str) -> Iterator[Grant]:
    """ "IAM policies for using Distributed Map states": the list is read, the answers are written, children are run."""
    bucket = values[state["ResultWriter"]["Parameters"]["Bucket"].strip("${}")]
    folder = state["ResultWriter"]["Parameters"]["Prefix"].partition("/")[0]
    for action in ("GetObject", "PutObject", "ListMultipartUploadParts", "AbortMultipartUpload"):
        yield f"s3:{action}", f"{bucket}/{folder}/*"
    yield "states:StartExecution", machine
    for action in ("DescribeExecution", "StopExecution", "RedriveExecution"):
        yield f"states:{action}", f"states:execution:{machine}.Name/*"
