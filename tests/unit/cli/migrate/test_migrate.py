"""Conversion of KIT's parameters and of stream processors, field by field, with notes on the rest."""

import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.geometry import overlap
from kinesight.domain.model import BoundingBox, Detection
from kinesight_cli.main import app
from kinesight_cli.migrate.kit import migrate_kit
from kinesight_cli.migrate.migration import Migration, MigrationError, deploy_line, files, report
from kinesight_cli.migrate.rekognition import LABELS, migrate_rekognition
from kinesight_cli.migrate.stream_processor import StreamProcessor
from pydantic import BaseModel
from samcli.cli.types import CfnParameterOverridesType
from typer.testing import CliRunner

from tests.processors import FACE_SEARCH, HOME_WITH_PETS, HOME_WITH_REGIONS, KIT_PARAMETERS, MIGRATIONS, processor

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
CONTENT_TYPE = "detectors.main.sagemakerContentType"


def kit(**more: Any) -> Migration:
    return migrate_kit(json.dumps({"StreamNames": '"front"', "SageMakerEndpoint": "objects"} | more))


def at(migration: Migration, place: str) -> Any:
    """The value in the document, None if it has none."""
    found: Any = migration.document
    for part in place.split("."):
        found = None if found is None else found.get(part)
    return found


def of(migration: Migration) -> set[str]:
    return {note.setting for note in migration.notes}


