"""Converts parameters of AWS's Kinesis Video Streams Inference Template for SageMaker (KIT) to Kinesight's settings.

KIT has two kinds: parameters of its stack, and settings in the SSM parameter that its template creates. Both are
accepted as a parameter file of the AWS CLI, output of `describe-stacks`, an object of names and values, or the text of
the SSM parameter. Names are case-insensitive, since KIT uses both cases.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from kinesight.domain import json_text
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.streams.selection import StreamSelection

from kinesight_cli.migrate.former_parameters import converted
from kinesight_cli.migrate.given_parameters import given_parameters
from kinesight_cli.migrate.migration import Migration, MigrationError, Note, parse_json

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,256}")
_ENDPOINT = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_CONTENT_TYPES = ("image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image")
_MOST_NAMES = 10
_MOST_WORKERS = 50
_MOST_QUEUED = 100
_TIMEOUTS_MS = (1000, 70_000)

_Outcome = tuple[dict[str, str], list[Note]]

_ALWAYS = {
    "Detector": "SAGEMAKER",
    "LiveStatus": "ENABLED",
    "ImageGenerationStatus": "DISABLED",
    "ResultFormat": "KIT",
}
_ALWAYS_SAID = (
    Note(
        "Fargate service, its task size and scaling",
        "there is no cluster. Each consumer function reads limits.liveStreamsPerConsumer (10) streams (docs/live.md).",
    ),
    Note(
        "Every model output is passed on",
        "the same here: sageMakerOutput is the complete output of the endpoint. In addition, detections with a "
        "confidence of at least defaults.minimumConfidence (80) become evidence and alerts; restrict them with Labels "
        "or rules of the configuration document.",
    ),
    Note(
        "Everything in S3, as by the function of KIT's example",
        "not set, because of its cost. The evidence bucket has matched records and their fragments; "
        '"keep": {"records": "ALL", "fragments": "ALL"} in `defaults` of the configuration document keeps all of them '
        "(docs/result-record.md), and kinesight estimate --parameter keep.records=ALL --parameter keep.fragments=ALL "
        "prints what it costs.",
    ),
    Note(
        "Lost frames",
        "transient failures are retried, so an endpoint that is too slow causes lag (metric LiveLag). To drop old "
        "frames instead, set live.dropAfterSeconds in the configuration document.",
    ),
)


def migrate_kit(text: str) -> Migration:
    """Converts the text of the file.

    Raises MigrationError for another kind of file, names that KIT does not have, and invalid values.
    """
    given = _with_defaults(_known(given_parameters(parse_json(text), _wrong_file)))
    parameters, notes = dict(_ALWAYS), list(_ALWAYS_SAID)
    for name, value in given.items():
        new_parameters, new_notes = _FIELDS[name.casefold()](value)
        parameters |= new_parameters
        notes += new_notes
    if not {"StreamNames", "TagFilters"} & set(parameters):
        raise MigrationError(
            "neither StreamNames nor TagFilters has a value, and Kinesight needs one of them: add StreamNames, with "
            "the names of the streams separated by commas"
        )
    if "SageMakerEndpointName" not in parameters:
        raise MigrationError("SageMakerEndpoint has no value: add the name of the endpoint that KIT calls")
    kept, document = converted(parameters)
    return Migration(kept, tuple(notes), document)


def _wrong_file(reason: str) -> MigrationError:
    return MigrationError(
        f"the file is not a parameter file of KIT: {reason}. Pass the output of "
        "`aws cloudformation describe-stacks --stack-name <KIT's stack>`"
    )


def _known(given: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = sorted(name for name in given if name.casefold() not in _FIELDS)
    if unknown:
        raise MigrationError(
            f"KIT has no parameter {', '.join(unknown)}. If you extended the template, remove these lines from the "
            "file; docs/migration.md lists the alternatives"
        )
    repeated = sorted(name for name in given if sum(name.casefold() == other.casefold() for other in given) > 1)
    if repeated:
        raise MigrationError(f"the file has the same parameter several times: {', '.join(repeated)}")
    return given


def _with_defaults(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Adds the defaults of KIT's template for parameters that the file does not have."""
    names = {name.casefold() for name in given}
    absent = {name: value for name, value in _KIT_DEFAULTS.items() if name.casefold() not in names}
    return {**given, **absent}


# ---- Fields ----------------------------------------------------------------------------------------------------


def _stream_names(value: Any) -> _Outcome:
    listed = value if isinstance(value, list) else str(value).split(",")
    names = [name for name in (str(one).strip().strip("\"'").strip() for one in listed) if name]
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        raise MigrationError(f"StreamNames: {', '.join(map(repr, wrong))} cannot be the name of a stream")
    if len(names) > _MOST_NAMES:
        raise MigrationError(
            f"StreamNames has {len(names)} names, Kinesight allows {_MOST_NAMES}. Tag the streams (aws kinesisvideo "
            "tag-stream), name the tag in TagFilters and leave StreamNames empty; or keep one name in the file, and "
            "deploy with a glob (camera-*) in its place"
        )
    return ({"StreamNames": ",".join(names)} if names else {}), []


def _tag_filters(value: Any) -> _Outcome:
    filters = value if isinstance(value, list) else _filters_in(str(value))
    if not filters:
        return {}, []
    try:
        StreamSelection.of((), filters)
    except InvalidSettingError as error:
        raise MigrationError(str(error)) from error
    several = Note("Several TagFilters", "a stream must match all of them here. If one is enough, keep one filter.")
    chosen = filters[0] if len(filters) == 1 else filters
    return {"TagFilters": json.dumps(chosen, separators=(",", ":"), ensure_ascii=False)}, [several] if len(
        filters
    ) > 1 else []


