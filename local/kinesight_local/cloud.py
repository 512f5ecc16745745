"""The local cloud: all services, and one deployed stack with its functions."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

import boto3
import httpx
from botocore.config import Config
from kinesight.domain.configuration.current import DOCUMENT_KEY
from moto.awslambda.models import LambdaFunction
from moto.server import ThreadedMotoServer

from kinesight_local.build import built, default_cache
from kinesight_local.calls import Call, CallCounter, count_queued, observer
from kinesight_local.deployment import Stack
from kinesight_local.event_sources.mappings import EventSourceMappings
from kinesight_local.functions import Functions
from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.undocumented import Undocumented
from kinesight_local.lambdas import NO_TLS, InvocationResult, Lambdas
from kinesight_local.moto_support.atomic_writes import make_writes_atomic
from kinesight_local.moto_support.executions import name_executions
from kinesight_local.moto_support.hooks import check_links, count_calls, refuse_pages, route_invocations
from kinesight_local.moto_support.mappings import serve_mappings
from kinesight_local.moto_support.queues import make_queues_safe
from kinesight_local.moto_support.shards import make_shards_quick
from kinesight_local.moto_support.state_machines import run_state_machines
from kinesight_local.moto_support.templates import read_templates
from kinesight_local.template import expand
from kinesight_local.viewer import ViewerServer
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
_PATCHES = (
    make_writes_atomic,
    make_queues_safe,
    make_shards_quick,
    name_executions,
    read_templates,
    run_state_machines,
)
_CONTROL_S = 60
_CLIENT = Config(connect_timeout=5, read_timeout=60, max_pool_connections=20, retries={"mode": "standard"})


class ConfigureError(RuntimeError):
    """The stack does not take the configuration document."""


class LocalCloud:
    """A context manager that runs moto, the KVS emulator and the vision service; `deploy` adds the stack.

    Within it, the standard AWS variables of this process point at these services, because the emulators use them too.
    """

    def __init__(
        self,
        project_dir: Path,
        data_dir: Path,
        parameters: Mapping[str, str],
        *,
        stack_name: str = "kinesight",
        configuration: Mapping[str, Any] | None = None,
        undocumented: Undocumented | None = None,
    ) -> None:
        """`data_dir` keeps the streams' media and the functions' logs. `configuration`: the stack's document, which
        `deploy` stores. `undocumented`: chosen behaviour of KVS."""
        self._project_dir = project_dir.resolve()  # functions run in other folders, and this process may change its own
        self._data_dir = data_dir.resolve()
        self._parameters = parameters
        self._stack_name = stack_name
        self._configuration = configuration
        self._before: dict[str, str | None] = {}
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.kvs = KvsServer(self._data_dir / "kvs", region=REGION, account_id=ACCOUNT_ID, undocumented=undocumented)
        self.vision = VisionServer()
        self.calls = CallCounter()
        self.endpoints: dict[str, str] = {}
        self.function_endpoints: dict[str, str] = {}
        """The endpoints that functions get. To put a proxy in between, change it before they start."""
        self.stack: Stack | None = None
        self.lambdas: Lambdas | None = None
        self._functions: Functions | None = None
        self.viewer: ViewerServer | None = None
        """If the stack has one."""
        self._clients: dict[str, Any] = {}
        self._creating_clients = Lock()
        self._ending = ExitStack()

    @property
    def log_dir(self) -> Path:
        """One file per function."""
        return self._data_dir / "logs"

    @property
    def outputs(self) -> dict[str, str]:
        return self.stack.outputs if self.stack is not None else {}

    def client(self, service: str) -> Any:
        """A boto3 client for the local cloud; the same one for each call."""
        with self._creating_clients:
            if service not in self._clients:
                self._clients[service] = boto3.client(service, region_name=REGION, config=_CLIENT)  # type: ignore[call-overload]  # any service
            return self._clients[service]

    def __enter__(self) -> Self:
        with ExitStack() as ending:
            self._start(ending)
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends all processes and threads, and restores this process's environment."""
        self._ending.close()

    def _start(self, ending: ExitStack) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        ending.callback(self._give_environment_back)
        for patch in _PATCHES:
            ending.callback(patch())
        ending.callback(count_queued(self.calls))
        self._moto.start()
        ending.callback(self._moto.stop)
        count_calls(self._moto, self.calls)
        refuse_pages(self._moto)
        check_links(self._moto, {_CREDENTIALS["AWS_ACCESS_KEY_ID"]: _CREDENTIALS["AWS_SECRET_ACCESS_KEY"]})
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
        httpx.post(f"http://127.0.0.1:{port}/moto-api/reset", verify=NO_TLS, timeout=_CONTROL_S)
        self._have_state_machines_run(True)
        ending.callback(self._have_state_machines_run, False)
        # The interpreter of state machines finds the other services by moto's port.
        self._take_environment(self.endpoints | {"MOTO_PORT": str(port)})
        # Only now: the emulator resumes pending deliveries when it starts, and must not send them to AWS.
        self.kvs.observer = self.vision.observer = observer(self.calls)
        ending.enter_context(self.kvs)
        ending.enter_context(self.vision)
        self._run_functions(ending)

    def _run_functions(self, ending: ExitStack) -> None:
        """Has all functions that moto's Lambda gets run in our processes, and serves their event source mappings."""
        self.lambdas = Lambdas(
            lambda: self.function_endpoints,
            self.log_dir,
            invoked=lambda name: self.calls.add(Call("", "lambda", "Invoke", name)),
        )
        ending.callback(self.lambdas.stop)
        self._functions = Functions(self.lambdas, self._data_dir / "functions")
        ending.callback(route_invocations(partial(self._invoke, self._functions)))
        mappings = EventSourceMappings(self._functions, self.client)
        ending.callback(mappings.stop)
        ending.callback(serve_mappings(mappings))

    def _invoke(self, functions: Functions, function: LambdaFunction, event: Any) -> InvocationResult:
        """moto's hook. A function may be invoked while the stack is still being created."""
        if self.stack is not None and isinstance(event, dict) and "ResponseURL" in event:
            created = self.stack.invoke_for_cloudformation(function, event)
            if created is not None:
                return created
        return functions.invoke(function, event)

    def ensure_stream(self, name: str) -> None:
        """Creates a stream if it does not exist. Call it before `deploy`, which attaches existing streams at once."""
        kinesis_video = self.client("kinesisvideo")
        with suppress(kinesis_video.exceptions.ResourceInUseException):
            kinesis_video.create_stream(StreamName=name, DataRetentionInHours=24)

    def deploy(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Builds if necessary, then creates the stack. Raises what `build`, `expand` and `Stack.create` raise."""
        progress("building functions and layers")
        cache = default_cache(self._project_dir)
        template = self._ending.enter_context(built(self._project_dir, cache))
        progress("deploying the stack")
        expanded = expand(template, self._parameters)
        if self._functions is None:
            raise RuntimeError("the local cloud is not started")
        self.stack = Stack(self._stack_name, expanded, self._functions, self.client)
        self._ending.callback(self.stack.stop)
        self.stack.create()
        if self._configuration is not None:
            self.configure(self._configuration)
        web = self.stack.web()
        if web is not None:
            own = [self.endpoints["AWS_ENDPOINT_URL"], self.kvs.url]
            self.viewer = self._ending.enter_context(ViewerServer(web, self.client("s3"), own))
            self.stack.outputs["ViewerUrl"] = self.viewer.address

    def configure(self, document: Mapping[str, Any]) -> None:
        """Replaces the stack's configuration document, which functions and streams have at once."""
        if self.stack is None or self.lambdas is None:
            raise ConfigureError("nothing is deployed")
        body = json.dumps(document).encode()
        self.client("s3").put_object(Bucket=self.outputs["EvidenceBucketName"], Key=DOCUMENT_KEY, Body=body)
        self.lambdas.restart()
        scheduled = json.dumps({"source": "aws.events"})
        name = self.stack.function_name("ConfigureStreamsFunction")
        response = self.client("lambda").invoke(FunctionName=name, Payload=scheduled)
        if "FunctionError" in response:
            raise ConfigureError(response["Payload"].read().decode())

    def _take_environment(self, variables: Mapping[str, str]) -> None:
        others = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
        self._before = {name: os.environ.get(name) for name in (*variables, *others)}
        for name in others:
            os.environ.pop(name, None)
        os.environ.update(variables)
        boto3.DEFAULT_SESSION = None  # it has the previous credentials

    def _give_environment_back(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        boto3.DEFAULT_SESSION = None

    def _have_state_machines_run(self, enabled: bool) -> None:
        """moto has one setting per process, which other users of moto in this process expect unchanged."""
        config = {"stepfunctions": {"execute_state_machine": enabled}}
        httpx.post(
            f"{self.endpoints['AWS_ENDPOINT_URL']}/moto-api/config", json=config, verify=NO_TLS, timeout=_CONTROL_S
        )
