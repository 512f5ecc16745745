"""Permissions that every function needs, derived from its code.

Its wiring is run as Lambda would run it, under the environment that the expanded template gives it, so the adapters are
those that these parameters select, each holding the names of what it works on. What their methods call is read from
their source, as far as the handler reaches them (reachable.py).
"""

import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from io import BytesIO
from itertools import batched
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import patch

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments, partition_key
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.dynamodb.viewer_sessions import DynamoDbSessionPages
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.configuration.camera import CameraSettings, FollowUp
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.live.consume_live import Ends
from kinesight.domain.parameters import permitted_names
from kinesight.wiring import current_configuration, detection, detectors
from kinesight.wiring.budget import budget
from kinesight.wiring.detectors import CameraDetectors
from pydantic.alias_generators import to_camel

from tests.template.partition_keys import SHARED_TABLE, recorded_keys
from tests.template.reachable import CallGraph, methods_of, own_names, source_of
from tests.template.role_grants import ACCOUNT_ID, short

Need = tuple[str, str]
"""An action and what it is done to, written as `role_grants` writes resources."""

ADAPTERS = Path(aws_clients.__file__).parents[1]
WIRING = ADAPTERS.parent / "wiring"
_ROUTES = "kinesight.viewer_api."
"""The request to an HTTP API selects the route function, so all of them count as called."""
NOT_BUILDING = {
    "once_permitted": "calls what it is given",
    "respond": "answers CloudFormation at a signed address, without the role",
}

_ARGUMENTS: dict[str, Any] = {
    "remaining_ms": lambda: 60_000,
    "slot": "0",
    "ends": Ends(),
    "folder": Path("/tmp"),
    "share": 1,
    "detector": None,
}


@dataclass(frozen=True, slots=True)
class Built:
    """An adapter, and the function of the wiring that made it: module and name."""

    adapter: Any
    maker: str


class FakeClient:
    """Answers as an empty account would; knows its service."""

    document: ClassVar[bytes | None] = None
    """The stack's configuration document."""

    def __init__(self, service: str) -> None:
        self.service = service
        hooks = SimpleNamespace(register=_heard, register_first=_heard, register_last=_heard)
        self.meta = SimpleNamespace(events=hooks, region_name="us-east-1", service_model=_model(service))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in operations(self.service):
            raise AttributeError(name)
        return self._absent

    def get_paginator(self, method: str) -> Any:
        """No pages."""
        return SimpleNamespace(paginate=lambda **_: iter(()))

    def _absent(self, **parameters: Any) -> Any:
        if parameters.get("Key") == DOCUMENT_KEY and self.document is not None:
            return {"Body": BytesIO(self.document), "ETag": '"tag"'}
        raise ClientError({"Error": {"Code": "NoSuchKey"}}, "any")


def _heard(*_: object) -> None:
    """Hooks of a client's own calls, of which there are none; and any other callback."""


def _fake_client(service: str, **_: object) -> FakeClient:
    return FakeClient(service)


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


@cache
def operations(service: str) -> dict[str, str]:
    """Action by the name of the client's method, as far as it is called as the operation is."""
    model = _model(service)
    return {xform_name(name): f"{model.signing_name}:{name}" for name in model.operation_names}


class _EveryDetector(CameraDetectors):
    """Makes all detectors for which the parameters name what they need, since any camera may have them, with each name
    that they permit; and one on crops of what another detected, within a budget."""

    def __init__(self, settings: DetectionSettings, *others: Any) -> None:
        super().__init__(settings, *others)
        kinds = [kind for kind, one in DETECTORS.items() if not one.settings.empty_fields(settings.values)]
        second = FollowUp.model_validate({"detector": kinds[0], "on": "CROP"})
        named = {f"{kind} {index}": one for kind in kinds for index, one in enumerate(_definitions(settings, kind))}
        document, _ = ConfigurationDocument.check({"schemaVersion": 1, "detectors": named})
        for name in named:
            limits = budget(settings, Decimal(1), 80)
            detectors._chain(settings, Configuration(CameraSettings(), document), limits, name, second)


