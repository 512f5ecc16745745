"""A model that pads, lies, drips and cuts, and is right about what the image shows."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from kinesight_local.kvs.http.threaded_server import ThreadedServer
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.faults.cameras import FRAGMENT_MS, FRAME_MS, images

WALK = range(6, 10)
"""Fragments of the video that show a person."""
FRAMES = FRAGMENT_MS // FRAME_MS
PERSON = {"label": "Person", "score": 0.9, "box": {"xmin": 10, "ymin": 10, "xmax": 100, "ymax": 100}}
_PADDING = {"label": "", "score": -1, "box": {"xmin": -1, "ymin": -1, "xmax": -1, "ymax": -1}}
_BOX = '"box": {"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}'
_ODD_ROWS = (
    f'{{"label": "Cat", "score": NaN, {_BOX}}}',
    '{"label": "Cat", "score": 0.8, "box": {"xmin": -1e400, "ymin": 0, "xmax": 1e400, "ymax": 9}}',
    f'{{"label": "\\ud800", "score": 0.8, {_BOX}}}',
    f'{{"label": "[/x]\\u001b[2J\\r\\nSubject: free", "score": 0.8, {_BOX}}}',
    '{"label": "Cat", "score": 1e308, "box": {"xmin": 1e308, "ymin": 0, "xmax": 9, "ymax": -1e308}}',
    f'{{"label": "{"x" * 5000}", "score": 0.8, {_BOX}}}',
)
_DEEP = b'{"predictions": ' + b'[{"a":' * 5000
_USELESS = (b"", b"{}", b"[" * 100_000, _DEEP, b"\xff\xfe", b'{"predictions": [{"score": NaN}]}')


def _small(image: Image.Image) -> Any:
    return np.asarray(image.convert("RGB").resize((8, 8)), dtype=float)


class HostileModel:
    """Responds in another way each time. `requests` counts them."""

    def __init__(self) -> None:
        self.requests = 0
        self._images = [(index // FRAMES in WALK, _small(image)) for index, image in enumerate(images())]
        self._odd = itertools.cycle(_ODD_ROWS)
        self._useless = itertools.cycle(_USELESS)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address."""
        app = Starlette(routes=[Route("/detect", self._respond, methods=["POST"])])
        with ThreadedServer(app, "127.0.0.1", 0) as server:
            yield f"{server.url}/detect"

    async def _respond(self, request: Request) -> Response:
        image = await request.body()
        self.requests += 1
        if self._shows_a_person(image):
            rows = [json.dumps(PERSON), next(self._odd), json.dumps(_PADDING)]
            body = f'{{"predictions": [{", ".join(rows)}], "unread": NaN}}'.encode()
            if self.requests % 5 == 0:
                return Response(body, headers={"content-length": str(len(body) + 100)})
            return Response(body, media_type="application/json")
        if self.requests % 7 == 0:
            return StreamingResponse(_dripped(), media_type="application/json")
        return Response(next(self._useless), media_type="application/json")

    def _shows_a_person(self, data: bytes) -> bool:
        """Whether the most similar image of the video is part of a walk."""
        with Image.open(BytesIO(data)) as image:
            small = _small(image)
        return min(self._images, key=lambda one: float(np.abs(one[1] - small).sum()))[0]


async def _dripped() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.5)
