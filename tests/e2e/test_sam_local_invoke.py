"""`sam local invoke` of every function with its samples, in a real container. Runs where an engine answers.

The built template is the deployed one but for the standard endpoint variables and the names of what the local cloud
created: without an AWS account, the containers must find it.
"""

import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from kinesight_local.build import architecture, built, default_cache
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.server import KvsServer
from kinesight_local.template import read_template

from tests.functional.kvs_producer import put_clip
from tests.functional.test_vision import photograph
from tests.media import a_clip

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "kinesight-images-sample"
KEY = "images/123456789012_front-door_1767268800000_0f8fad5b-d9cb-469f-a165-70867728950e.jpg"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists(),
        reason="no container engine answers here",
    ),
]


class Forwarder(socketserver.ThreadingTCPServer):
    """The local cloud listens on loopback alone; containers come from their own network, and are led there."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.target = port
        super().__init__(("", 0), Forwarding)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Forwarding(socketserver.BaseRequestHandler):
    """One connection, both ways."""

    server: Forwarder

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as inner:
            back = threading.Thread(target=_pass_on, args=(inner, self.request), daemon=True)
            back.start()
            _pass_on(self.request, inner)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def this_machine() -> str:
    """Its own address, as its containers can reach it; Docker and podman name it differently."""
    return subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()[0]


def reachable(url: str) -> str:
    """An address for containers that leads to one on loopback."""
    port = Forwarder(int(url.rpartition(":")[2])).server_address[1]
    return f"http://{this_machine()}:{port}"


@pytest.fixture(scope="module")
def more_parameters() -> dict[str, str]:
    """Every function is there."""
    return {"ViewerUserEmail": "viewer@example.com"}


@pytest.fixture(scope="module")
def kvs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A KVS whose data endpoint containers can reach, with two streams; its address for them."""
    forwarder = Forwarder(0)
    url = f"http://{this_machine()}:{forwarder.server_address[1]}"
    with KvsServer(tmp_path_factory.mktemp("kvs"), public_url=url) as server:
        forwarder.target = int(server.url.rpartition(":")[2])
        client = boto3.client("kinesisvideo", endpoint_url=server.url)
        for name in ("front-door", "camera-1"):
            client.create_stream(StreamName=name, DataRetentionInHours=24)
        put_clip(server, a_clip(2), stream="front-door")
        yield url


