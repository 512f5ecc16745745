"""`kinesight config` with a stack: its document, versions and parameters."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.stream_tags import TAGS_KEY
from kinesight_cli.config.command import SAMPLE
from kinesight_cli.shared import configuration_document
from kinesight_cli.shared.console import console
from moto import mock_aws

from tests.unit.cli.config.documents import PARAMETERS, a_document, camera, run


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have one line for each row."""
    monkeypatch.setattr(console, "_width", 300)


@pytest.fixture
def s3() -> Any:
    """A stack with an evidence bucket, versioned as the template's."""
    template = {
        "Parameters": {name: {"Type": "String", "Default": value} for name, value in PARAMETERS.items()},
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "evidence"}}},
        "Outputs": {"EvidenceBucketName": {"Value": {"Ref": "Bucket"}}},
    }
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="kinesight", TemplateBody=json.dumps(template))
        client = boto3.client("s3")
        client.put_bucket_versioning(Bucket="evidence", VersioningConfiguration={"Status": "Enabled"})
        yield client


def stored(s3: Any) -> str | None:
    """The text of the stack's document."""
    try:
        return str(s3.get_object(Bucket="evidence", Key=DOCUMENT_KEY)["Body"].read().decode())
    except s3.exceptions.NoSuchKey:
        return None


def write(s3: Any, document: Any, key: str = DOCUMENT_KEY) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    s3.put_object(Bucket="evidence", Key=key, Body=text.encode())
    return text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kinesight.json"
    path.write_text(json.dumps(a_document(camera())))
    return path


class TestSample:
    def test_it_is_a_valid_document(self) -> None:
        assert run("sample").stdout == SAMPLE.read_text()
        assert ConfigurationDocument.parse(run("sample").stdout).cameras

    def test_it_names_the_schema(self) -> None:
        schema = json.loads(run("sample").stdout)["$schema"]

        assert (SAMPLE.parent / schema).exists()

    def test_its_yaml_is_the_same_document(self) -> None:
        assert yaml.safe_load(run("sample", "--yaml").stdout) == json.loads(SAMPLE.read_text())


class TestCheck:
    def test_a_valid_document_is_summarized(self, file: Path) -> None:
        result = run("check", str(file))

        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines() == ["1 camera, 1 rule, 0 zones", "  a: rules people (Person)"]

    def test_every_problem_has_its_line_and_path(self, file: Path) -> None:
        file.write_text(
            '{\n"schemaVersion": 1,\n"cameras": [{"streams": ["a"],\n'
            '"rules": [{"name": "x", "minimumConfidence": 500,\n"lables": []}]}]}'
        )

        result = run("check", str(file))

        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.splitlines() == [
            f"error: {file} is not a valid configuration document:",
            f"{file}: line 4: cameras[0].rules[0].minimumConfidence: Input should be less than or equal to 100",
            f"{file}: line 5: cameras[0].rules[0].lables: Extra inputs are not permitted",
        ]

    def test_markup_in_a_document_is_text(self, file: Path) -> None:
        file.write_text(json.dumps(a_document(camera(rules=[{"name": "[red]x[/red]"}]))))

        assert "rules [red]x[/red] (any label)" in run("check", str(file)).stdout

    def test_without_a_stack_the_permissions_are_not_checked(self, file: Path) -> None:
        file.write_text(json.dumps(a_document(detectors={"own": {"type": "HTTP", "httpModelUrl": "https://m"}})))

        assert run("check", str(file)).exit_code == 0

    def test_the_parameters_of_a_stack_permit_a_detector(self, s3: Any, file: Path) -> None:
        detectors = {"faces": {"type": "REKOGNITION_FACE_SEARCH", "faceCollectionId": "staff"}}
        file.write_text(json.dumps(a_document(camera(detector="faces"), detectors=detectors)))

        assert run("check", str(file), "--stack", "kinesight").exit_code == 0

    def test_a_detector_that_the_stack_does_not_permit_has_its_line(self, s3: Any, file: Path) -> None:
        detectors = {"faces": {"type": "REKOGNITION_FACE_SEARCH", "faceCollectionId": "others"}}
        file.write_text(json.dumps(a_document(camera(), detectors=detectors), indent=1))

        result = run("check", str(file), "--stack", "kinesight")

        assert result.exit_code == 1
        assert (
            f"{file}: line 6: detectors.faces.faceCollectionId: 'others' is not permitted: add it to the "
            "parameter FaceCollectionId"
        ) in result.stderr.splitlines()


