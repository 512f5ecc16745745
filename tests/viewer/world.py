"""The deployed stack with its viewer, cameras that send video, and a model with a settable output."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from kinesight.adapters.dynamodb.sessions import DynamoDbSessions
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.sessions.alerts import best_image_key
from kinesight.domain.sessions.model import BestImage, Session, Severity
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import SourceVideo, read_video
from kinesight_local.cloud import LocalCloud
from kinesight_local.viewer import ViewerServer
from PIL import Image

from tests.model_server import Model
from tests.scenes import HEIGHT, WIDTH, make_scene_video

ROOT = Path(__file__).resolve().parents[2]
DOOR, PORCH, YARD, GATE, CELLAR = STREAMS = "front-door", "front-porch", "yard", "gate", "cellar"
HOSTILE = "<img src=x onerror=\"document.title='HACKED';alert(1)\">"
MINUTE_MS = 60_000
AGO = timedelta(seconds=4)
KEPT_DAYS = 30
RULES: dict[str, Any] = {
    "schemaVersion": 1,
    "detectors": {"model": {"type": "HTTP", "modelMapping": "HUGGING_FACE"}},
    "defaults": {"detector": "model", "minimumConfidence": 50, "sessions": {"clipSettleSeconds": 0}},
    "cameras": [
        {
            "streams": ["front-*", YARD, CELLAR],
            "rules": [{"name": "anything", "minimumConfidence": 50}],
            "sessions": {"quietSeconds": 10, "orderingSeconds": 0, "preRollSeconds": 1, "postRollSeconds": 1},
            "stationary": {"enabled": False},
        }
    ],
}


def eventually[T](read: Callable[[], T], good: Callable[[T], bool], seconds: float = 90) -> T:
    deadline = time.monotonic() + seconds
    while not good(seen := read()):
        assert time.monotonic() < deadline, f"it did not happen in time: {seen}"
        time.sleep(0.25)
    return seen


def seeing(label: str, confidence: float = 0.93) -> bytes:
    """Returns a model output in the form of Hugging Face: one object in the left half of the image."""
    box = {"xmin": 0.1 * WIDTH, "ymin": 0.3 * HEIGHT, "xmax": 0.3 * WIDTH, "ymax": 0.9 * HEIGHT}
    return json.dumps([{"label": label, "score": confidence, "box": box}]).encode()


@dataclass
class World:
    """`seeded` are sessions written to the table without video, newest first; `recorded_until` is the end of each
    camera's last video."""

    cloud: LocalCloud
    model: Model
    video: SourceVideo
    seeded: list[Session] = field(default_factory=list)
    recorded_until: dict[str, datetime] = field(default_factory=dict)

    @property
    def viewer(self) -> ViewerServer:
        assert self.cloud.viewer is not None
        return self.cloud.viewer

    def call_api(self, path: str, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {self.viewer.token}"}
        response = httpx.get(f"{self.viewer.url}/api/{path}", params=query, headers=headers, timeout=60)
        return response.raise_for_status().json()

    def sessions(self, stream: str) -> list[Any]:
        found: list[Any] = self.call_api("sessions", stream=stream)["sessions"]
        return found

    def shoot(self, stream: str, label: str, tags: tuple[tuple[str, str], ...] = ()) -> Any:
        """Sends video while the model detects an object; returns the session once its video is archived."""
        before = {one["sessionKey"] for one in self.sessions(stream)}
        counters = self.cloud.kvs.service.delivery.counters
        generated = counters(stream)["images_generated"]
        self.model.output = seeing(label)
        self.roll(stream, Tagging(image=True, metadata=tags))
        eventually(lambda: counters(stream)["pending"], lambda pending: pending == 0)
        images = counters(stream)["images_generated"] - generated

        def new() -> list[Any]:
            return [one for one in self.sessions(stream) if one["sessionKey"] not in before]

        def closed() -> list[Any]:
            self._pass_time()
            return new()

        def is_complete(seen: list[Any]) -> bool:
            return all(one["closed"] for one in seen) and sum(one["images"] for one in seen) == images

        (session,) = eventually(closed, is_complete)
        path = f"sessions/{stream}/{session['sessionKey']}"
        return eventually(lambda: self.call_api(path), lambda seen: _is_archived(seen["video"], images))

    def roll(self, stream: str, tagging: Tagging) -> None:
        """Sends video that starts a moment ago, so that no silence ends the session before its images arrive."""
        begin = max(datetime.now(UTC) - AGO, self.recorded_until.get(stream, datetime.min.replace(tzinfo=UTC)) + AGO)
        self.recorded_until[stream] = begin + timedelta(milliseconds=float(self.video.length_ms))
        play(stream, self.video, tagging, lambda _: None, Pace(begin))

    def _pass_time(self) -> None:
        assert self.cloud.stack is not None
        name = self.cloud.stack.function_name("TrackSessionsFunction")
        event = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"})
        self.cloud.client("lambda").invoke(FunctionName=name, Payload=event)

    def seed(self, *sessions: Session) -> None:
        """Writes sessions like track_sessions, and images like keep_evidence."""
        table = self.cloud.outputs["SessionsTableName"]
        store = DynamoDbSessions(self.cloud.client("dynamodb"), table, kept_seconds=86_400, epoch_s=time.time)
        s3, bucket = self.cloud.client("s3"), self.cloud.outputs["EvidenceBucketName"]
        for session in sessions:
            s3.put_object(Bucket=bucket, Key=best_image_key(session), Body=_image(session), ContentType="image/jpeg")
            store.put(session)

    def rules(self) -> Any:
        bucket = self.cloud.outputs["EvidenceBucketName"]
        return json.loads(self.cloud.client("s3").get_object(Bucket=bucket, Key=DOCUMENT_KEY)["Body"].read())

    def set_rules(self, document: Any) -> None:
        bucket = self.cloud.outputs["EvidenceBucketName"]
        self.cloud.client("s3").put_object(Bucket=bucket, Key=DOCUMENT_KEY, Body=json.dumps(document).encode())

    def forget_rules(self) -> None:
        """Stops functions that have read the rules: they read them at the start, and again after a minute."""
        assert self.cloud.stack is not None
        assert self.cloud.lambdas is not None
        for function in ("AnalyzeImagesFunction", "TrackSessionsFunction"):
            while self.cloud.lambdas.kill(self.cloud.stack.function_name(function)):
                pass


def _is_archived(video: Any, images: int) -> bool:
    return video is not None and video["complete"] and video["images"] == images


def a_session(at_ms: int, stream: str = GATE, label: str = "Car", **more: Any) -> Session:
    """Returns an ended session without a video."""
    severity = more.get("severity", Severity.ALERT)
    best = BestImage(f"{at_ms:032x}", at_ms, None, label, 88.0, severity)
    return Session(
        session_id=f"{at_ms:032x}",
        stream_name=stream,
        severity=severity,
        opened_ms=at_ms,
        started_ms=at_ms,
        last_ms=at_ms + 20_000,
        images=4,
        labels={label: 88.0},
        rules=("vehicles",),
        zones=more.get("zones", ()),
        best=best,
        closed=True,
    )


def _image(session: Session) -> bytes:
    shade = session.opened_ms // MINUTE_MS % 120
    target = BytesIO()
    Image.new("RGB", (320, 180), (40 + shade, 90, 160 - shade)).save(target, "JPEG")
    return target.getvalue()


@contextmanager
def a_world(folder: Path, **parameters: str) -> Iterator[World]:
    """Deploys a stack with cameras that have not sent video yet."""
    video = folder / "video.mp4"
    make_scene_video(video)
    model = Model(output=b"[]")
    chosen = {
        "ViewerUserEmail": "viewer@example.com",
        "StreamNames": ",".join(STREAMS),
        "SamplingInterval": "2000",
        "Detector": "HTTP",
        "EvidenceRetentionDays": str(KEPT_DAYS),
    }
    with ExitStack() as ending:
        chosen |= {"HttpModelUrl": ending.enter_context(model.serving()), **parameters}
        cloud = ending.enter_context(LocalCloud(ROOT, folder, chosen, configuration=RULES))
        for stream in STREAMS:
            cloud.ensure_stream(stream)
        cloud.deploy()
        # Shorter than the silence that ends a session, so that images may be analyzed in any order.
        whole = read_video(video)
        yield World(cloud, model, replace(whole, fragments=whole.fragments[:4]))
