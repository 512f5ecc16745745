"""The deployed stack that is verified, and which of its features the temporary stream has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.document import ConfigurationDocument

from kinesight_cli.shared import aws_session, configuration_document, stack_lookup
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.stack_lookup import Resources
from kinesight_cli.verify.temporary_stream import TemporaryStream, temporary_stream


@dataclass(slots=True)
class Clients:
    """Clients of the account, each created once."""

    _made: dict[str, Any] = field(default_factory=dict)

    def __call__(self, service: str, endpoint: str | None = None) -> Any:
        key = f"{service} {endpoint}"
        if key not in self._made:
            self._made[key] = aws_session.client(service, endpoint_url=endpoint)
        return self._made[key]


@dataclass(frozen=True)
class Deployment:
    """A stack, and the stream that is created for it. `camera`: the settings that this stream gets."""

    stack: str
    resources: Resources
    parameters: Mapping[str, str]
    document: ConfigurationDocument
    camera: CameraSettings
    stream: TemporaryStream
    clients: Clients = field(default_factory=Clients)

    @property
    def is_on_aws(self) -> bool:
        """Whether the services are AWS's, not emulators that are set as endpoints."""
        return not any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)

    @property
    def has_images(self) -> bool:
        return self.camera.image_generation.status == "ENABLED"

    @property
    def has_notifications(self) -> bool:
        return self.camera.notifications.status == "ENABLED"

    @property
    def is_read_live(self) -> bool:
        return self.parameters.get("LiveStatus") == "ENABLED"

    @property
    def has_alerts(self) -> bool:
        channels = self.camera.alert_channels
        return channels is None or "sns" in channels

    @property
    def has_viewer(self) -> bool:
        return "ServeViewerFunction" in self.resources.ids

    @cached_property
    def archived_media(self) -> Any:
        """A client for the archived media of the stream, which exists. Raises botocore's errors."""
        endpoint = self.clients("kinesisvideo").get_data_endpoint(
            StreamName=self.stream.name, APIName="LIST_FRAGMENTS"
        )["DataEndpoint"]
        return self.clients("kinesis-video-archived-media", endpoint)

    def id_of(self, logical_id: str) -> str:
        """Returns the physical id of a resource. Raises CommandError if the stack does not have it."""
        if logical_id not in self.resources.ids:
            raise CommandError(f"the stack {self.stack} has no {logical_id}: deploy this version of Kinesight first")
        return self.resources.ids[logical_id]

    @property
    def results_stream(self) -> str:
        return self.id_of("ResultsStream").rpartition("/")[2]


def deployment(stack: str, stream_name: str | None) -> Deployment:
    """Finds a stack and chooses the stream. Raises CommandError."""
    parameters = stack_lookup.parameters(stack)
    stream = temporary_stream(stack_lookup.selection_of(parameters), stream_name)
    text = configuration_document.fetch(stack)
    document = ConfigurationDocument.empty() if text is None else ConfigurationDocument.parse(text)
    camera = stack_lookup.deployed_configuration(stack, document).of_tagged(stream.name, stream.tags)
    if camera.detector is None:
        raise CommandError(
            f"the configuration analyzes no frames of {stream.name}: its camera has no detector. Choose another name "
            "with --stream"
        )
    return Deployment(stack, stack_lookup.resources(stack), parameters, document, camera, stream)


def existing(stack: str, stream_name: str) -> Deployment:
    """Returns a stack and a stream that a run has left, whatever selects it now. Raises CommandError."""
    parameters = stack_lookup.parameters(stack)
    document = ConfigurationDocument.empty()
    camera = stack_lookup.deployed_configuration(stack, document).of_tagged(stream_name, {})
    stream = TemporaryStream(stream_name)
    return Deployment(stack, stack_lookup.resources(stack), parameters, document, camera, stream)