def _definitions(settings: DetectionSettings, kind: str) -> Iterator[dict[str, Any]]:
    """Definitions of a type that use each permitted name once."""
    listed = {one: permitted_names(settings.permitted.get(one)) for one in DETECTORS[kind].settings.permitted_fields()}
    for index in range(max(map(len, listed.values()), default=1)):
        named = {to_camel(field): names[min(index, len(names) - 1)] for field, names in listed.items() if names}
        yield {"type": kind, **named}


def built_by(function: str, environment: dict[str, str]) -> list[Built]:
    """Every adapter that the handler's calls of its wiring make, without a document and with one that has alerts sent
    by another function and channels that are off by default."""
    found = _built_by(function, environment)
    document = {"schemaVersion": 1, "alerts": {"per": "IMAGE"}, "channels": {"iotTopic": "cameras"}}
    with patch.object(FakeClient, "document", json.dumps(document).encode()):
        return [*found, *_built_by(function, environment)]


def _built_by(function: str, environment: dict[str, str]) -> list[Built]:
    wiring = importlib.import_module(f"kinesight.wiring.{function}")
    _forget()
    found: list[Built] = []
    fakes = patch("boto3.client", _fake_client), patch.object(detection, "CameraDetectors", _EveryDetector)
    named = patch.object(current_configuration, "is_bucket", bool)  # buckets have their logical ids as names here
    with patch.dict("os.environ", environment), fakes[0], fakes[1], named:
        for name in sorted(_names_of_wiring(function) - set(NOT_BUILDING)):
            maker = getattr(wiring, name)
            arguments = {one: _ARGUMENTS.get(one, _heard) for one in inspect.signature(maker).parameters}
            with _watched(found):
                maker(**arguments)
    _forget()  # else later tests of this process would get the fakes
    return list({id(one.adapter): one for one in found}.values())


def _own_bucket(adapter: Any) -> S3Bucket | None:
    """The bucket client that an adapter creates for itself."""
    held = getattr(adapter, "_bucket", None)
    return held if isinstance(held, S3Bucket) else None


def _bucket_name(adapter: Any) -> str | None:
    bucket = adapter if isinstance(adapter, S3Bucket) else _own_bucket(adapter)
    return None if bucket is None else bucket.bucket


def _names_of_wiring(function: str) -> set[str]:
    """The names that the handler takes from its wiring."""
    return {
        node.attr
        for module in _entrances(function)
        for node in ast.walk(source_of(module.__name__))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wiring"
    }


def _entrances(function: str) -> list[ModuleType]:
    """The handler's module, and those of the routes that it joins."""
    app = importlib.import_module(f"functions.{function}.app")
    named = [one for one in vars(app).values() if isinstance(one, ModuleType)]
    return [app, *(one for one in named if one.__name__.startswith(_ROUTES))]


def _forget() -> None:
    """What an environment keeps from one invocation to the next is another environment's."""
    names = [f"kinesight.wiring.{path.stem}" for path in WIRING.glob("[a-z]*.py")] + [aws_clients.__name__]
    for module in map(importlib.import_module, names):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@contextmanager
def _watched(found: list[Built]) -> Iterator[None]:
    def watch(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name == "__init__" and ADAPTERS in Path(code.co_filename).parents:
            if isinstance(frame.f_locals["self"], S3Bucket) and _is_own(frame):
                return  # its owner is the adapter
            found.append(Built(frame.f_locals["self"], _maker(frame)))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)


def _is_own(frame: FrameType) -> bool:
    """Whether an adapter creates this bucket client for itself."""
    return frame.f_back is not None and ADAPTERS in Path(frame.f_back.f_code.co_filename).parents


def _maker(frame: FrameType | None) -> str:
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.parent == WIRING:
            return f"{path.stem}.{frame.f_code.co_name}"
        frame = frame.f_back
    return ""


