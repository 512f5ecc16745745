"""The emulator as a process, and its admin API."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight_local.kvs.server import KvsServer

from tests.functional.kvs_producer import Producer, put_clip
from tests.media import a_clip, producer_header


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - loopback
        return json.loads(response.read())


def test_health_and_statistics(kvs: KvsServer, kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, a_clip(2))

    assert get(f"{kvs.url}/_kinesight/health") == {"status": "ok"}
    reply = get(f"{kvs.url}/_kinesight/streams/cam")
    assert reply["fragments_persisted"] == 2
    assert {"images_generated", "images_delivered", "image_failures", "notifications_published", "pending"} <= set(
        reply
    )


def test_missing_streams_have_no_statistics(kvs: KvsServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{kvs.url}/_kinesight/streams/unknown")

    assert caught.value.code == 404


def test_the_data_endpoint_is_the_public_url(tmp_path: Path) -> None:
    with KvsServer(tmp_path, public_url="http://kvs.test:8080") as server:
        client = boto3.client("kinesisvideo", endpoint_url=server.url)
        client.create_stream(StreamName="cam")

        endpoint = client.get_data_endpoint(StreamName="cam", APIName="GET_MEDIA")["DataEndpoint"]

    assert endpoint == "http://kvs.test:8080"


def test_stop_ends_an_open_response(tmp_path: Path) -> None:
    with KvsServer(tmp_path) as server:
        boto3.client("kinesisvideo", endpoint_url=server.url).create_stream(StreamName="cam")
        producer = Producer(server)
        producer.send(producer_header(a_clip(1)))
        producer.response = producer.connection.getresponse()

    assert producer.acknowledgements() == []


def test_it_runs_as_a_process_until_sigterm(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    code = (
        "import sys; from pathlib import Path; from kinesight_local.kvs.server import serve; "
        "serve(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]), 'eu-west-1', '111122223333')"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(port)]
    process = subprocess.Popen(command)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/_kinesight/health", process)
        arn = boto3.client("kinesisvideo", endpoint_url=url).create_stream(StreamName="cam")["StreamARN"]
        assert arn.startswith("arn:aws:kinesisvideo:eu-west-1:111122223333:stream/cam/")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 30
    while True:
        try:
            get(url)
            return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)


def test_kvs_serve_seeds_streams_enforces_quotas_and_injects_faults(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('{"faults": [{"action": "throttle", "operation": "ListStreams", "count": 1}]}')
    command = [sys.executable, "-m", "kinesight_cli.main", "kvs", "serve", "--port", "0", "--enforce-quotas"]
    command += ["--data-dir", str(tmp_path / "state"), "--faults", str(faults), "--stream", "a", "--stream", "b=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().partition("=")[2].strip()
        client = boto3.client("kinesisvideo", endpoint_url=url)
        with pytest.raises(client.exceptions.ClientLimitExceededException):
            client.list_streams()
        reply = client.list_streams()["StreamInfoList"]
        assert [(one["StreamName"], one["DataRetentionInHours"]) for one in reply] == [("a", 24), ("b", 1)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faults", "nowhere.json"], "nowhere.json"),
        (["--stream", "cam=long"], "NAME=HOURS"),
        (["--port", "{in_use}"], "cannot listen"),
    ],
)
def test_kvs_serve_explains_errors(tmp_path: Path, arguments: list[str], message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = [text.format(in_use=listener.getsockname()[1]) for text in arguments]
        command = [sys.executable, "-m", "kinesight_cli.main", "kvs", "serve", "--data-dir", str(tmp_path), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode != 0
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