class TestPut:
    def test_the_first_document(self, s3: Any, file: Path) -> None:
        result = run("put", str(file))

        assert result.exit_code == 0, result.stderr
        assert result.stdout.splitlines() == [
            "the stack has no configuration document",
            "1 camera, 1 rule, 0 zones",
            "  a: rules people (Person)",
            f"{file} becomes the configuration document of the stack kinesight within a minute",
        ]
        assert stored(s3) == file.read_text()

    def test_the_changes_are_printed(self, s3: Any, file: Path) -> None:
        write(s3, a_document(camera(labels=["Dog"])))

        lines = run("put", str(file)).stdout.splitlines()

        assert lines[:2] == ["camera a changed", '  labels: ["Dog"] → not set']
        assert stored(s3) == file.read_text()

    def test_the_same_document_is_not_written_again(self, s3: Any, file: Path) -> None:
        run("put", str(file))
        result = run("put", str(file))

        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "nothing was written")
        assert len(json.loads(run("history", "--json").stdout)) == 1

    def test_yaml_is_stored_as_json(self, s3: Any, tmp_path: Path) -> None:
        file = tmp_path / "kinesight.yml"
        file.write_text("schemaVersion: 1\ndefaults:\n  followUp: {detector: REKOGNITION_FACES, on: CROP}\n")

        assert run("put", str(file)).exit_code == 0
        assert json.loads(stored(s3) or "") == {
            "schemaVersion": 1,
            "defaults": {"followUp": {"detector": "REKOGNITION_FACES", "on": "CROP"}},
        }

    def test_an_invalid_document_in_the_bucket_can_be_replaced(self, s3: Any, file: Path) -> None:
        write(s3, "{")

        result = run("put", str(file))

        assert result.exit_code == 0
        assert "the document of the stack is invalid" in result.stdout

    @pytest.mark.parametrize(
        "text",
        [
            '{"schemaVersion": 2, "cameras": []}',
            json.dumps(a_document(detectors={"own": {"type": "HTTP", "httpModelUrl": "https://m"}})),
            json.dumps(a_document(camera(detector="HTTP"))),
        ],
        ids=["invalid", "not permitted", "without its parameter"],
    )
    def test_what_would_not_work_is_not_stored(self, s3: Any, file: Path, text: str) -> None:
        before = write(s3, a_document(camera()))
        file.write_text(text)

        result = run("put", str(file))

        assert result.exit_code == 1
        assert f"{file}: line 1: " in result.stderr
        assert stored(s3) == before


class TestGet:
    def test_the_document_is_printed_unchanged(self, s3: Any) -> None:
        text = write(s3, '{ "schemaVersion" :1,\n\n"cameras": [ ] }\n')

        assert run("get").stdout == text

    def test_overridden_parameters_are_named_on_standard_error(self, s3: Any) -> None:
        write(s3, a_document(defaults={"labels": ["Dog"], "gate": {"mode": "ON"}, "live": {"samplingInterval": 500}}))

        assert run("get").stderr == "the document overrides the parameters Labels\n"

    def test_without_defaults_nothing_is_overridden(self, s3: Any) -> None:
        write(s3, a_document(camera(labels=["Dog"])))

        assert run("get").stderr == ""

    def test_an_invalid_document_is_printed(self, s3: Any) -> None:
        write(s3, "{")

        assert (run("get").exit_code, run("get").stdout) == (0, "{\n")

    def test_yaml_is_the_same_document(self, s3: Any) -> None:
        document = a_document(camera(), defaults={"followUp": {"detector": "REKOGNITION_FACES", "on": "CROP"}})
        write(s3, document)

        assert yaml.safe_load(run("get", "--yaml").stdout) == document

    def test_a_document_that_is_not_json_has_no_yaml(self, s3: Any) -> None:
        write(s3, "{")

        result = run("get", "--yaml")

        assert (result.exit_code, result.stdout) == (1, "")
        assert "not valid JSON" in result.stderr

    def test_a_stack_without_a_document(self, s3: Any) -> None:
        result = run("get")

        assert result.exit_code == 1
        assert "its parameters alone apply. Add a document with `kinesight config put`" in result.stderr

    @pytest.mark.parametrize("words", [("--yaml", "--json"), ("--tags", "A=b")])
    def test_options_that_do_not_go_together(self, words: tuple[str, ...]) -> None:
        assert run("get", *words).exit_code == 2