def code_needs(function: str, environment: dict[str, str]) -> dict[Need, str]:
    """What the role must be granted for the code, each with the adapter that needs it."""
    built = built_by(function, environment)
    app, *routes = _entrances(function)
    graph = CallGraph({type(one.adapter) for one in built}).follow(app, "handler")
    for module, name in ((one, name) for one in routes for name in _functions_in(one)):
        graph.follow(module, name)
    wiring = importlib.import_module(f"kinesight.wiring.{function}")
    for name in _names_of_wiring(function):
        graph.follow(wiring, name)
    crops = [_CROPS] if "CROPS_BUCKET" in environment else []
    places = _Places([*_IMAGES_OF.get(function, ()), *crops], crops)
    with patch("boto3.client", _fake_client):
        return {
            need: type(one.adapter).__name__
            for one in built
            for action in _actions(one, graph.called)
            for need in _keyed(one, action, graph.called) or _placed(one, action, places)
        }


def _functions_in(module: ModuleType) -> list[str]:
    return [node.name for node in source_of(module.__name__).body if isinstance(node, ast.FunctionDef)]


# ---- Actions ---------------------------------------------------------------------------------------------------------

# Operations whose permission has another name (Service Authorization Reference), and helpers that call several.
_ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("sqs", "change_message_visibility_batch"): ("sqs:ChangeMessageVisibility",),
    ("s3", "copy_object"): ("s3:GetObject", "s3:PutObject"),
    ("s3", "delete_objects"): ("s3:DeleteObject",),
    ("s3", "head_object"): ("s3:GetObject",),
    ("s3", "list_objects_v2"): ("s3:ListBucket",),
    ("s3", "upload_file"): ("s3:PutObject", "s3:AbortMultipartUpload"),
    ("s3", "download_file"): ("s3:GetObject",),
    ("s3", "get_bucket_notification_configuration"): ("s3:GetBucketNotification",),
    ("s3", "put_bucket_notification_configuration"): ("s3:PutBucketNotification",),
    ("lambda", "invoke"): ("lambda:InvokeFunction",),
    ("bedrock-runtime", "converse"): ("bedrock:InvokeModel",),
    ("iot-data", "publish"): ("iot:Publish",),
}
# Powertools' persistence layer: what its methods ask of the table.
_LEDGER = {
    "save_inprogress": "dynamodb:PutItem",
    "save_success": "dynamodb:UpdateItem",
    "delete_record": "dynamodb:DeleteItem",
}


def _actions(built: Built, called: frozenset[str]) -> set[str]:
    adapter, methods = built.adapter, methods_of(_class_of(built.adapter))
    called = _called_of(built, called)
    names = {word for name in _live_methods(adapter, called) for tree in methods[name] for word in _mentioned(tree)}
    if _S3_ADAPTERS.fullmatch(type(adapter).__module__):
        names |= _named_in_bucket(frozenset(names))
    if isinstance(adapter, PowertoolsLedger):
        return {action for method, action in _LEDGER.items() if method in names}
    found = {action for service in _services(adapter) for action in _of_service(service, names)}
    if isinstance(adapter, RekognitionOperation):
        found.add("s3:GetObject")  # Rekognition reads the image under the caller's rights
    if "s3:GetObject" in found and _detects_absence(adapter):
        found.add("s3:ListBucket")
    return found | _on_the_way(adapter)