@pytest.fixture(scope="module")
def template(cloud: LocalCloud, kvs: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built template, pointed at the local cloud."""
    folder = tmp_path_factory.mktemp("build") / "out"
    with built(ROOT, default_cache(ROOT)) as found:
        shutil.copytree(found.parent, folder)
    document: dict[str, Any] = read_template(folder / "template.yaml")
    endpoints = {
        "AWS_ENDPOINT_URL": reachable(cloud.endpoints["AWS_ENDPOINT_URL"]),
        "AWS_ENDPOINT_URL_REKOGNITION": reachable(cloud.vision.url),
        "AWS_ENDPOINT_URL_KINESIS_VIDEO": kvs,
    }
    lambdas = cloud.client("lambda")
    assert cloud.stack is not None
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            deployed = lambdas.get_function_configuration(FunctionName=cloud.stack.function_name(name))
            resource["Properties"]["Environment"] = {"Variables": deployed["Environment"]["Variables"] | endpoints}
    (folder / "local.yaml").write_text(yaml.safe_dump(document))
    return folder / "local.yaml"


@pytest.fixture(scope="module")
def images(cloud: LocalCloud) -> None:
    s3 = boto3.client("s3", endpoint_url=cloud.endpoints["AWS_ENDPOINT_URL"])
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=photograph("astronaut.png"), ContentType="image/jpeg")


def invoke(template: Path, function: str, event: str) -> Any:
    command = [str(Path(sys.executable).with_name("sam")), "local", "invoke", function, "-t", str(template)]
    command += ["-e", str(ROOT / "events" / event), "--skip-pull-image"]
    command += ["--parameter-overrides", f"Architecture={architecture()}"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        # Variables of this process would win over the template's.
        env={k: v for k, v in os.environ.items() if not k.startswith(("AWS_ENDPOINT", "POWERTOOLS"))}
        | {"SAM_CLI_TELEMETRY": "0"},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("{", "["))]
    assert lines, done.stdout + done.stderr
    sys.stderr.write(done.stderr)  # shown if the test fails
    return json.loads(lines[-1])


@pytest.mark.parametrize(
    ("function", "event", "failed"),
    [
        ("AnalyzeImagesFunction", "analyze_images/valid.json", 0),
        ("AnalyzeImagesFunction", "analyze_images/test_event.json", 0),
        ("AnalyzeImagesFunction", "analyze_images/not_json.json", 0),
        ("KeepEvidenceFunction", "keep_evidence/valid.json", 0),
        ("KeepEvidenceFunction", "keep_evidence/not_json.json", 0),
        ("StartAnalysisFunction", "start_analysis/valid.json", 0),
        ("StartAnalysisFunction", "start_analysis/not_json.json", 0),
        ("StartAnalysisFunction", "start_analysis/not_a_stream.json", 0),
        ("TrackSessionsFunction", "track_sessions/valid.json", 0),
        ("TrackSessionsFunction", "track_sessions/not_json.json", 0),
        ("TrackSessionsFunction", "track_sessions/schedule.json", 0),
        ("ArchiveSessionFunction", "archive_session/valid.json", 0),
        ("ArchiveSessionFunction", "archive_session/not_json.json", 0),
        ("ArchiveSessionFunction", "archive_session/not_a_stream.json", 0),
    ],
)
def test_batches(template: Path, images: None, function: str, event: str, failed: int) -> None:
    assert len(invoke(template, function, event)["batchItemFailures"]) == failed


def test_the_workflows_functions_one_after_the_other(template: Path) -> None:
    plan = invoke(template, "PlanWindowsFunction", "plan_windows/valid.json")
    extracted = invoke(template, "ExtractImagesFunction", "extract_images/valid.json")
    detected = invoke(template, "DetectObjectsFunction", "detect_objects/valid.json")
    summary = invoke(template, "SummarizeRangeFunction", "summarize_range/valid.json")
    rendered = invoke(template, "RenderTimelapseFunction", "render_timelapse/valid.json")

    assert (plan["windows"], plan["slots"]) == (1, 2)
    assert extracted == {"extracted": 2, "missing": {}}
    assert detected["failed"] == 0
    assert (summary["requested"], summary["extracted"], summary["failedWindows"]) == (2, 2, 0)
    assert (rendered["position"], rendered["done"]) == (2, True)


@pytest.mark.parametrize(
    ("function", "event", "error"),
    [
        ("PlanWindowsFunction", "plan_windows/inverted_range.json", "InvertedRangeError"),
        ("PlanWindowsFunction", "plan_windows/wrong_field.json", "InvalidInputError"),
        ("PlanWindowsFunction", "plan_windows/not_a_start.json", "InvalidEventError"),
        ("ExtractImagesFunction", "extract_images/not_a_window.json", "InvalidEventError"),
        ("DetectObjectsFunction", "detect_objects/not_a_window.json", "InvalidEventError"),
        ("SummarizeRangeFunction", "summarize_range/not_a_plan.json", "InvalidEventError"),
        ("RenderTimelapseFunction", "render_timelapse/not_asked_for.json", "InvalidEventError"),
        ("RenderTimelapseFunction", "render_timelapse/not_a_plan.json", "InvalidEventError"),
        ("SweepStreamsFunction", "sweep_streams/not_an_event.json", "InvalidEventError"),
        ("ConductLiveFunction", "conduct_live/not_an_event.json", "InvalidEventError"),
        ("ConsumeLiveFunction", "consume_live/not_a_start.json", "InvalidEventError"),
        ("TrackSessionsFunction", "track_sessions/not_an_event.json", "InvalidEventError"),
        ("ArchiveSessionFunction", "archive_session/not_a_batch.json", "InvalidEventError"),
        ("PublishViewerFunction", "publish_viewer/not_an_event.json", "InvalidEventError"),
        ("ServeViewerFunction", "serve_viewer/not_a_request.json", "InvalidEventError"),
    ],
)
def test_functions_return_the_error_type(template: Path, function: str, event: str, error: str) -> None:
    assert invoke(template, function, event)["errorType"] == error


def test_the_schedule(cloud: LocalCloud, template: Path) -> None:
    assert cloud.stack is not None
    cloud.client("dynamodb").delete_item(  # another test may have marked the stack as deleted
        TableName=cloud.stack.physical_id("CoordinationTable"),
        Key={"pk": {"S": "configure-streams"}, "sk": {"S": "retired"}},
    )

    report = invoke(template, "ConfigureStreamsFunction", "configure_streams/schedule.json")

    assert report["selected"] == 1
    assert report["failed"] == 0


def test_the_conductor(template: Path) -> None:
    report = invoke(template, "ConductLiveFunction", "conduct_live/schedule.json")

    assert (report["streams"], report["consumers"], report["started"]) == (1, 1, 1)


def test_a_sweep(template: Path) -> None:
    report = invoke(template, "SweepStreamsFunction", "sweep_streams/schedule.json")

    assert (report["selected"], report["failed"]) == (1, 0)


@pytest.mark.parametrize(
    ("sample", "status"), [("sessions", 200), ("openapi", 200), ("session", 404), ("mark", 404), ("hostile_path", 404)]
)
def test_the_viewers_api(template: Path, sample: str, status: int) -> None:
    assert invoke(template, "ServeViewerFunction", f"serve_viewer/{sample}.json")["statusCode"] == status


def test_the_viewers_page(cloud: LocalCloud, template: Path) -> None:
    """Everything but the response to CloudFormation, since the sample has no valid response URL."""
    assert cloud.stack is not None
    s3, bucket = cloud.client("s3"), cloud.stack.physical_id("PageBucket")
    s3.delete_object(Bucket=bucket, Key="index.html")

    response = invoke(template, "PublishViewerFunction", "publish_viewer/update.json")

    assert (response["errorType"], "cannot respond to CloudFormation" in response["errorMessage"]) == (
        "DeliveryError",
        True,
    )
    assert s3.head_object(Bucket=bucket, Key="index.html")["ContentType"].startswith("text/html")


@pytest.mark.parametrize(
    "function",
    ["AnalyzeImagesFunction", "KeepEvidenceFunction", "ConfigureStreamsFunction", "StartAnalysisFunction"],
)
def test_invalid_events_are_clear_errors(template: Path, function: str) -> None:
    response = invoke(template, function, "analyze_images/not_a_batch.json")

    assert response["errorType"] == "InvalidEventError"
