"""The stack deployed with a customer-managed key: what is stored is under it, and images still find their way."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinesight_local.cloud import LocalCloud

from tests.builders import ACCOUNT as BUILDERS_ACCOUNT
from tests.builders import an_image_key
from tests.e2e.test_own_models import first_result
from tests.functional.test_vision import photograph

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def key_arn() -> str:
    """moto evaluates no key policies, so any key's name will do."""
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0c9e1d8e-6f0b-4a5e-9c1d-2f6a7b8c9d0e"


@pytest.fixture(scope="module")
def cloud(key_arn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {"StreamNames": "camera-*", "KmsKeyArn": key_arn}
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters) as cloud:
        cloud.ensure_stream("camera-1")
        cloud.deploy()
        yield cloud


def test_buckets_queues_and_topics_use_the_key(cloud: LocalCloud, key_arn: str) -> None:
    """As far as moto's CloudFormation keeps it, which is not for tables; tests/template holds those."""
    outputs = cloud.outputs
    for name in ("ImagesBucketName", "EvidenceBucketName"):
        response = cloud.client("s3").get_bucket_encryption(Bucket=outputs[name])
        (rule,) = response["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key_arn
    for name in (one for one in outputs if one.endswith("QueueUrl")):
        queue = cloud.client("sqs").get_queue_attributes(QueueUrl=outputs[name], AttributeNames=["KmsMasterKeyId"])
        assert queue["Attributes"]["KmsMasterKeyId"] == key_arn, name
    topic = cloud.client("sns").get_topic_attributes(TopicArn=outputs["AlertTopicArn"])
    assert topic["Attributes"]["KmsMasterKeyId"] == key_arn


def test_an_image_is_analyzed(cloud: LocalCloud) -> None:
    now_ms = int(time.time() * 1000)
    moments = {f"aws_kinesisvideo_{one}_timestamp": str(now_ms) for one in ("producer", "server")}
    key = an_image_key("camera-1", now_ms).replace(BUILDERS_ACCOUNT, ACCOUNT)
    cloud.client("s3").put_object(
        Bucket=cloud.outputs["ImagesBucketName"],
        Key=key,
        Body=photograph("astronaut.png"),
        ContentType="image/jpeg",
        Metadata={"aws_kinesisvideo_fragment_number": "9" * 47} | moments,
    )

    assert json.loads(first_result(cloud))["frame"]["image"]["key"] == key