# Where a function has two of one kind: the module that holds this one, and its name of it. Only what is called by that
# name is called of it. By the maker, and the bucket, the kind of documents (`one` before it if they
# are in one partition, as an earlier version stored them), or else the adapter's name. Several modules, each with its
# name, if it has several holders.
_HOLDERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("analyze_images._streams", "KvsStreamDirectory"): ("kinesight.domain.analysis.stream_arns", "_streams"),
    ("analyze_images._attached", "KvsStreamDirectory"): ("kinesight.domain.analysis.attached_streams", "_streams"),
    ("analyze_images._attached", "DynamoDbManagedStreams"): ("kinesight.domain.analysis.attached_streams", "_managed"),
    ("archive_session.ports", "KvsStreamDirectory"): ("kinesight.domain.sessions.archive_session", "streams"),
    ("plan_windows.ports", "KvsStreamDirectory"): ("kinesight.domain.on_demand.plan_windows", "streams"),
    ("plan_windows.ports", "ImagesBucket"): ("kinesight.domain.on_demand.plan_windows", "work"),
    ("serve_viewer.cameras", "DynamoDbManagedStreams"): ("kinesight.domain.viewer.cameras", "managed"),
    ("current_configuration._reader", "EvidenceBucket"): ("kinesight.domain.configuration.current", "store"),
    ("configure_streams.ports", "EvidenceBucket"): ("kinesight.domain.configuration.stream_tags", "store"),
    ("detectors._chain", "ImagesBucket"): ("kinesight.adapters.s3.crops", "_work"),
    ("serve_viewer.rules", "EvidenceBucket"): ("kinesight.domain.viewer.rules", "file"),
    ("serve_viewer._playback", "EvidenceBucket"): ("kinesight.domain.viewer.playback", "files"),
    ("render_timelapse.ports", "EvidenceBucket"): ("kinesight.domain.on_demand.render_timelapse", "videos"),
    ("serve_viewer._evidence_buckets", "ImagesBucket"): ("kinesight.domain.viewer.evidence", "images"),
    ("archive_session._legal_hold", "ImagesBucket"): ("kinesight.domain.viewer.evidence", "images"),
    ("analyze_images._last_images", "images"): ("kinesight.domain.streams.missing_images", "_last_images"),
    ("configure_streams.missing_images", "images"): ("kinesight.domain.streams.missing_images", "last_images"),
    ("consume_live.ports", "consumers"): ("kinesight.domain.live.conduct_live", "local slots"),
    ("consume_live.ports", "leases"): (
        "kinesight.domain.live.assigned_leases",
        "_documents",
        "kinesight.domain.live.leases",
        "_documents",
    ),
    ("conduct_live.ports", "assignments"): ("kinesight.domain.live.conduct_live", "assignments"),
    ("conduct_live.ports", "consumers"): ("kinesight.domain.live.conduct_live", "slots"),
    ("conduct_live.ports", "leases"): ("kinesight.domain.live.sync_leases", "local leases"),
    ("conduct_live.ports", "one leases"): (
        "kinesight.domain.live.sync_leases",
        "local previous",
        "kinesight.domain.live.leases",
        "local documents",
    ),
    ("consume_live.ports", "assignments"): ("kinesight.wiring.consume_live", "local assignments"),
    ("detection.gate", "gate"): ("kinesight.domain.gate.frame_gate", "states"),
    ("serve_viewer.analyses", "analyses"): ("kinesight.domain.viewer.analyses", "local documents"),
    ("serve_viewer.cameras", "images"): ("kinesight.domain.viewer.cameras", "last_images"),
    ("serve_viewer.cameras", "leases"): ("kinesight.domain.viewer.cameras", "leases"),
}


def _called_of(built: Built, called: frozenset[str]) -> frozenset[str]:
    """The methods that the function may call of this adapter."""
    return _used_at_once(built) or _used_of(built) or called


def _used_of(built: Built) -> frozenset[str]:
    which = _bucket_name(built.adapter) or _kind(built.adapter) or type(built.adapter).__name__
    held = _HOLDERS.get((built.maker, which), ())
    return frozenset(
        node.attr
        for module, name in batched(held, 2, strict=True)
        for node in ast.walk(source_of(module))
        if isinstance(node, ast.Attribute) and _holder_name(node.value) == name
    )


def _kind(adapter: Any) -> str | None:
    if not isinstance(adapter, DynamoDbDocuments):
        return None
    is_spread = partition_key(adapter._kind, "") != adapter._kind
    return f"one {adapter._kind}" if is_spread and adapter._partitions == 1 else adapter._kind