def _filters_in(text: str) -> list[Any]:
    """Parses filters separated by commas: KIT puts the text between brackets."""
    try:
        inside = json_text.parse_json(f"[{text}]")
    except ValueError as error:
        raise MigrationError(
            f'TagFilters is not valid JSON ({error}). Example: {{"key":"Location","values":["Front","Parking"]}}'
        ) from error
    return list(inside[0]) if len(inside) == 1 and isinstance(inside[0], list) else list(inside)


def _endpoint(value: Any) -> _Outcome:
    if not value:
        return {}, []
    if not _ENDPOINT.fullmatch(str(value)):
        raise MigrationError(f"SageMakerEndpoint is {value!r}: pass the name of the endpoint, not its ARN")
    return {"SageMakerEndpointName": str(value)}, []


def _content_type(value: Any) -> _Outcome:
    if value not in _CONTENT_TYPES:
        raise MigrationError(f"EndPointAcceptContentType is {value!r}, KIT accepts {', '.join(_CONTENT_TYPES)}")
    return {"SageMakerContentType": value}, []


def _inference_interval(value: Any) -> _Outcome:
    return {"LiveInferenceInterval": str(_count("inferenceInterval", value))}, []


def _thread_pool_size(value: Any) -> _Outcome:
    threads = _count("sageMakerTaskThreadPoolSize", value)
    workers = min(threads, _MOST_WORKERS)
    note = Note(
        "sageMakerTaskThreadPoolSize",
        f"{threads} threads become limits.liveWorkers {workers}, the maximum per function. More streams than "
        "limits.liveStreamsPerConsumer start further functions, each with as many workers.",
    )
    return {"LiveWorkers": str(workers)}, [note] if workers < threads else []


def _queue_size(value: Any) -> _Outcome:
    queued = _count("sageMakerTaskQueueSize", value)
    if queued <= _MOST_QUEUED:
        return {"LiveQueueSize": str(queued)}, []
    text = (
        f"{queued} queued images are not kept in memory. limits.liveQueueSize keeps its default of 10 fragments per "
        f"stream (at most {_MOST_QUEUED}). While they are in flight, reading pauses and KVS keeps the rest."
    )
    return {}, [Note("sageMakerTaskQueueSize", text)]


def _timeout_ms(value: Any) -> _Outcome:
    given_ms = _count("sageMakerTaskTimeoutInMilli", value)
    least_ms, most_ms = _TIMEOUTS_MS
    timeout_ms = max(least_ms, min(given_ms, most_ms))
    note = Note(
        "sageMakerTaskTimeoutInMilli",
        f"{given_ms} becomes {timeout_ms}: the range is {least_ms} to {most_ms}, and SageMaker itself times out after "
        "60,000.",
    )
    return {"SageMakerTimeoutMilliseconds": str(timeout_ms)}, [note] if timeout_ms != given_ms else []


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value).strip()) or int(value) < 1:
        raise MigrationError(f"{name} is {value!r}, it must be an integer above 0")
    return int(value)


def _no_equivalent(name: str, text: str) -> Callable[[Any], _Outcome]:
    return lambda _: ({}, [Note(name, text)])


_LAMBDA = (
    "your function is not deployed, because KIT's parameters don't name its handler and runtime. Set "
    "ConsumerCodeBucket, ConsumerCodeKey, ConsumerHandler and ConsumerRuntime, or ConsumerFunctionArn of one that "
    "exists; with results.format KIT of the configuration document (set) it reads every record unchanged."
)
_KIT_DEFAULTS: Mapping[str, Any] = {
    "EndPointAcceptContentType": "image/jpeg",
    "inferenceInterval": 6,
    "sageMakerTaskThreadPoolSize": 20,
    "sageMakerTaskTimeoutInMilli": 20_000,
    "sageMakerTaskQueueSize": 5000,
}
_FIELDS: Mapping[str, Callable[[Any], _Outcome]] = {
    "streamnames": _stream_names,
    "tagfilters": _tag_filters,
    "sagemakerendpoint": _endpoint,
    "endpointacceptcontenttype": _content_type,
    "inferenceinterval": _inference_interval,
    "sagemakertaskthreadpoolsize": _thread_pool_size,
    "sagemakertaskqueuesize": _queue_size,
    "sagemakertasktimeoutinmilli": _timeout_ms,
    "appname": _no_equivalent(
        "AppName", "names begin with the stack's name; choose it with --stack-name (default: kinesight)."
    ),
    "dockerimagerepository": _no_equivalent("DockerImageRepository", "Kinesight runs no containers; omit it."),
    "lambdafunctionbucket": _no_equivalent("LambdaFunctionBucket", _LAMBDA),
    "lambdafunctionkey": _no_equivalent("LambdaFunctionKey", "see LambdaFunctionBucket."),
    "kdsstreamname": _no_equivalent(
        "kdsStreamName", "the stack creates its own (output ResultsStreamName), with one shard."
    ),
    "sagemakertaskthreadpoolname": _no_equivalent("sageMakerTaskThreadPoolName", "a name in KIT's logs; omit it."),
}
KIT_NAMES = frozenset(_FIELDS)
"""In lower case."""
