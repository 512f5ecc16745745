"""Documents and parameters of the tests of `kinesight config`."""

import json
from typing import Any

from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight_cli.main import app
from typer.testing import CliRunner, Result

SQUARE = [[0, 0], [1, 0], [1, 1]]
PARAMETERS = {
    "Detector": "REKOGNITION_LABELS",
    "Labels": "Person, Car",
    "FaceCollectionId": "staff",
    "HttpModelUrl": "",
    "EvidenceRetentionDays": "30",
}
"""Parameters of a stack; a deployed one may have others."""


def a_document(*cameras: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schemaVersion": 1} | more | {"cameras": list(cameras)}


def parsed(*cameras: dict[str, Any], **more: Any) -> ConfigurationDocument:
    return ConfigurationDocument.parse(json.dumps(a_document(*cameras, **more)))


def camera(*streams: str, **more: Any) -> dict[str, Any]:
    return {"streams": list(streams) or ["a"], "rules": [{"name": "people", "labels": ["Person"]}]} | more


def run(*words: str, **more: Any) -> Result:
    return CliRunner().invoke(app, ["config", *words], **more)