def _holder_name(node: ast.expr) -> str | None:
    """As `_HOLDERS` writes it: an attribute's name, or `local` and that of a variable."""
    match node:
        case ast.Attribute(attr=name):
            return name
        case ast.Name(id=name):
            return f"local {name}"
    return None


def _used_at_once(built: Built) -> frozenset[str]:
    """`Store(...).read(key)`: what is not kept can do no more."""
    module, _, maker = built.maker.partition(".")
    name = type(built.adapter).__name__
    return frozenset(
        node.attr
        for definition in source_of(f"kinesight.wiring.{module}").body
        if isinstance(definition, ast.FunctionDef) and definition.name == maker
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == name
    )


def _class_of(adapter: object) -> type:
    return type(adapter)


_S3_ADAPTERS = re.compile(r"kinesight\.adapters\.s3\.(?!bucket$)\w+")


def _named_in_bucket(called: frozenset[str]) -> set[str]:
    """What the shared bucket client mentions in the methods that an adapter over it calls."""
    methods = methods_of(S3Bucket)
    live = _live_methods_of(S3Bucket, called)
    return {word for name in live for tree in methods[name] for word in _mentioned(tree)}


def _live_methods(adapter: Any, called: frozenset[str]) -> set[str]:
    return _live_methods_of(type(adapter), called)


def _live_methods_of(cls: type, called: frozenset[str]) -> set[str]:
    methods = methods_of(cls)
    live = {name for name in methods if name in called or name.startswith("__")}
    while True:
        more = {name for one in live for tree in methods[one] for name in own_names(tree)} & set(methods) - live
        if not more:
            return live
        live |= more


@cache
def _mentioned(tree: ast.AST) -> frozenset[str]:
    """Attributes, and words in quotes: get_paginator("query"), generate_presigned_url("get_object")."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(attributes | words)


def _of_service(service: str, names: set[str]) -> Iterator[str]:
    for method in names:
        if (service, method) in _ACTIONS:
            yield from _ACTIONS[service, method]
        elif method in operations(service):
            yield operations(service)[method]


def _services(adapter: Any) -> Iterator[str]:
    own = _own_bucket(adapter)
    if own is not None:
        yield from _services(own)
    for value in vars(adapter).values():
        if isinstance(value, FakeClient):
            yield value.service
        elif hasattr(value, "_connect"):
            yield value._connect("https://data.example").service
        elif value is aws_clients.iot_data:
            yield "iot-data"
    if hasattr(adapter, "_connect"):  # its client is created for the endpoint that it requests
        yield "kinesisvideo"


def _on_the_way(adapter: Any) -> set[str]:
    """Permissions that creating the client needs."""
    creates_iot_client = aws_clients.iot_data in vars(adapter).values()
    return (
        {"iot:DescribeEndpoint"}
        if creates_iot_client and "describe_endpoint" in inspect.getsource(aws_clients.iot_data)
        else set()
    )


def _detects_absence(adapter: Any) -> bool:
    """Whether the adapter detects absent objects. S3 returns 403 instead of 404 to roles that may not list
    ("GetObject", permissions), and copying reads another bucket than the adapter's own."""
    methods = methods_of(_class_of(adapter))
    names = {word for trees in methods.values() for tree in trees for word in _mentioned(tree)}
    if _S3_ADAPTERS.fullmatch(type(adapter).__module__):
        names |= _named_in_bucket(frozenset(names))
    return S3Bucket._is_absent.__name__ in names


# ---- Resources -------------------------------------------------------------------------------------------------------

