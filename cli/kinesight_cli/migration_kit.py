"""Parameters of AWS's Kinesis Video Streams Inference Template for SageMaker (KIT) as ours.

KIT has two kinds: parameters of its stack, and knobs that stand in the SSM parameter which its template makes. Both are
taken, in any of the forms they are kept in: a parameter file of the AWS CLI, `describe-stacks`, an object of names and
values, or the text of the SSM parameter. Upper and lower case don't count, since KIT itself writes both.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.streams.selection import StreamSelection

from kinesight_cli.migration import Migration, MigrationError, Note, object_of

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
        "there is no cluster. Functions read the streams, LiveStreamsPerConsumer (10) of them each; docs/live.md has "
        "the arithmetic.",
    ),
    Note(
        "Every answer was passed on",
        "so it is here: sageMakerOutput is the endpoint's whole answer. Beyond KIT, detections from "
        "MinimumConfidence (80) on become evidence and alerts; Labels or a rules document narrow them.",
    ),
    Note(
        "Lost frames",
        "what fails for now is tried again here, so an endpoint that is too slow shows as lag (the metric LiveLag). "
        "LiveDropAfterSeconds passes over what is old instead.",
    ),
)


def migrate_kit(text: str) -> Migration:
    """Raises MigrationError: for another kind of file, for names that KIT does not have, and for unusable values."""
    given = _with_defaults(_known(_given(object_of(text))))
    parameters, notes = dict(_ALWAYS), list(_ALWAYS_SAID)
    for name, value in given.items():
        made, said = _FIELDS[name.casefold()](value)
        parameters |= made
        notes += said
    if not {"StreamNames", "TagFilters"} & set(parameters):
        raise MigrationError(
            "neither StreamNames nor TagFilters has a value, and Kinesight needs one of them: add StreamNames, the "
            "names of the streams separated by commas"
        )
    if "SageMakerEndpointName" not in parameters:
        raise MigrationError("SageMakerEndpoint has no value: add the name of the endpoint that KIT calls")
    return Migration(parameters, tuple(notes))


# ---- The forms of the file -----------------------------------------------------------------------------------------


def _given(document: Any) -> Mapping[str, Any]:
    if isinstance(document, Mapping) and isinstance(document.get("Stacks"), list):
        document = _only_stack(document["Stacks"])
    if isinstance(document, Mapping) and "Parameters" in document:
        document = document["Parameters"]
    if isinstance(document, list):
        return dict(_pair(entry) for entry in document)
    if not isinstance(document, Mapping):
        raise _wrong_kind(f"it holds a {type(document).__name__}")
    if "StreamProcessorArn" in document or "Settings" in document:
        raise _wrong_kind("it describes a Rekognition stream processor: kinesight migrate rekognition takes it")
    if "Resources" in document:
        raise _wrong_kind("it is the template itself")
    return document


def _only_stack(stacks: Sequence[Any]) -> Any:
    if len(stacks) != 1:
        raise _wrong_kind(
            f"it describes {len(stacks)} stacks: name one, aws cloudformation describe-stacks --stack-name …"
        )
    return stacks[0]


def _pair(entry: Any) -> tuple[str, Any]:
    if not isinstance(entry, Mapping) or not {"ParameterKey", "ParameterValue"} <= set(entry):
        raise _wrong_kind("an entry of the list lacks ParameterKey or ParameterValue")
    return str(entry["ParameterKey"]), entry["ParameterValue"]


def _wrong_kind(reason: str) -> MigrationError:
    return MigrationError(
        f"this is no parameter file of KIT: {reason}. Its parameters are what "
        "`aws cloudformation describe-stacks --stack-name <KIT's stack>` prints"
    )


def _known(given: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = sorted(name for name in given if name.casefold() not in _FIELDS)
    if unknown:
        raise MigrationError(
            f"KIT has no {', '.join(unknown)}. If the template was extended by hand, take these lines out of the file; "
            "docs/migration.md says what there is instead"
        )
    repeated = sorted(name for name in given if sum(name.casefold() == other.casefold() for other in given) > 1)
    if repeated:
        raise MigrationError(f"the same parameter is given several times: {', '.join(repeated)}")
    return given


def _with_defaults(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of KIT's own template, which counted wherever nobody changed them."""
    names = {name.casefold() for name in given}
    absent = {name: value for name, value in _KIT_DEFAULTS.items() if name.casefold() not in names}
    return {**given, **absent}


# ---- The fields ----------------------------------------------------------------------------------------------------