class TestKitFields:
    def test_the_documented_template_as_it_is(self) -> None:
        migration = migrate_kit(json.dumps(KIT_PARAMETERS))

        assert migration.parameters == {
            "StreamNames": "front-door,parking",
            "TagFilters": '{"key":"Location","values":["Front","Parking"]}',
            "Detector": "SAGEMAKER",
            "SageMakerEndpointName": "object-detection-2018",
            "LiveStatus": "ENABLED",
            "ImageGenerationStatus": "DISABLED",
        }
        assert migration.document == {
            "schemaVersion": 1,
            "detectors": {"main": {"type": "SAGEMAKER", "sagemakerTimeoutMilliseconds": 20_000}},
            "defaults": {"detector": "main", "live": {"inferenceInterval": 6}},
            "results": {"format": "KIT"},
        }

    @pytest.mark.parametrize(
        ("name", "value", "parameter", "taken"),
        [
            ("StreamNames", "front", "StreamNames", "front"),
            ("StreamNames", '"front", "back"', "StreamNames", "front,back"),
            ("streamNames", ["front", "back"], "StreamNames", "front,back"),
            ("TagFilters", '{"key":"Place"}', "TagFilters", '{"key":"Place"}'),
            ("TagFilters", '{"key":"A"}, {"key":"B"}', "TagFilters", '[{"key":"A"},{"key":"B"}]'),
            ("TagFilters", '[{"key":"A"},{"key":"B"}]', "TagFilters", '[{"key":"A"},{"key":"B"}]'),
            ("tagFilters", [{"key": "A", "values": ["x"]}], "TagFilters", '{"key":"A","values":["x"]}'),
            ("TagFilters", "", "TagFilters", None),
            ("SageMakerEndpoint", "my-model", "SageMakerEndpointName", "my-model"),
            ("sageMakerEndpoint", "my-model", "SageMakerEndpointName", "my-model"),
        ],
    )
    def test_each_parameter(self, name: str, value: Any, parameter: str, taken: str | None) -> None:
        given = {"StreamNames": "front", "SageMakerEndpoint": "objects"}
        others = {key: one for key, one in given.items() if key.casefold() != name.casefold()}

        assert migrate_kit(json.dumps(others | {name: value})).parameters.get(parameter) == taken

    @pytest.mark.parametrize(
        ("name", "value", "place", "taken"),
        [
            ("EndPointAcceptContentType", "image/jpeg", CONTENT_TYPE, None),
            ("EndPointAcceptContentType", "image/png", CONTENT_TYPE, "image/png"),
            ("endPointAcceptContentType", "image/gif", CONTENT_TYPE, "image/gif"),
            ("EndPointAcceptContentType", "application/x-image", CONTENT_TYPE, "application/x-image"),
            ("inferenceInterval", 1, "defaults.live.inferenceInterval", 1),
            ("inferenceInterval", "12", "defaults.live.inferenceInterval", 12),
            ("sageMakerTaskThreadPoolSize", 8, "limits.liveWorkers", 8),
            ("sageMakerTaskThreadPoolSize", 200, "limits.liveWorkers", 50),
            ("sageMakerTaskQueueSize", 100, "limits.liveQueueSize", 100),
            ("sageMakerTaskQueueSize", 101, "limits.liveQueueSize", None),
            ("sageMakerTaskTimeoutInMilli", 20_000, "detectors.main.sagemakerTimeoutMilliseconds", 20_000),
            ("sageMakerTaskTimeoutInMilli", 120_000, "detectors.main.sagemakerTimeoutMilliseconds", None),
            ("sageMakerTaskTimeoutInMilli", 10, "detectors.main.sagemakerTimeoutMilliseconds", 1000),
        ],
    )
    def test_each_setting_of_the_document(self, name: str, value: Any, place: str, taken: Any) -> None:
        assert at(kit(**{name: value}), place) == taken

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("AppName", "kit"),
            ("DockerImageRepository", "528560246458.dkr.ecr.us-east-1.amazonaws.com/kit:V1.0.3"),
            ("LambdaFunctionBucket", "kvsit-us-east-1"),
            ("LambdaFunctionKey", "lambda.zip"),
            ("kdsStreamName", "kit-Kds-1"),
            ("sageMakerTaskThreadPoolName", "SageMakerThreadPool-%d"),
            ("sageMakerTaskQueueSize", 5000),
            ("sageMakerTaskThreadPoolSize", 51),
            ("sageMakerTaskTimeoutInMilli", 90_000),
        ],
    )
    def test_a_setting_without_an_equivalent_has_a_note(self, name: str, value: Any) -> None:
        assert name in of(kit(**{name: value}))

    def test_the_setting_that_keeps_everything_is_named_but_not_set(self) -> None:
        migration = migrate_kit(json.dumps(KIT_PARAMETERS))
        (text,) = (note.text for note in migration.notes if note.setting.startswith("Everything in S3"))
        (named,) = re.findall(r'"keep": \{[^}]*\}', text)

        document = ConfigurationDocument.parse(f'{{"schemaVersion": 1, "defaults": {{{named}}}}}')

        assert (document.defaults.keep.records, document.defaults.keep.fragments) == ("ALL", "ALL")
        assert "keep" not in (migration.document or {}).get("defaults", {})

    def test_several_filters_have_a_note(self) -> None:
        assert "Several TagFilters" in of(kit(TagFilters='{"key":"A"},{"key":"B"}'))

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"Streams": "x", "Foo": 1}, "KIT has no parameter Foo, Streams"),
            ({"StreamNames": '"front door"'}, "'front door' cannot be the name of a stream"),
            ({"StreamNames": ",".join(f"s{number}" for number in range(11))}, "11 names, Kinesight allows 10"),
            ({"StreamNames": ""}, "neither StreamNames nor TagFilters"),
            ({"SageMakerEndpoint": ""}, "SageMakerEndpoint has no value"),
            ({"SageMakerEndpoint": "arn:aws:sagemaker:x:1:endpoint/e"}, "the name of the endpoint, not its ARN"),
            ({"TagFilters": "Location=Front"}, "TagFilters is not valid JSON"),
            ({"TagFilters": '{"name":"Location"}'}, "TagFilters: 0.key"),
            ({"EndPointAcceptContentType": "image/webp"}, "KIT accepts image/jpeg"),
            ({"inferenceInterval": 0}, "an integer above 0"),
            ({"inferenceInterval": 1.5}, "an integer above 0"),
            ({"inferenceInterval": True}, "an integer above 0"),
            ({"sageMakerTaskQueueSize": "many"}, "sageMakerTaskQueueSize is 'many'"),
            ({"streamnames": "x"}, "several times"),
        ],
    )
    def test_an_error_names_what_is_wrong(self, more: dict[str, Any], said: str) -> None:
        with pytest.raises(MigrationError) as caught:
            kit(**more)
        assert said in str(caught.value)


PAIRS = [{"ParameterKey": name, "ParameterValue": value} for name, value in KIT_PARAMETERS.items()]