# Where in a bucket an adapter works, by the function of the wiring that makes it.
_CROPS = "ImagesBucket/crops/*"
_DOCUMENT, _TAGS = "EvidenceBucket/configuration/kinesight.json", "EvidenceBucket/configuration/stream-tags.json"
_EVIDENCE = ("EvidenceBucket/annotated/*", "EvidenceBucket/archive/*", "EvidenceBucket/results/*")
_PLACES: dict[tuple[str, str], tuple[str, ...]] = {
    ("S3Bucket", "current_configuration._reader"): (_DOCUMENT, _TAGS),
    ("S3Bucket", "configure_streams.ports"): (_TAGS,),
    ("S3Bucket", "consume_live.ports"): ("ImagesBucket/live/*",),
    ("S3Bucket", "detect_objects.ports"): ("ImagesBucket/on-demand/*",),
    ("S3Bucket", "extract_images.ports"): ("ImagesBucket/on-demand/*",),
    ("S3Bucket", "plan_windows.ports"): ("ImagesBucket/on-demand/*",),
    ("S3Bucket", "summarize_range.work"): ("ImagesBucket/on-demand/*",),
    ("S3BucketNotifications", "configure_streams.bucket_notifications"): ("ImagesBucket",),
    ("S3PageStore", "publish_viewer.store"): ("PageBucket/*",),
    ("S3RulesFile", "serve_viewer.rules"): (_DOCUMENT,),
    ("S3Bucket", "serve_viewer.rules"): (_TAGS,),
    ("S3EvidenceStore", "archive_session.ports"): ("EvidenceBucket/archive/*",),
    ("S3EvidenceStore", "keep_evidence.ports"): _EVIDENCE,
    ("S3EvidenceStore", "track_sessions._targets"): _EVIDENCE,
}
_FILES = {"ImagesBucket": "ImagesBucket/on-demand/*", "EvidenceBucket": "EvidenceBucket/timelapse/*"}
# What the viewer does where, by the bucket and the action.
_CLIPS, _HELD = ("EvidenceBucket/bundles/*", "EvidenceBucket/clips/*"), ("EvidenceBucket/held/*",)
_GENERATED = f"ImagesBucket/images*{ACCOUNT_ID}_*"
_EVERY_SOURCE = (_GENERATED, "ImagesBucket/live/*", "ImagesBucket/on-demand/*")
_VIEWER_PLACES: dict[tuple[str, str], tuple[str, ...]] = {
    ("EvidenceBucket", "s3:GetObject"): (*_EVIDENCE, "EvidenceBucket/timelapse/*", *_CLIPS, *_HELD),
    ("EvidenceBucket", "s3:PutObject"): _HELD,
    ("EvidenceBucket", "s3:DeleteObject"): _HELD,
    ("EvidenceBucket", "s3:ListBucket"): ("EvidenceBucket",),
    ("ImagesBucket", "s3:GetObject"): _EVERY_SOURCE,
    ("ImagesBucket", "s3:ListBucket"): ("ImagesBucket",),
}
_IMAGES_OF: dict[str, tuple[str, ...]] = {
    "analyze_images": (_GENERATED,),
    "consume_live": ("ImagesBucket/live/*",),
    "detect_objects": ("ImagesBucket/on-demand/*",),
    "keep_evidence": _EVERY_SOURCE,
}
# A name in braces is an attribute of the adapter.
_RESOURCES: dict[str, tuple[str, ...]] = {
    "dynamodb:": ("{_table}",),
    "sqs:": ("{_queue_url}",),
    "sns:": ("{_topic_arn}",),
    "kinesis:": ("{_stream_name}",),
    "lambda:": ("{_function_name}",),
    "states:StartExecution": ("{_arn}",),
    "states:DescribeExecution": ("states:execution:{_arn}.Name:*",),
    "events:": ("events:event-bus/{_bus_name}",),
    "iot:Publish": ("iot:topic/{topic_prefix}/*",),
    "iot:DescribeEndpoint": ("*",),
    "secretsmanager:": ("{secret}",),
    "kinesisvideo:ListStreams": ("*",),
    "kinesisvideo:": ("kinesisvideo:stream/*",),
    "rekognition:SearchFacesByImage": ("rekognition:collection/{_collection_id}",),
    "rekognition:DetectCustomLabels": ("{_project_version_arn}",),
    "rekognition:": ("*",),
    "sagemaker:": ("sagemaker:endpoint/{endpoint}",),
    "bedrock:": (
        "bedrock:foundation-model/{_model_id}",
        "bedrock:inference-profile/{_model_id}",
        "bedrock:*:foundation-model/*",
    ),
}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where this function's images are, and its crops."""

    images: list[str]
    crops: list[str]


