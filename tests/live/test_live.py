"""Live consumers on the local cloud: killed at random, and started by the deployed conductor."""

import json
import time
from pathlib import Path

import pytest
from kinesight_local.cloud import LocalCloud

from tests.functional.kvs_producer import Producer
from tests.live.chaos import DOCUMENT, PARAMETERS, ROOT, fragments_of, results_of, run
from tests.media import a_clip, clusters, producer_header

SCHEDULED = json.loads((ROOT / "events/conduct_live/schedule.json").read_text())


def test_killed_consumers_lose_nothing(tmp_path: Path) -> None:
    chaos = run(4, 9, 3, 1, tmp_path, most_kills=4)

    assert chaos.kills >= 2
    assert sum(len(numbers) for numbers in chaos.fragments.values()) == 36
    assert chaos.problems() == []


def test_the_conductor_starts_a_consumer_that_reads_new_fragments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployed functions run in their own processes; the conductor is invoked as by its schedule."""
    with LocalCloud(ROOT, tmp_path, PARAMETERS | {"LiveStatus": "ENABLED"}, configuration=DOCUMENT) as cloud:
        cloud.ensure_stream("live-0")
        cloud.deploy()
        assert cloud.stack is not None
        function, client = cloud.stack.function_name("ConductLiveFunction"), cloud.client("lambda")

        def conduct() -> dict[str, int]:
            response: dict[str, int] = json.loads(
                client.invoke(FunctionName=function, Payload=json.dumps(SCHEDULED))["Payload"].read()
            )
            return response

        first, second = conduct(), conduct()
        clip = a_clip(6, fps=2, width=96, height=96)
        producer = Producer(cloud.kvs, "live-0")
        producer.send(producer_header(clip))
        for _, cluster in clusters(clip, round(time.time() * 1000)):
            producer.send(cluster)
            time.sleep(0.3)
        producer.end()
        producer.acknowledgements()
        deadline_s = time.monotonic() + 40
        while len(results_of(cloud)) < 6:
            assert time.monotonic() < deadline_s
            time.sleep(0.2)

        assert (first["streams"], first["added"], first["started"]) == (1, 1, 1)
        assert (second["added"], second["started"]) == (0, 0)
        frames = [one.frame for one in results_of(cloud)]
        assert sorted(str(frame.fragment_number) for frame in frames) == fragments_of(cloud, "live-0")
        assert {frame.source for frame in frames} == {"live"}