class TestKitForms:
    @pytest.mark.parametrize(
        "document",
        [PAIRS, {"Parameters": PAIRS}, {"Parameters": KIT_PARAMETERS}, {"Stacks": [{"Parameters": PAIRS}]}],
        ids=["command line", "object of pairs", "object", "describe-stacks"],
    )
    def test_all_formats_are_equal(self, document: Any) -> None:
        assert migrate_kit(json.dumps(document)) == migrate_kit(json.dumps(KIT_PARAMETERS))

    def test_the_text_of_its_ssm_parameter(self) -> None:
        text = """{"streamNames":["a","b"], "tagFilters":[],"sageMakerEndpoint":"objects",
           "endPointAcceptContentType": "image/jpeg",
           "kdsStreamName":"kit-Kds","inferenceInterval":3,"sageMakerTaskQueueSize":50,
           "sageMakerTaskThreadPoolSize":5,"sageMakerTaskTimeoutInMilli":5000,
           "sageMakerTaskThreadPoolName":"SageMakerThreadPool-%d"}"""

        migration = migrate_kit(text)
        parameters = migration.parameters

        assert parameters["StreamNames"] == "a,b"
        assert "TagFilters" not in parameters
        assert migration.document == {
            "schemaVersion": 1,
            "detectors": {"main": {"type": "SAGEMAKER", "sagemakerTimeoutMilliseconds": 5000}},
            "defaults": {"detector": "main", "live": {"inferenceInterval": 3}},
            "limits": {"liveWorkers": 5, "liveQueueSize": 50},
            "results": {"format": "KIT"},
        }

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Parameters:\n  StreamNames: x", "not valid JSON"),
            ("3", "it holds a int"),
            (json.dumps({"Resources": {}}), "the template itself"),
            (json.dumps(HOME_WITH_PETS), "kinesight migrate rekognition"),
            (json.dumps([{"Key": "StreamNames"}]), "lacks ParameterKey or ParameterValue"),
            (json.dumps({"Stacks": [{}, {}]}), "it describes 2 stacks"),
        ],
    )
    def test_another_kind_of_file_is_rejected(self, text: str, said: str) -> None:
        with pytest.raises(MigrationError) as caught:
            migrate_kit(text)
        assert said in str(caught.value)


