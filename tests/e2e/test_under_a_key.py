"""The stack deployed with a customer-managed key: what is stored is under it, and images still find their way; and with
a consumer of the user's.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinesight_cli.main import app
from kinesight_local.cloud import LocalCloud
from typer.testing import CliRunner

from tests.builders import ACCOUNT as BUILDERS_ACCOUNT
from tests.builders import an_image_key
from tests.e2e.test_event_driven_path import eventually
from tests.e2e.test_own_models import first_result
from tests.functional.test_vision import photograph
from tests.user_stacks import zipped

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def key_arn() -> str:
    """moto evaluates no key policies, so any key's name will do."""
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0c9e1d8e-6f0b-4a5e-9c1d-2f6a7b8c9d0e"


CONSUMER = """
import base64, boto3, json, os

def handle(event, context):
    for record in event["Records"]:
        data = json.loads(base64.b64decode(record["kinesis"]["data"]))
        key = f"{data['resultId']}/{context.aws_request_id}"
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key)
"""


@pytest.fixture(scope="module")
def cloud(key_arn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "camera-*",
        "KmsKeyArn": key_arn,
        "ConsumerCodeBucket": "my-code",
        "ConsumerCodeKey": "consumer.zip",
        "ConsumerHandler": "consumer.handle",
        "ConsumerBucket": "my-results",
    }
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters) as cloud:
        for bucket in ("my-code", "my-results"):
            cloud.client("s3").create_bucket(Bucket=bucket)
        code = zipped(consumer=CONSUMER)
        cloud.client("s3").put_object(Bucket="my-code", Key="consumer.zip", Body=code)
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


def test_a_users_zip_file_receives_each_record_once_and_its_failures_go_to_its_queue(cloud: LocalCloud) -> None:
    s3, kinesis, sqs, functions = (cloud.client(name) for name in ("s3", "kinesis", "sqs", "lambda"))
    assert cloud.stack is not None
    (mapping,) = functions.list_event_source_mappings(FunctionName=consumer_arn(cloud))["EventSourceMappings"]
    # Ten retries, as deployed, last twenty seconds.
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumRetryAttempts=1)
    analyzed = json.loads(first_result(cloud))["resultId"]
    ids = [f"mine-{n}" for n in range(6)]
    bodies = [json.dumps({"resultId": one}) for one in ids]
    records = [{"Data": one, "PartitionKey": "camera-1"} for one in [*bodies[:3], "malformed", *bodies[3:]]]
    kinesis.put_records(StreamName=cloud.outputs["ResultsStreamName"], Records=records)

    def received() -> list[str]:
        return [one["Key"].split("/")[0] for one in s3.list_objects_v2(Bucket="my-results").get("Contents", [])]

    eventually(received, lambda found: {analyzed, *ids} <= set(found))
    queue = cloud.outputs["ConsumerDeadLetterQueueUrl"]
    (failed,) = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages", []), bool)
    batch = json.loads(failed["Body"])
    assert batch["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert batch["requestContext"]["functionArn"] == consumer_arn(cloud)
    assert batch["KinesisBatchInfo"]["batchSize"] == 1
    assert Counter(received())[analyzed] == 1
    assert set(received()) == {analyzed, *ids}
    # The function is called with the record again, and still cannot read it.
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=failed["ReceiptHandle"], VisibilityTimeout=0)
    redriven = CliRunner().invoke(app, ["redrive", "--queue", "consumer", "--json"])
    assert "failed: JSONDecodeError" in redriven.output


def consumer_arn(cloud: LocalCloud) -> str:
    assert cloud.stack is not None
    name = cloud.stack.function_name("ConsumerFunction")
    return str(cloud.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"])
