"""What a deployed stack tells about itself, on the local cloud or in a real account."""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)


class StackError(Exception):
    """The stack can't be found, or is of another version; the message says what to do."""


def output(stack_name: str, name: str) -> str:
    """Raises StackError."""
    try:
        (stack,) = boto3.client("cloudformation", config=_CLIENT).describe_stacks(StackName=stack_name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"there is no stack {stack_name} to be found: {error}; --stack names another") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    if name not in outputs:
        raise StackError(f"the stack {stack_name} has no output {name}: deploy this version of Kinesight first")
    return outputs[name]
