"""A run on a deployment of fakes, and a clock that only tests advance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.media.mkv import Track
from kinesight_cli.shared.stack_lookup import Resources
from kinesight_cli.shared.video_file import EncodedFrame, SourceFragment, SourceVideo
from kinesight_cli.verify.deployment import Clients, Deployment
from kinesight_cli.verify.run import Run
from kinesight_cli.verify.temporary_stream import TemporaryStream

ACCOUNT = "123456789012"
STREAM = "camera-kinesight-verify-0a1b2c3d"
RESOURCES = {
    "ImagesBucket": "images-bucket",
    "EvidenceBucket": "evidence-bucket",
    "SessionsTable": "sessions",
    "CoordinationTable": "coordination",
    "ResultsStream": "results",
    "AnalyzeRange": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:range",
    "AlertTopic": f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts",
    "ConfigureStreamsFunction": "configure",
    "TrackSessionsFunction": "track",
}


@dataclass
class FakeClock:
    """A clock on which sleeping is the only thing that takes time."""

    now: float = 0.0

    def now_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeClients:
    """Clients by service; those that a test does not set are boto3's."""

    set_by_test: dict[str, Any] = field(default_factory=dict)
    _real: Clients = field(default_factory=Clients)

    def __call__(self, service: str, endpoint: str | None = None) -> Any:
        return self.set_by_test.get(service) or self._real(service, endpoint)


def a_deployment(
    camera: Mapping[str, Any] | None = None,
    parameters: Mapping[str, str] | None = None,
    clients: dict[str, Any] | None = None,
) -> Deployment:
    return Deployment(
        "kinesight",
        Resources(ACCOUNT, RESOURCES, {}),
        dict(parameters or {}),
        ConfigurationDocument.empty(),
        CameraSettings.model_validate(camera or {}).completed(),
        TemporaryStream(STREAM),
        cast(Clients, FakeClients(clients or {})),
    )


def a_run(deployment: Deployment | None = None) -> Run:
    frame = EncodedFrame(Fraction(0), True, b"")
    video = SourceVideo(
        Track(1, "video", "V_MPEG4/ISO/AVC"), (SourceFragment((frame,), Fraction(2000)),), transcoded=False
    )
    return Run(deployment or a_deployment(), video, realtime=False)
