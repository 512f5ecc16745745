"""What a capture is made of: a stream, and where its images and notifications arrived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """`clients` returns a client of a service, at an endpoint if there is one. `bucket`: that of the images in
    `image_keys`. `envelopes`: notifications as SQS received them. `names`: what stands for names."""

    clients: Callable[..., Any]
    stream: str
    bucket: str
    image_keys: Sequence[str]
    envelopes: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]

    @property
    def control(self) -> Any:
        return self.clients("kinesisvideo")

    def data(self, service: str, api: str) -> Any:
        """Returns a client at the stream's endpoint for an API. Raises botocore's errors."""
        found = self.control.get_data_endpoint(StreamName=self.stream, APIName=api)
        return self.clients(service, found["DataEndpoint"])