class TestProcessorFields:
    def test_people_in_regions(self) -> None:
        migration = migrate_rekognition(json.dumps(HOME_WITH_REGIONS))

        assert migration.region == "eu-west-1"
        assert migration.parameters == {
            "StreamNames": "front-door",
            "ImageGenerationStatus": "DISABLED",
            "NotificationStatus": "ENABLED",
            "Detector": "REKOGNITION_LABELS",
            "Labels": "Person",
            "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        }
        document = ConfigurationDocument.parse(json.dumps(migration.document))
        assert document.defaults.minimum_confidence == 70
        (camera,) = document.cameras
        assert camera.streams == ("front-door",)
        assert [zone.polygon for zone in camera.zones] == [
            ((0.55, 0.2), (0.95, 0.2), (0.95, 1.0), (0.55, 1.0)),
            ((0.0, 0.0), (0.1, 0.0), (0.1, 0.2)),
        ]
        assert {zone.by for zone in camera.zones} == {"OVERLAP"}
        assert not camera.needs_order
        assert [(rule.name, rule.labels, rule.minimum_confidence, rule.zones) for rule in camera.rules] == [
            ("person", ("Person",), 70, ("region-1", "region-2"))
        ]

    def test_pets_alone_need_no_rules(self) -> None:
        migration = migrate_rekognition(json.dumps(HOME_WITH_PETS))

        assert migration.document == {"schemaVersion": 1, "defaults": {"minimumConfidence": 50}}
        assert migration.parameters["Labels"] == "Cat,Dog,Pet"

    def test_face_search(self) -> None:
        migration = migrate_rekognition(json.dumps(FACE_SEARCH))

        assert migration.parameters == {
            "StreamNames": "entrance",
            "ImageGenerationStatus": "DISABLED",
            "LiveStatus": "ENABLED",
            "Detector": "REKOGNITION_FACE_SEARCH",
            "FaceCollectionId": "staff",
        }
        assert migration.document == {
            "schemaVersion": 1,
            "detectors": {"main": {"type": "REKOGNITION_FACE_SEARCH", "faceMatchThreshold": 85.5}},
            "defaults": {"detector": "main"},
        }

    def test_face_search_in_a_region_has_detector_and_camera(self) -> None:
        regions = HOME_WITH_REGIONS["RegionsOfInterest"]

        text = processor(FaceSearch={"CollectionId": "staff", "FaceMatchThreshold": 90}, RegionsOfInterest=regions)

        document = ConfigurationDocument.parse(json.dumps(migrate_rekognition(text).document))
        assert document.defaults.detector == "main"
        assert [rule.name for camera in document.cameras for rule in camera.rules] == ["face"]

    @pytest.mark.parametrize(
        ("labels", "names"),
        [
            (["PERSON", "PET"], ["person", "pet"]),
            (["PET", "PERSON", "PET"], ["person", "pet"]),
            (["ALL"], ["person", "pet", "package"]),
            (["ALL", "PERSON"], ["person", "pet", "package"]),
        ],
    )
    def test_each_kind_has_a_rule(self, labels: list[str], names: list[str]) -> None:
        migration = migrate_rekognition(processor(Labels=labels))

        (camera,) = ConfigurationDocument.parse(json.dumps(migration.document)).cameras
        assert [rule.name for rule in camera.rules] == names
        assert [rule.labels for rule in camera.rules] == [LABELS[name.upper()] for name in names]

    @pytest.mark.parametrize(("given", "taken"), [(None, None), (0, None), (79.9, None), (99.5, 99.5)])
    def test_the_threshold_is_the_effective_one(self, given: float | None, taken: float | None) -> None:
        search = {"CollectionId": "staff"} | ({} if given is None else {"FaceMatchThreshold": given})

        migration = migrate_rekognition(processor(FaceSearch=search))

        assert at(migration, "detectors.main.faceMatchThreshold") == taken

    @pytest.mark.parametrize(
        ("key", "taken"),
        [
            ("arn:aws:kms:eu-west-1:123456789012:key/abc", "arn:aws:kms:eu-west-1:123456789012:key/abc"),
            ("1234-ab", "arn:aws:kms:eu-west-1:123456789012:key/1234-ab"),
            ("alias/cameras", None),
            ("arn:aws:kms:eu-west-1:123456789012:alias/cameras", None),
        ],
    )
    def test_a_key_gets_its_arn_or_a_note(self, key: str, taken: str | None) -> None:
        migration = migrate_rekognition(processor(KmsKeyId=key))

        assert migration.parameters.get("KmsKeyArn") == taken
        assert ("KmsKeyId" in of(migration)) is (taken is None)

    def test_every_setting_without_an_equivalent_has_a_note(self) -> None:
        home, faces = (of(migrate_rekognition(json.dumps(one))) for one in (HOME_WITH_REGIONS, FACE_SEARCH))

        everywhere = {"RoleArn", "Name"}
        assert home >= everywhere | {"Output.S3Destination", "NotificationChannel", "DataSharingPreference"}
        assert faces >= everywhere | {"Output.KinesisDataStream"}
        assert any(note.startswith("Sessions") for note in home)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (processor(Colour="red"), "Colour: unknown"),
            (processor(ConnectedHome={"Labels": ["PET"], "Maximum": 1}), "Settings.ConnectedHome.Maximum: unknown"),
            (processor(Labels=["CAR"]), "CAR is not one of PERSON, PET, PACKAGE, ALL"),
            (processor(Labels=[]), "Settings.ConnectedHome.Labels"),
            (processor(ConnectedHome={"Labels": ["PET"], "MinConfidence": 101}), "MinConfidence"),
            (processor(Settings={}), "either FaceSearch or ConnectedHome"),
            (processor(Input={"KinesisVideoStream": {"Arn": "arn:aws:s3:::x"}}), "Input.KinesisVideoStream.Arn"),
            (processor(RegionsOfInterest=[{}]), "RegionsOfInterest[0]: either BoundingBox or Polygon"),
            (processor(RegionsOfInterest=[{"Polygon": [{"X": 0, "Y": 0}]}]), "RegionsOfInterest[0].Polygon"),
            ("Name: x", "not valid JSON"),
            ("[]", "kinesight migrate kit"),
            (json.dumps({"Parameters": {}}), "kinesight migrate kit"),
            (json.dumps({"StreamProcessors": []}), "a list of stream processors"),
            ("{}", "does not describe a stream processor: run aws rekognition describe-stream-processor"),
        ],
    )
    def test_an_error_names_what_is_wrong(self, text: str, said: str) -> None:
        with pytest.raises(MigrationError) as caught:
            migrate_rekognition(text)
        assert said in str(caught.value)


def _same(shape: Any, model: type[BaseModel], where: str) -> None:
    """Every member of the service's shape is in ours, and no other."""
    ours = {field.alias or name: field for name, field in model.model_fields.items()}
    assert set(ours) == set(shape.members), where
    for name, member in shape.members.items():
        inner = member.member if member.type_name == "list" else member
        if inner.type_name == "structure":
            _same(inner, _model_in(ours[name].annotation), f"{where}.{name}")


def _model_in(annotation: Any) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(found for inner in annotation.__args__ if (found := _model_in_or_none(inner)))


def _model_in_or_none(annotation: Any) -> type[BaseModel] | None:
    inside = getattr(annotation, "__args__", ())
    if inside or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return _model_in(annotation)
    return None


def test_the_document_is_the_services_own() -> None:
    rekognition = botocore.session.get_session().get_service_model("rekognition")

    shape = rekognition.operation_model("DescribeStreamProcessor").output_shape
    _same(shape, StreamProcessor, "DescribeStreamProcessor")


