"""InvokeEndpoint and InvokeEndpointAsync. Every endpoint name exists; model_outputs.py derives its output format."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from kinesight_local.vision.decoding import decoded
from kinesight_local.vision.detection import detect
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.model_outputs import output
from kinesight_local.vision.s3_objects import read_object, write_object

_CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"})
_MAXIMUM_BYTES = 6_291_456
_ASYNC_S = 0.3


def describe(name: Any) -> dict[str, str]:
    """DescribeEndpoint: every name is in service. Raises VisionError."""
    if not isinstance(name, str) or not name:
        raise VisionError("ValidationException", "EndpointName is missing.")
    return {"EndpointName": name, "EndpointStatus": "InService"}


def invoke(name: str, body: bytes, content_type: str, accept: str) -> Any:
    """InvokeEndpoint. Returns all detections, as the built-in algorithms do. Raises VisionError."""
    if len(body) > _MAXIMUM_BYTES:
        raise VisionError("ValidationError", f"The body has more than {_MAXIMUM_BYTES} bytes.")
    return _output(name, body, content_type, accept)


def _output(name: str, body: bytes, content_type: str, accept: str) -> Any:
    if content_type not in _CONTENT_TYPES:
        raise VisionError("ModelError", f"Received client error (415): content type {content_type!r}", 424)
    image = decoded(body)
    if image is None:
        raise VisionError("ModelError", "Received client error (400): unable to decode the image", 424)
    height, width = image.shape[:2]
    return output(name, accept, detect(image), (width, height))


def invoke_async(name: str, location: str, content_type: str, accept: str) -> dict[str, str]:
    """InvokeEndpointAsync. Returns the response's headers; the output or the error follows in the input's bucket under
    async-output/, where a real endpoint has it in its configuration. Raises VisionError."""
    if not location.startswith("s3://"):
        raise VisionError("ValidationError", "InputLocation must be an s3:// URI.")
    inference = str(uuid.uuid4())
    stem = f"s3://{location.removeprefix('s3://').partition('/')[0]}/async-output/{inference}"
    output_uri, failure_uri = f"{stem}.out", f"{stem}-error.out"

    def work() -> None:
        time.sleep(_ASYNC_S)  # as on AWS, the caller has the response first
        _write_result(lambda: _output(name, read_object(location), content_type, accept), output_uri, failure_uri)

    threading.Thread(target=work, name=f"async {inference}", daemon=True).start()
    return {
        "X-Amzn-SageMaker-Inference-Id": inference,
        "X-Amzn-SageMaker-OutputLocation": output_uri,
        "X-Amzn-SageMaker-FailureLocation": failure_uri,
    }


def _write_result(work: Callable[[], Any], output_uri: str, failure_uri: str) -> None:
    try:
        write_object(output_uri, json.dumps(work()).encode())
    except VisionError as error:
        write_object(failure_uri, error.message.encode())
