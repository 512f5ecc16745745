"""boto3 clients, created once per execution environment. Endpoints and Region come only from the AWS_* variables."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import is_timeout
from kinesight.adapters.aws.kvs_data_clients import ArchivedMediaClients, DataClients, MediaClients
from kinesight.adapters.aws.truncated_responses import require_full_body

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iot_data import IoTDataPlaneClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis_video_archived_media import KinesisVideoArchivedMediaClient
    from mypy_boto3_kinesis_video_media import KinesisVideoMediaClient
    from mypy_boto3_kinesisvideo import KinesisVideoClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

_DEFAULT = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=50,
)
# Only links with a version 4 signature open objects encrypted with KMS; the regional endpoint avoids a redirect.
_S3 = _DEFAULT.merge(Config(signature_version="s3v4", s3={"us_east_1_regional_endpoint": "regional"}))
# One attempt: the queue redelivers a failed image.
_SLOW_MODEL = Config(retries={"total_max_attempts": 1}, connect_timeout=5, max_pool_connections=50)
# GetMedia's body sends nothing while a fragment is recorded, at most 20 s.
_LIVE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)


def create_on_lambda(*clients: Callable[[], object]) -> None:
    """Creates clients of this module while a function starts, where Lambda gives it more processor time than later and
    snapshots include it. Elsewhere, where there may be no Region yet, each is created at its first use."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for client in clients:
            client()


@cache
def s3() -> S3Client:
    return require_full_body(boto3.client("s3", config=_S3))


@cache
def sqs() -> SQSClient:
    return require_full_body(boto3.client("sqs", config=_DEFAULT))


@cache
def sns() -> SNSClient:
    return require_full_body(boto3.client("sns", config=_DEFAULT))


@cache
def step_functions() -> SFNClient:
    return require_full_body(boto3.client("stepfunctions", config=_DEFAULT))


@cache
def kinesis() -> KinesisClient:
    return require_full_body(boto3.client("kinesis", config=_DEFAULT))


@cache
def dynamodb() -> DynamoDBClient:
    return require_full_body(boto3.client("dynamodb", config=_DEFAULT))


@cache
def dynamodb_once() -> DynamoDBClient:
    """Retries no call."""
    return require_full_body(boto3.client("dynamodb", config=_DEFAULT.merge(Config(retries={"total_max_attempts": 1}))))


@cache
def events() -> EventBridgeClient:
    return require_full_body(boto3.client("events", config=_DEFAULT))


@cache
def iot_data() -> IoTDataPlaneClient:
    """Uses the account's own endpoint (API_DescribeEndpoint), unless one is configured, for example by
    AWS_ENDPOINT_URL_IOT_DATA_PLANE. Raises botocore's errors."""
    configured = require_full_body(boto3.client("iot-data", config=_DEFAULT))
    unconfigured = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg]  # unknown to the stubs
    regional = boto3.client("iot-data", config=_DEFAULT.merge(unconfigured))
    if configured.meta.endpoint_url != regional.meta.endpoint_url:
        return configured
    response = boto3.client("iot", config=_DEFAULT).describe_endpoint(endpointType="iot:Data-ATS")
    return require_full_body(
        boto3.client("iot-data", endpoint_url=f"https://{response['endpointAddress']}", config=_DEFAULT)
    )


@cache
def secrets_manager() -> SecretsManagerClient:
    # At DEBUG botocore logs every response body; this one contains the secret.
    logging.getLogger("botocore.parsers").setLevel(logging.INFO)
    return require_full_body(boto3.client("secretsmanager", config=_DEFAULT))


@cache
def rekognition() -> RekognitionClient:
    """Retries rejected calls, but not timeouts: those may be billed, and the budget must count each of them."""
    client = require_full_body(boto3.client("rekognition", config=_DEFAULT))
    client.meta.events.register_first("needs-retry.rekognition", _raise_timeouts)
    return client


def _raise_timeouts(
    operation: OperationModel,
    response: tuple[AWSResponse, Any] | None = None,
    caught_exception: Exception | None = None,
    **_: object,
) -> None:
    error = caught_exception
    if response is not None and "Error" in response[1]:
        error = ClientError(response[1], operation.name)
    if error is not None and is_timeout(error):
        raise error


@cache
def sagemaker_runtime(timeout_ms: int) -> SageMakerRuntimeClient:
    """`timeout_ms` is the read timeout."""
    return require_full_body(
        boto3.client("sagemaker-runtime", config=_SLOW_MODEL.merge(Config(read_timeout=timeout_ms / 1000)))
    )


@cache
def bedrock_runtime(timeout_ms: int) -> BedrockRuntimeClient:
    """`timeout_ms` is the read timeout."""
    return require_full_body(
        boto3.client("bedrock-runtime", config=_SLOW_MODEL.merge(Config(read_timeout=timeout_ms / 1000)))
    )


@cache
def kinesis_video() -> KinesisVideoClient:
    return require_full_body(boto3.client("kinesisvideo", config=_DEFAULT))


@cache
def archived_media() -> ArchivedMediaClients:
    return DataClients(kinesis_video(), _connect_archived_media, monotonic_s=time.monotonic)


@cache
def media() -> MediaClients:
    return DataClients(kinesis_video(), _connect_media, monotonic_s=time.monotonic)


def _connect_media(endpoint: str) -> KinesisVideoMediaClient:
    return require_full_body(boto3.client("kinesis-video-media", endpoint_url=endpoint, config=_LIVE))


@cache
def lambda_() -> LambdaClient:
    return require_full_body(boto3.client("lambda", config=_DEFAULT))


def _connect_archived_media(endpoint: str) -> KinesisVideoArchivedMediaClient:
    return require_full_body(boto3.client("kinesis-video-archived-media", endpoint_url=endpoint, config=_DEFAULT))
