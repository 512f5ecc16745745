"""Each constraint of the published schema, violated one at a time, is rejected with the path of the violation."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.errors import InvalidConfigurationError

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[3] / "docs/configuration.schema.json").read_text()
)
MAPPED = {
    "modelWidthPixels": 640,
    "modelHeightPixels": 640,
    "modelResize": "LETTERBOX",
    "modelMapping": "COCO",
    "classNames": ["person", "", "car"],
}
SAGEMAKER = MAPPED | {
    "sagemakerEndpointName": "model",
    "sagemakerContentType": "image/jpeg",
    "sagemakerAccept": "application/json",
    "sagemakerTimeoutMilliseconds": 70_000,
}
TEXT = {"knownPlates": ["AB 12"], "platePattern": "[A-Z]+", "plateTolerance": 1}
HTTP = {
    "httpModelUrl": "https://model.example",
    "httpImageType": "image/jpeg",
    "httpJsonBody": '{"image": "$image"}',
    "httpAuthHeader": "Authorization",
    "httpAuthSecretArn": "arn",
    "httpTimeoutMilliseconds": 10_000,
}
BEDROCK = {"bedrockModelId": "nova", "bedrockPrompt": "What is there?", "bedrockMaxTokens": 1000}
DETECTORS: dict[str, dict[str, Any]] = {
    "REKOGNITION_LABELS": {"maxLabels": 50},
    "REKOGNITION_FACES": {},
    "REKOGNITION_FACE_SEARCH": {"faceCollectionId": "staff", "faceMatchThreshold": 80},
    "REKOGNITION_MODERATION": {},
    "REKOGNITION_TEXT": TEXT,
    "REKOGNITION_PROTECTIVE_EQUIPMENT": {"requiredEquipment": ["HEAD_COVER"]},
    "REKOGNITION_CUSTOM_LABELS": {"maxLabels": 50, "customLabelsModelArn": "arn"},
    "SAGEMAKER": SAGEMAKER,
    "SAGEMAKER_ASYNC": SAGEMAKER | {"sagemakerAsyncOutputBucket": "outputs"},
    "HTTP": MAPPED | HTTP,
    "BEDROCK": {"modelWidthPixels": 640, "modelHeightPixels": 640, "modelResize": "LETTERBOX"} | BEDROCK,
}
WHOLE: dict[str, Any] = {
    "schemaVersion": 1,
    "detectors": {
        kind.lower(): {"type": kind, "minimumConfidence": 60, "usdPerThousandCalls": 1} | own
        for kind, own in DETECTORS.items()
    },
    "defaults": {"labels": ["Person"]},
    "limits": {"concurrentDetections": 5, "liveStreamsPerConsumer": 5, "liveWorkers": 5, "liveQueueSize": 5},
    "results": {"format": "KIT", "includeRawOutput": True},
    "alerts": {"per": "SESSION", "format": "REKOGNITION", "linkSeconds": 60, "webhookFormat": "SLACK"},
    "channels": {"eventBridge": False, "iotTopic": "home/cameras"},
    "viewer": {"linkSeconds": 60},
    "cameras": [
        {
            "streams": ["front-*"],
            "streamTags": "Location=Front",
            "detector": "rekognition_text",
            "followUp": {"detector": "HTTP", "labels": ["Car"], "minimumConfidence": 50, "on": "CROP"},
            "labels": ["Person"],
            "minimumConfidence": 50,
            "alertChannels": ["sns"],
            "dailyBudgetUsd": 1,
            "budgetSoftPercent": 90,
            "imagesMissingMinutes": 30,
            "metricsPerStream": True,
            "keep": {"records": "ALL", "fragments": "ALL"},
            "takeOverStreamSettings": True,
            "live": {"samplingInterval": 1000, "inferenceInterval": 5, "dropAfterSeconds": 60},
            "analysis": {
                "samplingInterval": 1000,
                "preRollSeconds": 5,
                "postRollSeconds": 5,
                "quietSeconds": 30,
                "settleSeconds": 60,
            },
            "imageGeneration": {
                "status": "ENABLED",
                "imageSelectorType": "PRODUCER_TIMESTAMP",
                "samplingInterval": 3000,
                "format": "JPEG",
                "jpegQuality": 80,
                "widthPixels": 640,
                "heightPixels": 480,
            },
            "notifications": {"status": "ENABLED"},
            "zones": [{"name": "porch", "polygon": [[0, 0], [1, 0], [1, 1]], "minimumOverlap": 0.5}],
            "rules": [
                {
                    "name": "people",
                    "class": "ALERT",
                    "labels": ["Person"],
                    "zones": ["porch"],
                    "minimumConfidence": 50,
                    "minimumArea": 0.1,
                    "maximumArea": 0.9,
                    "minimumAspectRatio": 0.1,
                    "maximumAspectRatio": 9,
                    "confirmation": {"frames": 1, "of": 2},
                    "dwellSeconds": 1,
                    "cooldownSeconds": 1,
                    "quietHours": [{"start": "22:00", "end": "06:00", "timeZone": "UTC", "days": ["MON"]}],
                    "tags": {"door": "open"},
                }
            ],
            "sessions": {
                "quietSeconds": 30,
                "longestSeconds": 900,
                "orderingSeconds": 5,
                "preRollSeconds": 5,
                "postRollSeconds": 5,
                "clip": True,
                "clipSettleSeconds": 5,
            },
            "stationary": {
                "enabled": True,
                "minimumOverlap": 0.7,
                "learnSeconds": 10,
                "afterSeconds": 60,
                "forgetSeconds": 3600,
            },
            "gate": {
                "mode": "ON",
                "method": "LUMA",
                "threshold": 1,
                "ignoredRegions": [[[0, 0], [1, 0], [1, 1]]],
                "minimumIntervalMilliseconds": 0,
                "maximumIntervalSeconds": 60,
            },
        }
    ],
}
Path_ = tuple[str | int, ...]


BREAKING: dict[str, Callable[[Any, Any], Any]] = {
    "minimum": lambda bound, _: bound - 1,
    "exclusiveMinimum": lambda bound, _: bound,
    "maximum": lambda bound, _: bound + 1,
    "enum": lambda *_: "SOMETHING ELSE",
    "const": lambda *_: "SOMETHING ELSE",
    "pattern": lambda *_: "§",
    "minLength": lambda *_: "",
    "maxLength": lambda bound, _: "x" * (bound + 1),
    "minItems": lambda bound, value: value[: bound - 1],
    "maxItems": lambda bound, value: (value * (bound + 1))[: bound + 1],
}


def _plain(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    """Resolves a reference, an optional value, or the alternative of this value's type."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "discriminator" in schema and isinstance(value, dict):
        return _plain({"$ref": schema["discriminator"]["mapping"][value["type"]]}, value)
    choices = [_plain(one, value) for one in schema.get("anyOf", [])]
    real = [one for one in choices if one.get("type") != "null"]
    return {**schema, **real[0]} if real else schema


