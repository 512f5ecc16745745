"""Writes docs/result-record.schema.json from the model."""

import json
from pathlib import Path

from kinesight.domain.model import ResultRecord

TARGET = Path(__file__).resolve().parent.parent / "docs" / "result-record.schema.json"


def schema() -> str:
    return json.dumps(ResultRecord.model_json_schema(by_alias=True, mode="serialization"), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(schema())
