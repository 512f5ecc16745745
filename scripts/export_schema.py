"""Writes the published JSON Schemas from the models: result records, the configuration document, and captures."""

import json
from pathlib import Path

from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.model import ResultRecord
from kinesight_cli.verify.capture.model import Capture

DOCS = Path(__file__).resolve().parent.parent / "docs"


def schemas() -> dict[str, str]:
    """By file name."""
    found = {
        "result-record.schema.json": ResultRecord.model_json_schema(by_alias=True, mode="serialization"),
        "configuration.schema.json": ConfigurationDocument.model_json_schema(by_alias=True),
        "capture.schema.json": Capture.model_json_schema(by_alias=True, mode="serialization"),
    }
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in found.items()}


if __name__ == "__main__":
    for name, text in schemas().items():
        (DOCS / name).write_text(text)
