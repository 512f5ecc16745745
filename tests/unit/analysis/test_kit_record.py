"""Records for consumers that were written for KIT: what its documentation does with them works on ours."""

import json
from base64 import b64decode
from datetime import UTC, datetime

from kinesight.domain.analysis.kit_record import kit_fields
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.model import Detection, DetectorInfo, Frame, ResultRecord, to_epoch_ms

from tests.builders import NOON_MS, a_frame
from tests.fakes import EveryStream, FakeLedger, FakeSink

NUMBER = "91343852333181432392682062683809941735529748907"
BODY = b'{"prediction": [[0, 0.9, 0.1, 0.1, 0.5, 0.5]]}'


class Endpoint:
    fingerprint = "sagemaker/endpoint"

    def detect(self, frame: Frame, spend: object) -> ModelOutput:
        info = DetectorInfo(type="sagemaker", operation="endpoint", latency_ms=1)
        return ModelOutput(info, (Detection(label="class-0", confidence=90),), BODY.decode(), BODY)


def published(*, kit_format: bool) -> bytes:
    server = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    frame = a_frame().model_copy(update={"fragment_number": NUMBER, "server_timestamp": server})
    sink = FakeSink()
    settings = PipelineSettings(lambda: Configuration.of([], 50), extra_fields=kit_fields if kit_format else None)
    ports = DetectionPorts(EveryStream(Endpoint()), sink, FakeLedger(), lambda: NOON_MS)
    analyze([FrameAnalysis("one", lambda: frame)], ports, settings)
    ((_, data),) = sink.records
    return data


def test_kits_documented_consumer_reads_it() -> None:
    result = json.loads(published(kit_format=True))

    fields = result["fragmentMetaData"][17:-1].split(",")
    number, server_ms = (one.split("=")[1] for one in fields[:2])
    assert number == NUMBER
    assert datetime.fromtimestamp(float(server_ms) / 1000, UTC) == datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert result["streamName"] == a_frame().stream_name
    assert b64decode(result["sageMakerOutput"]) == BODY
    assert "=" in result["frameMetaData"]


def test_our_own_consumers_read_it_too() -> None:
    ours, both = (ResultRecord.model_validate_json(published(kit_format=kit)) for kit in (False, True))

    assert ours == both
    assert to_epoch_ms(both.frame.image_timestamp)


def test_nobody_else_gets_it() -> None:
    assert "sageMakerOutput" not in json.loads(published(kit_format=False))