def _broken(schema: dict[str, Any], value: Any, path: Path_) -> Iterator[tuple[Path_, str, Any]]:
    """Yields (path, constraint, a value that violates it) for everything below."""
    schema = _plain(schema, value)
    for constraint, breaking in BREAKING.items():
        if constraint in schema:
            yield path, constraint, breaking(schema[constraint], value)
    if isinstance(value, dict):
        yield from _broken_members(schema, value, path)
    if isinstance(value, list) and value:
        inner = schema["prefixItems"][0] if "prefixItems" in schema else schema["items"]
        yield from _broken(inner, value[0], (*path, 0))


def _broken_members(schema: dict[str, Any], value: dict[str, Any], path: Path_) -> Iterator[tuple[Path_, str, Any]]:
    for name in schema.get("required", []):
        yield (*path, name), "required", ...
    if schema.get("additionalProperties") is False:
        yield (*path, "misspelt"), "additionalProperties", 1
    members = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        members |= dict.fromkeys(value, schema["additionalProperties"])
    for name, member in members.items():
        if name in value:
            yield from _broken(member, value[name], (*path, name))
            wrong = 5 if isinstance(value[name], dict | list | str) else {"a": "b"}
            yield (*path, name), "type", wrong


CASES = [
    pytest.param(path, value, id=f"{'.'.join(map(str, path))}-{constraint}")
    for path, constraint, value in _broken(SCHEMA, WHOLE, ())
]


def test_the_whole_document_uses_every_field_and_is_valid() -> None:
    ConfigurationDocument.parse(json.dumps(WHOLE))

    used = set(_names(WHOLE))
    declared = {name for one in (SCHEMA, *SCHEMA["$defs"].values()) for name in one.get("properties", {})}
    assert declared - used == {"$schema", "kind", "by"}


def _names(node: Any) -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        yield str(key)
        yield from _names(value)


@pytest.mark.parametrize(("path", "value"), CASES)
def test_a_violated_constraint_is_rejected_at_its_path(path: Path_, value: Any) -> None:
    document = copy.deepcopy(WHOLE)
    node: Any = document
    for part in path[:-1]:
        node = node[part]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")

    with pytest.raises(InvalidConfigurationError) as caught:
        ConfigurationDocument.parse(json.dumps(document, indent=1))

    assert f": {place}" in str(caught.value)