def _stream_names(value: Any) -> _Outcome:
    listed = value if isinstance(value, list) else str(value).split(",")
    names = [name for name in (str(one).strip().strip("\"'").strip() for one in listed) if name]
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        raise MigrationError(f"StreamNames: {', '.join(map(repr, wrong))} can't be the name of a stream")
    if len(names) > _MOST_NAMES:
        raise MigrationError(
            f"StreamNames has {len(names)} names and Kinesight takes {_MOST_NAMES}. Tag the streams (aws kinesisvideo "
            "tag-stream), name the tag in TagFilters and empty StreamNames; or keep one name in the file, and write a "
            "glob (camera-*) in its place in what is deployed"
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
    several = Note(
        "Several TagFilters", "a stream must pass all of them here. If one was to be enough, give one filter."
    )
    chosen = filters[0] if len(filters) == 1 else filters
    return {"TagFilters": json.dumps(chosen, separators=(",", ":"), ensure_ascii=False)}, [several] if len(
        filters
    ) > 1 else []


def _filters_in(text: str) -> list[Any]:
    """KIT puts the text between brackets, so that filters follow each other, separated by commas."""
    try:
        inside = json.loads(f"[{text}]")
    except ValueError as error:
        raise MigrationError(
            f'TagFilters is not JSON ({error}); the form is {{"key":"Location","values":["Front","Parking"]}}'
        ) from error
    return list(inside[0]) if len(inside) == 1 and isinstance(inside[0], list) else list(inside)


def _endpoint(value: Any) -> _Outcome:
    if not value:
        return {}, []
    if not _ENDPOINT.fullmatch(str(value)):
        raise MigrationError(f"SageMakerEndpoint is {value!r}: give the endpoint's name, not its ARN")
    return {"SageMakerEndpointName": str(value)}, []


def _content_type(value: Any) -> _Outcome:
    if value not in _CONTENT_TYPES:
        raise MigrationError(f"EndPointAcceptContentType is {value!r}, KIT takes {', '.join(_CONTENT_TYPES)}")
    return {"SageMakerContentType": value}, []


def _inference_interval(value: Any) -> _Outcome:
    return {"LiveInferenceInterval": str(_count("inferenceInterval", value))}, []


def _thread_pool_size(value: Any) -> _Outcome:
    wanted = _count("sageMakerTaskThreadPoolSize", value)
    workers = min(wanted, _MOST_WORKERS)
    note = Note(
        "sageMakerTaskThreadPoolSize",
        f"{wanted} threads become LiveWorkers {workers}, the most of one function. More streams than "
        "LiveStreamsPerConsumer start further functions, each with as many workers.",
    )
    return {"LiveWorkers": str(workers)}, [note] if workers < wanted else []


def _queue_size(value: Any) -> _Outcome:
    wanted = _count("sageMakerTaskQueueSize", value)
    if wanted <= _MOST_QUEUED:
        return {"LiveQueueSize": str(wanted)}, []
    said = (
        f"{wanted} waiting pictures are not kept in memory here. LiveQueueSize stays at its default, 10 fragments per "
        f"stream (at most {_MOST_QUEUED}); when they are in flight, the stream is not read on, and KVS keeps the rest."
    )
    return {}, [Note("sageMakerTaskQueueSize", said)]


def _timeout_ms(value: Any) -> _Outcome:
    wanted_ms = _count("sageMakerTaskTimeoutInMilli", value)
    least_ms, most_ms = _TIMEOUTS_MS
    taken_ms = max(least_ms, min(wanted_ms, most_ms))
    note = Note(
        "sageMakerTaskTimeoutInMilli",
        f"{wanted_ms} becomes {taken_ms}: from {least_ms} to {most_ms} can be waited, and SageMaker itself gives up "
        "after 60,000.",
    )
    return {"SageMakerTimeoutMilliseconds": str(taken_ms)}, [note] if taken_ms != wanted_ms else []


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value).strip()) or int(value) < 1:
        raise MigrationError(f"{name} is {value!r}, it must be a whole number above 0")
    return int(value)


def _no_equal(name: str, said: str) -> Callable[[Any], _Outcome]:
    return lambda _: ({}, [Note(name, said)])


_LAMBDA = (
    "the results stream has no function of yours attached. Add the stream of the output ResultsStreamName as its event "
    "source; with ResultFormat KIT (set) it reads every record unchanged."
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
    "appname": _no_equal("AppName", "names come from the stack's; choose it with --stack-name (kinesight by default)."),
    "dockerimagerepository": _no_equal("DockerImageRepository", "nothing runs in a container of AWS's; leave it out."),
    "lambdafunctionbucket": _no_equal("LambdaFunctionBucket", _LAMBDA),
    "lambdafunctionkey": _no_equal("LambdaFunctionKey", "as LambdaFunctionBucket."),
    "kdsstreamname": _no_equal("kdsStreamName", "the stack makes its own (output ResultsStreamName), with one shard."),
    "sagemakertaskthreadpoolname": _no_equal("sageMakerTaskThreadPoolName", "a name in KIT's logs; nothing to do."),
}
KIT_NAMES = frozenset(_FIELDS)
"""In lower case."""