def _placed(built: Built, action: str, places: _Places) -> Iterator[Need]:
    if action.startswith("s3:"):
        for place in _in_s3(built, action, places):
            yield action, place.partition("/")[0] if action == "s3:ListBucket" else place
        return
    names = vars(built.adapter) | _further_names(built.adapter)
    patterns = next((found for start, found in _RESOURCES.items() if action.startswith(start)), None)
    if patterns is None:
        raise LookupError(f"_RESOURCES is to say what {action} is done to")
    if isinstance(built.adapter, DynamoDbSessionPages):
        patterns = (*patterns, "{_table}/index/byDay")
    for pattern in patterns:
        yield action, short(pattern.format_map({name: str(value) for name, value in names.items()}))


def _keyed(built: Built, action: str, called: frozenset[str]) -> list[Need]:
    """The partition keys of a call to the table that functions share, written as `role_grants` writes them."""
    if not action.startswith("dynamodb:") or vars(built.adapter).get("_table") != SHARED_TABLE:
        return []
    used = recorded_keys(built.adapter, _live_methods(built.adapter, _called_of(built, called)))
    return [(action, f"{SHARED_TABLE}[{key}]") for one, key in sorted(used) if one == action]


def _further_names(adapter: Any) -> dict[str, Any]:
    known = vars(adapter)
    layer, endpoint = known.get("_layer"), known.get("_endpoint")
    found = {"secret": known.get("_secret_id"), "topic_prefix": str(known.get("_topic")).removesuffix("/cameras")}
    if layer is not None:
        found["_table"] = layer.table_name
    return found | ({"endpoint": endpoint.name} if endpoint is not None else {})


def _in_s3(built: Built, action: str, places: _Places) -> Sequence[str]:
    name = type(built.adapter).__name__
    if name == "S3EvidenceReader":
        return _in_viewer(built, action)
    if built.maker == "serve_viewer._playback":
        return _CLIPS
    if built.maker == "render_timelapse.ports":
        return (_FILES[built.adapter.bucket],)
    if name == "S3Objects" and built.maker == "detectors._sagemaker_async":
        return ("ImagesBucket/model-input/*",) if action == "s3:PutObject" else ("async-output/*",)
    if name == "S3ImageStore" or isinstance(built.adapter, RekognitionOperation):
        return places.images
    if built.maker == "detectors._chain":
        return places.crops
    return _PLACES[name, built.maker]


def _in_viewer(built: Built, action: str) -> Sequence[str]:
    """Who copies what is held reads what it is copied from, and no copy."""
    if (built.maker, _bucket_name(built.adapter), action) == (
        "archive_session._legal_hold",
        "EvidenceBucket",
        "s3:GetObject",
    ):
        return _EVIDENCE
    return _VIEWER_PLACES[_bucket_name(built.adapter) or "", action]


def wiring_modules(function: str) -> set[ModuleType]:
    """The function's wiring, and what of the wiring that imports."""
    found: set[ModuleType] = set()
    waiting = [importlib.import_module(f"kinesight.wiring.{function}")]
    while waiting:
        module = waiting.pop()
        found.add(module)
        names = {str(getattr(value, "__module__", "")) for value in vars(module).values()}
        names |= {value.__name__ for value in vars(module).values() if isinstance(value, ModuleType)}
        modules = {importlib.import_module(name) for name in names if name.startswith("kinesight.wiring.")}
        waiting += modules - found
    return found
