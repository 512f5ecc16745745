"""Every capture fits the schema, and a difference in any of its parts is a difference of facts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no types
import pytest
from kinesight_cli.verify.capture.model import Capture

from tests.parity.facts import facts

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = sorted(Path(__file__).with_name("captures").glob("*.json"))
OURS = CAPTURES[[one.name for one in CAPTURES].index("emulator.json")]


@pytest.mark.parametrize("file", CAPTURES, ids=lambda file: file.name)
def test_a_capture_fits_the_schema(file: Path) -> None:
    schema = json.loads((ROOT / "docs/capture.schema.json").read_text())

    jsonschema.Draft202012Validator(schema).validate(json.loads(file.read_text()))


def other_join(document: Any) -> None:
    for one in document["images"]:
        one["key"] = one["key"].replace("images/", "images")


def other_metadata(document: Any) -> None:
    document["images"][0]["metadata"]["aws_kinesisvideo_new"] = "1"


def seconds_in_notifications(document: Any) -> None:
    document["notifications"][0]["message"]["FragmentStartProducerTimestamp"] = "EPOCH_S"


def filled_in_default(document: Any) -> None:
    document["settings"][0]["described"]["WidthPixels"] = 640


def normalized_address(document: Any) -> None:
    document["settings"][0]["described"]["DestinationConfig"] = {"Uri": "s3://ImagesBucket/images/"}


def other_length(document: Any) -> None:
    document["fragments"][0]["lengthMs"] = 1999


def other_moment(document: Any) -> None:
    document["getImages"][0]["moments"][3]["atMs"] += 1


def other_clock(document: Any) -> None:
    for one in document["getMedia"]:
        one["millisBehindNow"] = one["ageMs"] + 5


def other_error(document: Any) -> None:
    document["errors"][0]["httpStatus"] = 400


CHANGES: tuple[Callable[[Any], None], ...] = (
    other_join,
    other_metadata,
    seconds_in_notifications,
    filled_in_default,
    normalized_address,
    other_length,
    other_moment,
    other_clock,
    other_error,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_difference_is_a_difference_of_facts(change: Callable[[Any], None]) -> None:
    text = OURS.read_text()
    document = json.loads(text)
    change(document)
    before, after = facts(Capture.model_validate_json(text)), facts(Capture.model_validate(document))

    assert len([name for name in before if before[name] != after[name]]) == 1
