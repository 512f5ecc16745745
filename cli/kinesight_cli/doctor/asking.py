"""Asking AWS, so that what may not be looked at is told apart from what is not there, and from no answer at all."""

from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError

_CLIENT = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=20)
_REFUSED = frozenset(
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
_NO_CREDENTIALS = frozenset(
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
_ACTIONS = {  # where the permission is not named after the operation (Service Authorization Reference)
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:ListObjectsV2": "s3:ListBucket",
    "kinesis-video-archived-media:GetMediaForFragmentList": "kinesisvideo:GetMediaForFragmentList",
    "kinesis-video-archived-media:ListFragments": "kinesisvideo:ListFragments",
}


class CannotLookError(Exception):
    """Nobody can look at anything: no credentials, or nobody answers. The message says what to do."""


class RefusedError(Exception):
    """`permission`: what whoever looks lacks."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission


class UnansweredError(Exception):
    """A call that failed for another reason; the message is the service's."""


class Aws:
    """One account and Region. Safe for threads, as boto3's clients are and its sessions are not."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self._making = Lock()
        self._client = cache(self._made)

    @property
    def region(self) -> str:
        """Raises CannotLookError without one."""
        if self._session.region_name is None:
            raise CannotLookError("no Region is chosen: --region, or set AWS_REGION")
        return self._session.region_name

    def ask(self, service: str, operation: str, *, absent: frozenset[str] = frozenset(), **wanted: Any) -> Any:
        """A boto3 call; None if the thing does not exist, as error codes say: the usual ones, and those of `absent`.

        Raises RefusedError, UnansweredError, CannotLookError.
        """
        return self._called(self._client(service, None), operation, absent, wanted)

    def pages(self, service: str, operation: str, **wanted: Any) -> Iterator[Any]:
        """Of an operation that takes and gives NextToken; none if the thing does not exist. Raises as `ask` does."""
        token: dict[str, Any] = {}
        while (page := self.ask(service, operation, **wanted, **token)) is not None:
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def ask_stream(self, stream_name: str, api: str, operation: str, **wanted: Any) -> Any:
        """A call of archived media, at the stream's own endpoint. Raises as `ask` does."""
        answer = self.ask("kinesisvideo", "get_data_endpoint", StreamName=stream_name, APIName=api)
        if answer is None:
            return None
        client = self._client("kinesis-video-archived-media", answer["DataEndpoint"])
        return self._called(client, operation, frozenset(), {"StreamName": stream_name, **wanted})

    def _made(self, service: str, endpoint: str | None) -> Any:
        try:
            with self._making:
                return self._session.client(service, endpoint_url=endpoint, config=_CLIENT)  # type: ignore[call-overload]  # any service
        except NoRegionError as error:
            raise CannotLookError("no Region is chosen: --region, or set AWS_REGION") from error

    def _called(self, client: Any, operation: str, absent: frozenset[str], wanted: dict[str, Any]) -> Any:
        try:
            return getattr(client, operation)(**wanted)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _ABSENT | absent:
                return None
            if code in _NO_CREDENTIALS:
                raise CannotLookError(f"the credentials are refused ({code}): aws sts get-caller-identity") from error
            if code in _REFUSED:
                raise RefusedError(permission(client.meta.service_model.service_name, error.operation_name)) from error
            raise UnansweredError(str(error)) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise CannotLookError(f"{error}: set AWS_PROFILE, or run aws configure") from error
        except BotoCoreError as error:
            raise UnansweredError(str(error)) from error


def permission(service: str, operation: str) -> str:
    """IAM's name of an operation, both as botocore has them."""
    return _ACTIONS.get(f"{service}:{operation}", f"{service}:{operation}")
