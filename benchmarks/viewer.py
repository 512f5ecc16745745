"""The viewer's first page of a million sessions, compared with the first page of a thousand sessions.

`python -m benchmarks.viewer` takes a quarter of an hour, mostly for writing the million, and needs Node.js. moto reads
a whole index for each Query, so the table is in dynalite, a DynamoDB on LevelDB (installed by `npm ci`).

A hundred cameras have a hundred days of sessions. Times are of the whole function, including presigned URLs.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
from botocore.config import Config
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.dynamodb.sessions import DynamoDbSessions
from kinesight.domain.sessions.model import BestImage, Session, Severity
from kinesight_local.template import read_template

HERE = Path(__file__).resolve().parent
CAMERAS, DAYS = 100, 100
_DAY_MS = 86_400_000
_NEWEST_MS = time.time_ns() // 1_000_000
_RUNS = 50
_BATCH = 25
_WRITERS = 4
_REQUESTS = {
    "all cameras": {},
    "one camera": {"stream": "camera-007"},
    "one camera's day": {
        "stream": "camera-007",
        "start": datetime.fromtimestamp((_NEWEST_MS - _DAY_MS) / 1000, UTC).isoformat(),
        "end": datetime.fromtimestamp(_NEWEST_MS / 1000, UTC).isoformat(),
    },
    "one session in ten": {"class": "ACTIVITY"},
    "one session in a thousand": {"label": "Cat"},
}


@contextmanager
def a_dynamodb(folder: Path) -> Iterator[Any]:
    """A client of a new dynalite."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not installed: install Node.js, then try again")
    fetch = [npm, "ci", "--silent", "--no-audit", "--no-fund"]
    subprocess.run(fetch, cwd=HERE / "dynalite", check=True)
    command = [
        HERE / "dynalite/node_modules/.bin/dynalite",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--createTableMs",
        "0",
    ]
    with subprocess.Popen([*command, "--path", folder], stdout=subprocess.PIPE) as server:
        try:
            line = server.stdout.readline().decode() if server.stdout is not None else ""
            os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = line.strip().rpartition(" ")[2]
            yield boto3.client("dynamodb", config=Config(max_pool_connections=_WRITERS))
        finally:
            server.kill()


@dataclass
class Recorder:
    """What the session store would write, as an item."""

    item: dict[str, Any] = field(default_factory=dict)

    def update_item(self, *, Key: Mapping[str, Any], **how: Any) -> None:  # noqa: N803 - boto3's names
        values = how["ExpressionAttributeValues"]
        self.item = {**Key, "revision": {"N": "1"}} | {
            name.removeprefix("#"): values[f":{plain}"] for name, plain in how["ExpressionAttributeNames"].items()
        }


def a_session(chance: random.Random, at_ms: int) -> Session:
    severity = Severity.ACTIVITY if chance.random() < 0.1 else Severity.ALERT
    label = "Cat" if chance.random() < 0.001 else "Person"
    identity = f"{chance.getrandbits(128):032x}"
    stream = f"camera-{chance.randrange(CAMERAS):03}"
    best = BestImage(identity, at_ms, "91343852333181432392682062647209379476414183421", label, 97.5, severity)
    return Session(
        identity,
        stream,
        severity,
        at_ms,
        at_ms + 20_000,
        at_ms + 20_000,
        20,
        {label: 97.5},
        ("people",),
        ("porch",),
        best,
    )


def items(count: int) -> Iterator[dict[str, Any]]:
    chance, recorder = random.Random(1), Recorder()
    store = DynamoDbSessions(cast(Any, recorder), "", kept_seconds=365 * 86_400, epoch_s=time.time)
    for index in range(count):
        store.put(a_session(chance, _NEWEST_MS - index * DAYS * _DAY_MS // count))
        yield recorder.item


def fill(client: Any, table: str, count: int) -> None:
    properties = read_template(HERE.parent / "template.yaml")["Resources"]["SessionsTable"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=table, **{name: properties[name] for name in names})
    client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})

    def write(batch: tuple[dict[str, Any], ...]) -> None:
        requests = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while requests:
            requests = client.batch_write_item(RequestItems=requests)["UnprocessedItems"]

    with ThreadPoolExecutor(_WRITERS) as pool:
        for some in batched(batched(items(count), _BATCH, strict=False), 400, strict=False):
            list(pool.map(write, some))
            print(".", end="", file=sys.stderr, flush=True)


def times_ms(table: str, query: Mapping[str, str]) -> tuple[list[float], int]:
    """Returns sorted times of the whole function, and the number of sessions in the page."""
    os.environ["SESSIONS_TABLE"] = table
    from kinesight.wiring import serve_viewer as wiring

    from functions.serve_viewer import app  # it reads the environment

    for made in (wiring._environment, wiring.ports, wiring.evidence_buckets, aws_clients.dynamodb):
        made.cache_clear()
    found, taken = 0, list[float]()
    for _ in range(_RUNS + 1):
        began = time.perf_counter()
        response = app.handler(request(query), cast(Any, _CONTEXT))
        taken.append(1000 * (time.perf_counter() - began))
        found = len(json.loads(response["body"])["sessions"])
    return sorted(taken[1:]), found  # the first request creates the clients


_SETTINGS = {
    "EVIDENCE_BUCKET": "evidence",
    "EVIDENCE_RETENTION_DAYS": "365",
    "IMAGES_BUCKET": "images",
    "IMAGES_URI": "s3://images/images",
    "COORDINATION_TABLE": "coordination",
    "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:notifications",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:111122223333:stateMachine:ranges",
}
"""Other settings of the function; a page of sessions uses none of them."""

_CONTEXT = SimpleNamespace(
    function_name="serve-viewer",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:serve-viewer",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 29_000,
)


def request(query: Mapping[str, str]) -> dict[str, Any]:
    http = {"method": "GET", "path": "/api/sessions"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": http["path"],
        "rawQueryString": "",
        "headers": {},
        "queryStringParameters": dict(query),
        "requestContext": {"http": http, "stage": "$default", "requestId": "request"},
        "isBase64Encoded": False,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    chosen = parser.parse_args()
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    os.environ |= _SETTINGS | {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    folder = Path(tempfile.mkdtemp())
    try:
        with a_dynamodb(folder) as client:
            fill(client, "few", 1000)
            fill(client, "many", chosen.sessions)
            print(f"\n{'ms of the function':28} {'1,000':>8} {f'{chosen.sessions:,}':>10} {'p95':>8} {'ratio':>6}")
            for name, query in _REQUESTS.items():
                few, _ = times_ms("few", query)
                many, found = times_ms("many", query)
                middle, late = many[_RUNS // 2], many[_RUNS * 95 // 100]
                ratio = middle / few[_RUNS // 2]
                print(f"{name:28} {few[_RUNS // 2]:8.1f} {middle:10.1f} {late:8.1f} {ratio:5.2f}× {found:3} sessions")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