class TestGetCamera:
    def test_json_has_settings_and_origins(self, s3: Any) -> None:
        write(s3, a_document(camera("b"), camera(minimumConfidence=99), defaults={"gate": {"mode": "ON"}}))

        found = json.loads(run("get", "--camera", "a", "--json").stdout)

        assert found.keys() == {"camera", "origins"}
        assert found["camera"]["gate"]["mode"] == "ON"
        assert found["camera"]["labels"] == ["Person", "Car"]
        origins = ("minimumConfidence", "gate.mode", "labels", "sessions.quietSeconds", "rules")
        assert [found["origins"][path] for path in origins] == [
            "cameras[1]",
            "defaults",
            "parameter Labels",
            "schema default",
            "cameras[1]",
        ]

    def test_yaml_is_the_same(self, s3: Any) -> None:
        write(s3, a_document(camera()))

        json_text, yaml_text = (run("get", "--camera", "a", form).stdout for form in ("--json", "--yaml"))
        assert yaml.safe_load(yaml_text) == json.loads(json_text)

    def test_the_table_names_the_entry_that_applies(self, s3: Any) -> None:
        write(s3, a_document(camera("b"), camera("a*")))

        lines = run("get", "--camera", "a1").stdout.splitlines()

        assert lines[0] == "a1: cameras[1] of the document applies"
        assert any("people (Person)" in line and "cameras[1]" in line for line in lines)
        assert any("detector" in line and "parameter Detector" in line for line in lines)

    def test_without_a_document_the_parameters_apply(self, s3: Any) -> None:
        result = run("get", "--camera", "a", "--json")

        assert result.exit_code == 0
        assert json.loads(result.stdout)["camera"]["labels"] == ["Person", "Car"]

    def test_stored_tags_decide(self, s3: Any) -> None:
        write(s3, a_document({"streamTags": "Location=Front", "labels": ["Dog"]}))
        write(s3, {"a": {"Location": "Front"}}, TAGS_KEY)

        assert "a (tags Location=Front): cameras[0] of the document applies" in run("get", "--camera", "a").stdout
        assert "b (no tags): no camera of the document applies" in run("get", "--camera", "b").stdout

    def test_the_option_precedes_stored_tags(self, s3: Any) -> None:
        write(s3, a_document({"streamTags": "Location=Front,Floor=1"}))
        write(s3, "invalid", TAGS_KEY)

        assert "cameras[0] of" in run("get", "--camera", "a", "--tags", "Location=Front, Floor=1").stdout
        assert "no camera of" in run("get", "--camera", "a", "--tags", "Location=Front").stdout

    def test_stored_tags_that_are_invalid_are_named(self, s3: Any) -> None:
        write(s3, a_document({"streamTags": "Location=Front"}))
        write(s3, "invalid", TAGS_KEY)

        result = run("get", "--camera", "a")

        assert result.exit_code == 1
        assert f"s3://evidence/{TAGS_KEY} has 1 invalid values" in result.stderr

    def test_tags_without_a_value_are_refused(self) -> None:
        assert "is not NAME=VALUE" in run("get", "--camera", "a", "--tags", "Location").stderr

    def test_an_invalid_document_is_reported(self, s3: Any) -> None:
        write(s3, '{"schemaVersion": 1, "cameras": 5}')

        result = run("get", "--camera", "a")

        assert result.exit_code == 1
        assert "the document of the stack kinesight: line 1: cameras: Input should be a valid tuple" in result.stderr


class TestDiff:
    def test_equal_documents_exit_with_0(self, s3: Any, file: Path) -> None:
        write(s3, json.dumps(a_document(camera()), indent=4))

        result = run("diff", str(file))

        assert (result.exit_code, result.stdout) == (0, "no differences from the document of the stack\n")

    def test_differences_exit_with_1_and_change_nothing(self, s3: Any, file: Path) -> None:
        before = write(s3, a_document(camera(), camera("b")))

        result = run("diff", str(file))

        assert (result.exit_code, result.stdout) == (1, "camera b removed\n")
        assert stored(s3) == before

    @pytest.mark.parametrize("text", [None, "{"])
    def test_without_a_valid_document_everything_differs(self, s3: Any, file: Path, text: str | None) -> None:
        if text is not None:
            write(s3, text)

        result = run("diff", str(file))

        assert result.exit_code == 1
        assert "  a: rules people (Person)" in result.stdout


def history() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("history", "--json").stdout)
    return found


