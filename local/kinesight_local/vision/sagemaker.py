"""InvokeEndpoint and InvokeEndpointAsync. Any endpoint name exists; model_forms.py says in which form it answers."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.looking import look
from kinesight_local.vision.model_forms import answer
from kinesight_local.vision.objects import read_object, write_object
from kinesight_local.vision.pictures import decoded

_CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"})
_MAXIMUM_BYTES = 6_291_456
_ASYNC_S = 0.3


def describe(name: Any) -> dict[str, str]:
    """DescribeEndpoint: as any name is invoked, any name is in service. Raises VisionError."""
    if not isinstance(name, str) or not name:
        raise VisionError("ValidationException", "EndpointName is missing.")
    return {"EndpointName": name, "EndpointStatus": "InService"}


def invoke(name: str, body: bytes, content_type: str, accept: str) -> Any:
    """Like the real algorithms it returns every guess. Raises VisionError."""
    if len(body) > _MAXIMUM_BYTES:
        raise VisionError("ValidationError", f"The body passes {_MAXIMUM_BYTES} bytes.")
    return _answered(name, body, content_type, accept)


def _answered(name: str, body: bytes, content_type: str, accept: str) -> Any:
    if content_type not in _CONTENT_TYPES:
        raise VisionError("ModelError", f"Received client error (415): content type {content_type!r}", 424)
    picture = decoded(body)
    if picture is None:
        raise VisionError("ModelError", "Received client error (400): unable to decode the picture", 424)
    height, width = picture.shape[:2]
    return answer(name, accept, look(picture), (width, height))


def invoke_async(name: str, location: str, content_type: str, accept: str) -> dict[str, str]:
    """The headers of the answer. After a moment the output, or why there is none, is in the input's bucket, under
    async-output/; a real endpoint's configuration names the place. Raises VisionError."""
    if not location.startswith("s3://"):
        raise VisionError("ValidationError", "InputLocation is to be an S3 address.")
    inference = str(uuid.uuid4())
    stem = f"s3://{location.removeprefix('s3://').partition('/')[0]}/async-output/{inference}"
    output, failure = f"{stem}.out", f"{stem}-error.out"

    def work() -> None:
        time.sleep(_ASYNC_S)
        _settle(lambda: _answered(name, read_object(location), content_type, accept), output, failure)

    threading.Thread(target=work, name=f"async {inference}", daemon=True).start()
    return {
        "X-Amzn-SageMaker-Inference-Id": inference,
        "X-Amzn-SageMaker-OutputLocation": output,
        "X-Amzn-SageMaker-FailureLocation": failure,
    }


def _settle(work: Callable[[], Any], output: str, failure: str) -> None:
    try:
        write_object(output, json.dumps(work()).encode())
    except VisionError as error:
        write_object(failure, error.message.encode())
