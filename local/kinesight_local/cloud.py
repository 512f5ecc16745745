"""The whole local cloud: services up, stack deployed, functions running."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import httpx
from botocore.config import Config
from moto.server import ThreadedMotoServer

from kinesight_local.build import build
from kinesight_local.calls import Call, CallCounter, count_queued, observer
from kinesight_local.deployment import Stack
from kinesight_local.kvs.server import KvsServer
from kinesight_local.lambdas import Lambdas
from kinesight_local.moto_atomic import make_writes_atomic
from kinesight_local.moto_hook import count_calls
from kinesight_local.template import expand
from kinesight_local.vision.server import VisionServer

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_CLIENT = Config(connect_timeout=5, read_timeout=60, max_pool_connections=20, retries={"mode": "standard"})


class LocalCloud:
    """Use it as a context manager, or call `start_services`, `deploy` and `stop`.

    While it runs, the standard AWS variables of this process point at it: the emulators deliver through them, too.
    """

    def __init__(
        self, project_dir: Path, data_dir: Path, parameters: Mapping[str, str], *, stack_name: str = "kinesight"
    ) -> None:
        """`data_dir` keeps the streams' media, what was built, and the functions' logs."""
        self._project_dir = project_dir
        self._data_dir = data_dir
        self._parameters = parameters
        self._stack_name = stack_name
        self._before: dict[str, str | None] = {}
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.kvs = KvsServer(data_dir / "kvs", region=REGION, account_id=ACCOUNT_ID)
        self.vision = VisionServer()
        self.calls = CallCounter()
        self.endpoints: dict[str, str] = {}
        self.function_endpoints: dict[str, str] = {}
        """What functions see of `endpoints`; whoever puts something between changes it before `deploy`."""
        self.stack: Stack | None = None
        self.lambdas: Lambdas | None = None
        self._restore_moto: Callable[[], object] = lambda: None

    @property
    def log_dir(self) -> Path:
        """One file per function."""
        return self._data_dir / "logs"

    @property
    def outputs(self) -> dict[str, str]:
        return self.stack.outputs if self.stack is not None else {}

    def client(self, service: str) -> Any:
        """A boto3 client for the local cloud."""
        return boto3.client(service, region_name=REGION, config=_CLIENT)  # type: ignore[call-overload]  # any service

    def start_services(self) -> None:
        """moto, the KVS emulator and the vision service."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        restore = (make_writes_atomic(), count_queued(self.calls))
        self._restore_moto = lambda: [undo() for undo in restore]
        self._moto.start()
        count_calls(self._moto, self.calls)
        self.kvs.observer = self.vision.observer = observer(self.calls)
        self.kvs.start()
        self.vision.start()
        _, port = self._moto.get_host_and_port()
        self.endpoints = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ENDPOINT_URL_KINESIS_VIDEO": self.kvs.url,
            "AWS_ENDPOINT_URL_KINESIS_VIDEO_MEDIA": self.kvs.url,
            "AWS_ENDPOINT_URL_KINESIS_VIDEO_ARCHIVED_MEDIA": self.kvs.url,
            "AWS_ENDPOINT_URL_REKOGNITION": self.vision.url,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.vision.url,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.vision.url,
            "AWS_ENDPOINT_URL_BEDROCK": self.vision.url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.vision.url,
            **_CREDENTIALS,
        }
        self.function_endpoints = dict(self.endpoints)
        # where the interpreter of state machines finds the other services
        for_moto = {"MOTO_PORT": str(port)}
        httpx.post(f"http://127.0.0.1:{port}/moto-api/reset")
        httpx.post(f"http://127.0.0.1:{port}/moto-api/config", json={"stepfunctions": {"execute_state_machine": True}})
        kept = (*self.endpoints, *for_moto, "AWS_PROFILE", "AWS_SESSION_TOKEN")
        self._before = {name: os.environ.get(name) for name in kept}
        os.environ.pop("AWS_PROFILE", None)
        os.environ.pop("AWS_SESSION_TOKEN", None)
        os.environ.update(self.endpoints | for_moto)

    def ensure_stream(self, name: str) -> None:
        """A stream made before the deployment is attached by it, not minutes later by the schedule."""
        kinesis_video = self.client("kinesisvideo")
        with suppress(kinesis_video.exceptions.ResourceInUseException):
            kinesis_video.create_stream(StreamName=name, DataRetentionInHours=24)

    def deploy(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Builds if anything changed, and creates the stack. Raises what building and deploying raise."""
        progress("building functions and layers")
        template = build(self._project_dir, self._data_dir / "build" / "out")
        progress("deploying the stack")
        expanded = expand(template, self._parameters)
        self.lambdas = Lambdas(
            self.function_endpoints,
            self.log_dir,
            invoked=lambda name: self.calls.add(Call("", "lambda", "Invoke", name)),
        )
        self.stack = Stack(self._stack_name, expanded, self.lambdas, self.client)
        self.stack.create()

    def stop(self) -> None:
        """Ends every process and thread, and gives this process its own environment back."""
        if self.stack is not None:
            self.stack.stop()
        if self.lambdas is not None:
            self.lambdas.stop()
        self.vision.stop()
        self.kvs.stop()
        self._moto.stop()
        self._restore_moto()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def __enter__(self) -> Self:
        self.start_services()
        try:
            self.deploy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