class TestVersions:
    def test_the_newest_comes_first(self, s3: Any) -> None:
        write(s3, "another document", f"{DOCUMENT_KEY}.backup")
        texts = [write(s3, a_document(camera(f"camera-{'x' * index}"))) for index in range(3)]

        found = history()

        assert [one["sizeBytes"] for one in found] == [len(text) for text in reversed(texts)]
        assert [one["isCurrent"] for one in found] == [True, False, False]
        assert len({one["versionId"] for one in found}) == 3
        assert datetime.fromisoformat(found[0]["modifiedAt"]).tzinfo is not None

    def test_the_table_has_a_row_for_each(self, s3: Any) -> None:
        write(s3, a_document(camera()))
        run("delete", "--yes")

        printed = run("history").stdout

        assert all(one["versionId"] in printed and one["modifiedAt"] in printed for one in history())
        assert "deleted, current" in printed

    def test_a_stack_that_never_had_a_document(self, s3: Any) -> None:
        assert run("history").stdout == "the stack has never had a configuration document\n"
        assert history() == []

    def test_an_earlier_version_becomes_the_newest(self, s3: Any) -> None:
        first = write(s3, a_document(camera()))
        write(s3, a_document(camera(), camera("b")))
        version = history()[1]["versionId"]

        result = run("rollback", version)

        assert result.exit_code == 0, result.stderr
        assert result.stdout.splitlines() == [
            "camera b removed",
            f"version {version} becomes the configuration document of the stack kinesight within a minute",
        ]
        assert stored(s3) == first
        assert len(history()) == 3

    def test_a_deleted_document_is_restored(self, s3: Any) -> None:
        text = write(s3, a_document(camera()))
        run("delete", "--yes")

        assert run("rollback", history()[1]["versionId"]).exit_code == 0
        assert stored(s3) == text

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "not valid JSON"),
            ('{"schemaVersion": 2}', "line 1: schemaVersion: Input should be 1"),
            (json.dumps(a_document(camera(detector="HTTP"))), "set the parameter HttpModelUrl, which HTTP needs"),
        ],
    )
    def test_an_invalid_version_is_not_restored(self, s3: Any, text: str, said: str) -> None:
        write(s3, text)
        current = write(s3, a_document(camera()))
        version = history()[1]["versionId"]

        result = run("rollback", version)

        assert result.exit_code == 1
        assert f"version {version} is not a valid configuration document" in result.stderr
        assert said in result.stderr
        assert stored(s3) == current

    def test_a_version_that_does_not_exist_is_named(self, s3: Any) -> None:
        write(s3, a_document(camera()))

        result = run("rollback", "ab" * 16)

        assert result.exit_code == 1
        assert "has no version abab" in result.stderr
        assert "`kinesight config history`" in result.stderr

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("NoSuchVersion", "has no version ab: `kinesight config history` lists its versions"),
            ("InvalidArgument", "has no version ab"),
            ("MethodNotAllowed", "version ab is a deletion, not a document"),
            ("AccessDenied", "Grant this action to the profile"),
        ],
    )
    def test_each_error_of_s3_has_a_next_step(
        self, s3: Any, monkeypatch: pytest.MonkeyPatch, code: str, said: str
    ) -> None:
        """Moto returns NoSuchVersion for a deletion."""
        error = ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")
        monkeypatch.setattr(configuration_document, "_client", lambda: S3WithError(error))

        result = run("rollback", "ab")

        assert result.exit_code == 1
        assert said in result.stderr


class S3WithError:
    """S3 that reads nothing."""

    def __init__(self, error: ClientError) -> None:
        self._error = error

    def get_object(self, **_: Any) -> Any:
        raise self._error


class TestDelete:
    def test_the_parameters_alone_apply(self, s3: Any) -> None:
        write(s3, a_document(camera()))

        result = run("delete", "--yes")

        assert result.exit_code == 0
        assert "its parameters alone apply" in result.stdout
        assert stored(s3) is None

    @pytest.mark.parametrize(("typed", "remains"), [("y\n", False), ("n\n", True), ("\n", True), ("", True)])
    def test_it_is_confirmed(self, s3: Any, typed: str, remains: bool) -> None:
        write(s3, a_document(camera()))

        result = run("delete", input=typed)

        assert "Delete the configuration document of the stack kinesight?" in result.stderr
        assert (result.exit_code, stored(s3) is not None) == (int(remains), remains)

    def test_without_a_document_there_is_nothing_to_delete(self, s3: Any) -> None:
        assert run("delete", "--yes").exit_code == 1
        assert history() == []


@pytest.mark.parametrize(
    "words",
    [
        ("check", str(SAMPLE)),
        ("put", str(SAMPLE)),
        ("get",),
        ("get", "--camera", "a"),
        ("diff", str(SAMPLE)),
        ("history",),
        ("rollback", "ab"),
        ("delete", "--yes"),
    ],
    ids=" ".join,
)
def test_a_missing_stack_is_named(s3: Any, words: tuple[str, ...]) -> None:
    result = run(*words, "--stack", "unknown")

    assert result.exit_code == 1
    assert "there is no stack unknown in the Region us-east-1" in result.stderr
    assert "--stack" in result.stderr
