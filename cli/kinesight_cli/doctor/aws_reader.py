"""Calls AWS and distinguishes missing permissions, missing resources and failed calls."""

from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError

from kinesight_cli.shared.aws_session import DENIED, INVALID_CREDENTIALS, problem

_CLIENT = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=20)
_ABSENT = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_ACTIONS = {  # permissions that are not named after the operation (Service Authorization Reference)
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:ListObjectsV2": "s3:ListBucket",
    "kinesis-video-archived-media:GetMediaForFragmentList": "kinesisvideo:GetMediaForFragmentList",
    "kinesis-video-archived-media:ListFragments": "kinesisvideo:ListFragments",
}


class CannotCheckError(Exception):
    """No check can run: no Region, or no valid credentials. The message says what to do."""


class AccessDeniedError(Exception):
    """The caller lacks `permission`."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission


class CallFailedError(Exception):
    """A call failed for another reason; the message is the service's."""


class AwsReader:
    """Calls of one account and Region. Thread-safe: it shares clients and locks the session, which is not."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self._session_lock = Lock()
        self._client = cache(self._create_client)

    @property
    def region(self) -> str:
        """The Region of the session. Raises CannotCheckError if none is configured."""
        if self._session.region_name is None:
            raise CannotCheckError(problem(NoRegionError()))
        return self._session.region_name

    def call(self, service: str, operation: str, *, absent: frozenset[str] = frozenset(), **arguments: Any) -> Any:
        """Returns the response of a boto3 call, None if the resource does not exist.

        `absent`: additional error codes that mean that it does not exist.

        Raises AccessDeniedError, CallFailedError, CannotCheckError.
        """
        return self._call(self._client(service, None), operation, absent, arguments)

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Any]:
        """Yields the pages of an operation with NextToken; none if the resource does not exist. Raises like `call`."""
        token: dict[str, Any] = {}
        while (page := self.call(service, operation, **arguments, **token)) is not None:
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def call_stream(self, stream_name: str, api: str, operation: str, **arguments: Any) -> Any:
        """Returns the response of a call of archived media, at the endpoint of the stream. Raises like `call`."""
        response = self.call("kinesisvideo", "get_data_endpoint", StreamName=stream_name, APIName=api)
        if response is None:
            return None
        client = self._client("kinesis-video-archived-media", response["DataEndpoint"])
        return self._call(client, operation, frozenset(), {"StreamName": stream_name, **arguments})

    def _create_client(self, service: str, endpoint: str | None) -> Any:
        try:
            with self._session_lock:
                return self._session.client(service, endpoint_url=endpoint, config=_CLIENT)  # type: ignore[call-overload]  # any service
        except NoRegionError as error:
            raise CannotCheckError(problem(error)) from error

    def _call(self, client: Any, operation: str, absent: frozenset[str], arguments: dict[str, Any]) -> Any:
        try:
            return getattr(client, operation)(**arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _ABSENT | absent:
                return None
            if code in INVALID_CREDENTIALS:
                raise CannotCheckError(problem(error)) from error
            if code in DENIED:
                raise AccessDeniedError(
                    permission(client.meta.service_model.service_name, error.operation_name)
                ) from error
            raise CallFailedError(str(error)) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise CannotCheckError(problem(error)) from error
        except BotoCoreError as error:
            raise CallFailedError(problem(error)) from error


def permission(service: str, operation: str) -> str:
    """Returns the IAM permission of an operation; both names are botocore's."""
    return _ACTIONS.get(f"{service}:{operation}", f"{service}:{operation}")
