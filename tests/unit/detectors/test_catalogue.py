"""The catalogue is the one list of detectors: its entries are whole, and what derives from it is current."""

import subprocess
import sys
from pathlib import Path

import pytest
from kinesight.domain.detectors.catalogue import DETECTORS, rekognition
from kinesight.domain.errors import InvalidSettingError
from kinesight.wiring import detectors

ROOT = Path(__file__).resolve().parents[3]


def test_every_entry_has_a_factory_and_every_factory_an_entry() -> None:
    assert detectors._FACTORIES.keys() == DETECTORS.keys()


@pytest.mark.parametrize("kind", DETECTORS)
def test_an_entry_names_its_required_parameters(kind: str) -> None:
    entry = DETECTORS[kind]
    required = {entry.settings.parameter(one) for one in entry.settings.required_fields()}

    assert required <= set(entry.parameters)


def test_settings_are_read_from_a_plain_mapping() -> None:
    values = {"face_collection_id": "staff", "face_match_threshold": "95", "bedrock_model_id": "not its own"}

    settings = rekognition.FACE_SEARCH.read(values)

    assert settings == rekognition.FaceSearchSettings(face_collection_id="staff", face_match_threshold=95)


def test_every_wrong_parameter_is_named() -> None:
    values = {"custom_labels_model_arn": "arn", "max_labels": "0", "minimum_confidence": 101}

    with pytest.raises(InvalidSettingError, match=r"MinimumConfidence: .*; MaxLabels: "):
        rekognition.CUSTOM_LABELS.read(values)


def test_the_tables_of_the_documentation_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/catalogue_tables.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
