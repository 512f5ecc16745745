"""A model that is cheap and looks: a bright image shows a person. `python -m benchmarks.load_model` says where it is.

In a process of its own, as a model is elsewhere; its answer is COCO's, in pixels.
"""

import threading
from io import BytesIO

from kinesight_local.kvs.http.threaded_server import ThreadedServer
from PIL import Image, ImageStat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_BRIGHT = 100


async def see(request: Request) -> JSONResponse:
    with Image.open(BytesIO(await request.body())) as image:
        brightness = ImageStat.Stat(image.convert("L")).mean[0]
        width, height = image.size
    person = {"category_id": 0, "score": 0.9, "bbox": [0, 0, width, height]}
    return JSONResponse([person] if brightness > _BRIGHT else [])


def main() -> None:
    with ThreadedServer(Starlette(routes=[Route("/see", see, methods=["POST"])]), "127.0.0.1", 0) as server:
        print(f"{server.url}/see", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
