"""A model server that tests configure, and a detector that calls it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kinesight.adapters.detectors.http import HttpDetector, HttpModel
from kinesight.adapters.media import pillow_images
from kinesight.domain.detectors.image_fit import ImageForm
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight_local.kvs.http.threaded_server import ThreadedServer
from kinesight_local.vision.model_outputs import CLASSES
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.builders import a_frame
from tests.fakes import FakeImageStore
from tests.functional.test_vision import photograph

MODEL_OUTPUT = json.dumps({"predictions": [{"category_id": 0, "bbox": [1, 2, 30, 40], "score": 0.9, "echo": ""}]})


@dataclass
class Model:
    """Responds with `status` and `output`, or 401 to any authorization but `accepted`; records `requests`."""

    status: int = 200
    output: bytes = MODEL_OUTPUT.encode()
    accepted: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def respond(self, request: Request) -> Response:
        """`$echo` in the output stands for the authorization that it received."""
        self.requests.append((dict(request.headers), await request.body()))
        given = request.headers.get("authorization", "")
        if self.accepted is not None and given != self.accepted:
            return Response(f"not you, {given}", 401)
        body = self.output.replace(b"$echo", given.encode())
        return Response(body, self.status, self.headers, "application/json")

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address, query and all."""
        app = Starlette(routes=[Route("/see", self.respond, methods=["POST", "GET"])])
        with ThreadedServer(app, "127.0.0.1", 0) as server:
            yield f"{server.url}/see?key=query-secret"


def an_http_detector(address: str, secret: Any = None, *, mapping: str = "COCO", **model: Any) -> HttpDetector:
    """Its only image is that of `a_frame`, the astronaut."""
    images = FakeImageStore()
    frame = a_frame()
    images.objects[frame.image.bucket, frame.image.key] = (photograph("astronaut.png"), "image/jpeg", {})
    form = ImageForm("image/jpeg", size_matters=True)
    settings: dict[str, Any] = {
        "json_template": None,
        "auth_header": "Authorization",
        "connect_timeout_ms": 1000,
        "read_timeout_ms": 10_000,
    }
    reader = OutputReader(output_mapping(mapping), LabelMap.of(CLASSES), 60)
    http_model = HttpModel(address, form, **(settings | model))
    return HttpDetector(images, pillow_images.prepare, reader, http_model, secret)
