"""An image's way through the deployed stack to a model of one's own, one stack per detector."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.model import ResultRecord
from kinesight_local.cloud import LocalCloud
from kinesight_local.vision.server import VisionServer

from tests.builders import ACCOUNT, an_image_key
from tests.functional.test_vision import photograph

ROOT = Path(__file__).resolve().parents[2]
LOCAL_ACCOUNT = "123456789012"
SECRET = "Bearer e2e-41d0b7-distinctive"
FITTED = {"classNames": ["Person", "Face", "Cat"], "modelWidthPixels": 640, "modelHeightPixels": 560}
DETECTORS: dict[str, dict[str, str]] = {
    "SAGEMAKER_ASYNC": {"SageMakerEndpointName": "local-coco", "SageMakerAsyncOutputBucket": "any"},
    "HTTP": {},
    "BEDROCK": {"BedrockModelId": "local.eyes-v1:0"},
}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "SAGEMAKER_ASYNC": {"modelMapping": "COCO", **FITTED},
    "HTTP": {"modelMapping": "YOLO_PIXELS", "httpJsonBody": '{"instances":[{"b64":"$image"}]}', **FITTED},
    "BEDROCK": {},
}


@pytest.fixture(scope="module")
def own_model() -> Iterator[VisionServer]:
    """Beside the local cloud's, since an address is needed before that starts."""
    with VisionServer() as server:
        yield server


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def cloud(
    request: pytest.FixtureRequest, own_model: VisionServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCloud]:
    parameters = {"StreamNames": "camera-*"}
    parameters |= {"Detector": request.param, **DETECTORS[request.param]}
    if request.param == "HTTP":
        # moto names a secret with six characters of its choice, and takes its plain name, too
        arn = f"arn:aws:secretsmanager:us-east-1:{LOCAL_ACCOUNT}:secret:model"
        parameters |= {"HttpModelUrl": f"{own_model.url}/models/yolo-pixels", "HttpAuthSecretArn": arn}
    document = {
        "schemaVersion": 1,
        "detectors": {"mine": {"type": request.param, **DEFINITIONS[request.param]}},
        "defaults": {"detector": "mine", "minimumConfidence": 60},
        "results": {"includeRawOutput": True},
    }
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters, configuration=document) as cloud:
        cloud.client("secretsmanager").create_secret(Name="model", SecretString=SECRET)
        cloud.ensure_stream("camera-1")
        cloud.deploy()
        yield cloud


def results(cloud: LocalCloud) -> list[bytes]:
    kinesis, name = cloud.client("kinesis"), cloud.outputs["ResultsStreamName"]
    (shard,) = kinesis.list_shards(StreamName=name)["Shards"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records: list[dict[str, Any]] = kinesis.get_records(ShardIterator=iterator)["Records"]
    return [one["Data"] for one in records]


def first_result(cloud: LocalCloud) -> bytes:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        if found := results(cloud):
            return found[0]
        time.sleep(0.5)
    raise AssertionError("no result came")


def test_an_image_is_seen_by_the_stacks_own_model(cloud: LocalCloud, own_model: VisionServer) -> None:
    now_ms = int(time.time() * 1000)
    moments = {f"aws_kinesisvideo_{one}_timestamp": str(now_ms) for one in ("producer", "server")}
    cloud.client("s3").put_object(
        Bucket=cloud.outputs["ImagesBucketName"],
        Key=an_image_key("camera-1", now_ms).replace(ACCOUNT, LOCAL_ACCOUNT),
        Body=photograph("astronaut.png"),
        ContentType="image/jpeg",
        Metadata={"aws_kinesisvideo_fragment_number": "9" * 47} | moments,
    )

    body = first_result(cloud)

    record = ResultRecord.model_validate(json.loads(body))
    (face,) = [one for one in record.detections if one.label == "Face"]
    assert face.bounding_box is not None
    assert face.bounding_box.left == pytest.approx(0.34, abs=0.05)
    assert record.detector.type in {"sagemaker-async", "http", "bedrock"}
    assert record.raw_output
    if record.detector.type == "http":
        assert own_model.calls["HttpModel"] == 1
        said = [path.read_text() for path in cloud.log_dir.glob("*")] + [body.decode()]
        assert [text for text in said if SECRET.split()[1] in text] == []
