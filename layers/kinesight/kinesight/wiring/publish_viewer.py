"""Ports of publish_viewer."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from kinesight.adapters.aws import clients, propagation
from kinesight.adapters.messages import cloudformation_response
from kinesight.adapters.s3.page_store import S3PageStore
from kinesight.environment import Settings

clients.create_on_lambda(clients.s3)


class PublishViewerSettings(Settings):
    """Where the viewer's page is served from."""

    page_bucket: str


@cache
def store() -> S3PageStore:
    """Raises InvalidSettingError."""
    return S3PageStore(clients.s3(), PublishViewerSettings.from_environment().page_bucket)


def once_permitted[T](work: Callable[[], T]) -> T:
    """Returns the result of work of a deployment, which waits for up to a minute until policies take effect."""
    return propagation.once_permitted(work, time.sleep)


def respond(request: Mapping[str, Any], *, failure: str | None, data: Mapping[str, str]) -> None:
    """Sends the response to CloudFormation. Raises DeliveryError."""
    cloudformation_response.respond(request, failure=failure, data=data, sleep=time.sleep)