# ---- Output --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("migration", MIGRATIONS.values(), ids=MIGRATIONS.keys())
def test_the_document_is_valid_and_permitted(migration: Migration) -> None:
    document = ConfigurationDocument.parse(json.dumps(migration.document or {"schemaVersion": 1}))

    settings = {
        name: kind for one in DETECTORS.values() for name in one.settings.model_fields for kind in [one.settings]
    }
    permitted = {name: migration.parameters.get(kind.parameter(name)) for name, kind in settings.items()}
    assert list(document.not_permitted(permitted)) == []


@pytest.mark.parametrize("migration", MIGRATIONS.values(), ids=MIGRATIONS.keys())
def test_sam_parses_the_command(migration: Migration) -> None:
    words = shlex.split(deploy_line(migration))

    overrides = tuple(words[words.index("--parameter-overrides") + 1 :])
    assert CfnParameterOverridesType().convert(overrides, None, None) == migration.parameters
    assert words[:2] == ["sam", "deploy"]


tag_values = st.text(st.characters(categories=["L", "N", "Zs"]) | st.sampled_from("_.:/=+-@"), min_size=1, max_size=30)
"""Characters that KVS allows (TagStream)."""


@settings(deadline=None)
@given(tag_values)
def test_any_tag_comes_through_sam(tag: str) -> None:
    migration = kit(TagFilters=json.dumps({"key": "k", "values": [tag]}))

    words = shlex.split(deploy_line(migration))
    overrides = tuple(words[words.index("--parameter-overrides") + 1 :])
    taken = CfnParameterOverridesType().convert(overrides, None, None)
    assert json.loads(taken["TagFilters"]) == {"key": "k", "values": [tag]}


shares = st.floats(0, 1)
places = st.floats(0, 0.95)
"""Of a box, which is never thinner than rounding may notice."""


@settings(deadline=None)
@given(shares, shares, st.floats(0.05, 1), st.floats(0.05, 1), places, places, st.floats(0.05, 1), st.floats(0.05, 1))
def test_a_region_keeps_what_is_more_than_half_in_it(
    left: float, top: float, width: float, height: float, x: float, y: float, wide: float, high: float
) -> None:
    """As the API says of a region: an object counts if more than half of it is inside."""
    region = {"BoundingBox": {"Left": left, "Top": top, "Width": width, "Height": height}}
    migration = migrate_rekognition(processor(Labels=["PERSON"], RegionsOfInterest=[region]))
    rules = Configuration.of((), 0, ConfigurationDocument.parse(json.dumps(migration.document)))
    box = BoundingBox(left=x, top=y, width=min(wide, 1 - x), height=min(high, 1 - y))
    corners = ((left, top), (left + width, top), (left + width, top + height), (left, top + height))
    inside = overlap(tuple((min(a, 1.0), min(b, 1.0)) for a, b in corners), box)

    found = Detection(label="Person", confidence=99, bounding_box=box)
    (matches,) = rules.of_stream("front-door").match([found], MOMENT)

    if abs(inside - 0.5) > 0.01:
        assert bool(matches.rules) is (inside > 0.5)


class TestCommand:
    def test_the_files_and_the_lines(self, tmp_path: Path) -> None:
        described, output = tmp_path / "processor.json", tmp_path / "moved"
        described.write_text(json.dumps(HOME_WITH_REGIONS))

        result = CliRunner().invoke(app, ["migrate", "rekognition", str(described), "--output", str(output)])

        assert result.exit_code == 0, result.stderr
        migration = MIGRATIONS["regions"]
        pairs = json.loads((output / "parameters.json").read_text())
        assert {one["ParameterKey"]: one["ParameterValue"] for one in pairs} == migration.parameters
        assert json.loads((output / "kinesight.json").read_text()) == migration.document
        assert deploy_line(migration) in result.stdout.splitlines()
        assert f"kinesight config put {output / 'kinesight.json'}" in result.stdout.splitlines()
        assert all(f"- {note.setting}: {note.text}" in result.stdout.splitlines() for note in migration.notes)
        assert (output / "report.md").read_text() == report(migration)

    def test_no_document_no_file(self) -> None:
        assert set(files(replace(MIGRATIONS["pets"], document=None))) == {"parameters.json", "report.md"}

    def test_an_invalid_file_ends_the_command(self, tmp_path: Path) -> None:
        wrong = tmp_path / "kit.json"
        wrong.write_text('{"Stream": "x"}')

        result = CliRunner().invoke(app, ["migrate", "kit", str(wrong), "--output", str(tmp_path / "out")])

        assert result.exit_code == 1
        assert "KIT has no parameter Stream" in result.stderr
        assert not (tmp_path / "out").exists()
