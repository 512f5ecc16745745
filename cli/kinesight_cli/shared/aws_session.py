"""The AWS session of a command: profile and Region by its options, else by the environment.

boto3 reads AWS_DEFAULT_REGION alone. The other SDKs of AWS and the AWS CLI read AWS_REGION first, as the commands do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)

from kinesight_cli.shared.errors import CommandError

if TYPE_CHECKING:
    import boto3

CLIENT_CONFIG = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)

INVALID_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "Forbidden",
        "NotAuthorizedException",
        "UnauthorizedOperation",
    }
)
"""Codes of errors; each service has its own."""


@dataclass(slots=True)
class _Choice:
    region: str | None = None
    profile: str | None = None


_choice = _Choice()


def choose(*, region: str | None = None, profile: str | None = None) -> None:
    """Sets what the options of the running command say; None leaves it to the environment."""
    _choice.region, _choice.profile = region, profile


def use_region(region: str) -> None:
    """Sets the Region of the running command, of which --region is an option of its own."""
    _choice.region = region


def session() -> boto3.Session:
    """The same session until options or AWS variables change. Raises CommandError if there is no such profile."""
    region = _choice.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    variables = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    try:
        return _session(_choice.profile, region, variables)
    except ProfileNotFound as error:
        raise CommandError(problem(error)) from error


@lru_cache(maxsize=4)
def _session(profile: str | None, region: str | None, _variables: tuple[tuple[str, str], ...]) -> boto3.Session:
    import boto3

    return boto3.Session(profile_name=profile, region_name=region)


def client(service: str, config: Config = CLIENT_CONFIG, *, endpoint_url: str | None = None) -> Any:
    """A client of the session. Raises CommandError without a Region."""
    try:
        return session().client(service, config=config, endpoint_url=endpoint_url)  # type: ignore[call-overload]  # any service
    except BotoCoreError as error:
        raise CommandError(problem(error)) from error


def target() -> str:
    """Account and Region that the command works on, or the address that stands for AWS.

    Raises CommandError without a Region or credentials.
    """
    endpoints = [value for name, value in sorted(os.environ.items()) if name.startswith("AWS_ENDPOINT_URL")]
    region = session().region_name
    if endpoints:
        return f"{endpoints[0]} instead of AWS, Region {region}"
    try:
        account = client("sts").get_caller_identity()["Account"]
    except (ClientError, EndpointConnectionError, ConnectTimeoutError):
        account = "unknown"  # the command may need neither this permission nor a way to STS
    except BotoCoreError as error:
        raise CommandError(problem(error)) from error
    return f"account {account}, Region {region}"


def problem(error: Exception) -> str:
    """An error of botocore, and what to do about it."""
    match error:
        case NoRegionError():
            return "no AWS Region is configured: pass --region, or set AWS_REGION or AWS_DEFAULT_REGION"
        case NoCredentialsError() | PartialCredentialsError():
            return (
                f"no AWS credentials are configured ({error}): pass --profile, set AWS_PROFILE, or run `aws configure`"
            )
        case ProfileNotFound():
            return f"{error}: `aws configure list-profiles` lists the profiles that there are"
        case EndpointConnectionError() | ConnectTimeoutError() | ReadTimeoutError():
            return f"{error}. Check the network, the Region, and the variables AWS_ENDPOINT_URL*"
        case ClientError() if error.response["Error"].get("Code") in INVALID_CREDENTIALS:
            return f"the credentials are invalid ({error}): renew them, for example with `aws sso login`"
        case ClientError() if error.response["Error"].get("Code") in DENIED:
            return f"{error}. Grant this action to the profile, or choose another one with --profile"
        case _:
            return str(error)
