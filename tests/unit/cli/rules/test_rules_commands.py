"""`kinesight rules`: validation, summaries, and the document of a stack."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight.domain.rules.document import RulesDocument
from kinesight.domain.rules.refresh import DOCUMENT_KEY
from kinesight_cli.main import app
from kinesight_cli.rules.command import SAMPLE
from kinesight_cli.rules.summary import difference, summary
from moto import mock_aws
from typer.testing import CliRunner, Result

SQUARE = [[0, 0], [1, 0], [1, 1]]


def parsed(*cameras: dict[str, Any]) -> RulesDocument:
    return RulesDocument.parse(json.dumps({"schemaVersion": 1, "cameras": cameras}))


def camera(*streams: str, **more: Any) -> dict[str, Any]:
    return {"streams": streams or ["a"], "rules": [{"name": "people", "labels": ["Person"]}]} | more


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def stack() -> Any:
    """The bucket of a stack and the output that names it."""
    template = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "evidence"}}},
        "Outputs": {"EvidenceBucketName": {"Value": {"Ref": "Bucket"}}},
    }
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="kinesight", TemplateBody=json.dumps(template))
        yield boto3.client("s3")


class TestCheck:
    def test_a_valid_document_is_summarized(self, tmp_path: Path) -> None:
        result = run("rules", "check", str(SAMPLE))

        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            "3 cameras, 4 rules, 3 zones",
            "  front-door: rules visitor (Person in doorstep), parcel (Package or Box in doorstep); "
            "zones doorstep, street (excluded)",
            "  office-*, reception: rules after-hours (Person)",
            "  parking-*: rules vehicle (Car or Truck or Van in barrier); zones barrier",
        ]

    def test_every_problem_has_its_line(self, tmp_path: Path) -> None:
        file = tmp_path / "rules.json"
        file.write_text(
            '{\n"schemaVersion": 1,\n"cameras": [{"streams": ["a"],\n'
            '"rules": [{"name": "x", "minimumConfidence": 500,\n"lables": []}]}]}'
        )

        result = run("rules", "check", str(file))

        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            f"{file}: line 4: cameras[0].rules[0].minimumConfidence: Input should be less than or equal to 100",
            f"{file}: line 5: cameras[0].rules[0].lables: Extra inputs are not permitted",
        ]
        assert result.stdout == ""

    @pytest.mark.parametrize(
        ("text", "said"), [("{", "not valid JSON"), ("[]", "line 1: the document"), ("", "not valid JSON")]
    )
    def test_an_invalid_document_is_rejected(self, tmp_path: Path, text: str, said: str) -> None:
        file = tmp_path / "rules.json"
        file.write_text(text)

        result = run("rules", "check", str(file))

        assert result.exit_code == 1
        assert said in result.stderr

    def test_a_byte_order_mark_does_not_matter(self, tmp_path: Path) -> None:
        file = tmp_path / "rules.json"
        file.write_bytes(b"\xef\xbb\xbf" + SAMPLE.read_bytes())

        assert run("rules", "check", str(file)).exit_code == 0


class TestPutAndGet:
    def test_the_first_document(self, stack: Any) -> None:
        result = run("rules", "put", str(SAMPLE))

        assert result.exit_code == 0, result.stderr
        assert "the stack had no rules document" in result.stdout
        assert "within a minute" in result.stdout
        assert stack.get_object(Bucket="evidence", Key=DOCUMENT_KEY)["Body"].read() == SAMPLE.read_bytes()

    def test_get_prints_the_document_unchanged(self, stack: Any) -> None:
        run("rules", "put", str(SAMPLE))

        assert run("rules", "get").stdout == SAMPLE.read_text()

    def test_put_prints_the_change(self, stack: Any, tmp_path: Path) -> None:
        document = json.loads(SAMPLE.read_text())
        document["cameras"][0]["rules"][0]["minimumConfidence"] = 90
        file = tmp_path / "rules.json"
        file.write_text(json.dumps(document))
        run("rules", "put", str(SAMPLE))

        result = run("rules", "put", str(file))

        assert result.stdout.splitlines()[:2] == ["camera front-door changed", "  rule visitor changed"]

    def test_the_same_document_changes_nothing(self, stack: Any) -> None:
        run("rules", "put", str(SAMPLE))

        assert "no differences" in run("rules", "put", str(SAMPLE)).stdout

    def test_a_broken_document_in_the_bucket_can_be_replaced(self, stack: Any) -> None:
        stack.put_object(Bucket="evidence", Key=DOCUMENT_KEY, Body=b"{")

        result = run("rules", "put", str(SAMPLE))

        assert result.exit_code == 0
        assert "the current document is invalid" in result.stdout

    def test_an_invalid_document_is_not_stored(self, stack: Any, tmp_path: Path) -> None:
        run("rules", "put", str(SAMPLE))
        file = tmp_path / "rules.json"
        file.write_text('{"schemaVersion": 2, "cameras": []}')

        result = run("rules", "put", str(file))

        assert result.exit_code == 1
        assert "schemaVersion" in result.stderr
        assert stack.get_object(Bucket="evidence", Key=DOCUMENT_KEY)["Body"].read() == SAMPLE.read_bytes()

    def test_a_stack_without_a_document_names_the_parameters(self, stack: Any) -> None:
        result = run("rules", "get")

        assert result.exit_code == 1
        assert "Labels and MinimumConfidence" in result.stderr

    @pytest.mark.parametrize("words", [("get",), ("put", str(SAMPLE))])
    def test_a_missing_stack_is_named(self, stack: Any, words: tuple[str, ...]) -> None:
        result = run("rules", *words, "--stack", "unknown")

        assert result.exit_code == 1
        assert "there is no stack unknown in the Region us-east-1" in result.stderr
        assert "--stack" in result.stderr


class TestSample:
    def test_it_can_be_used(self) -> None:
        result = run("rules", "sample")

        assert RulesDocument.parse(result.stdout).camera("office-2") is not None
        assert json.loads(result.stdout)["$schema"] == "./rules.schema.json"
        assert (SAMPLE.parent / "rules.schema.json").exists()


class TestSummary:
    def test_a_rule_without_labels_is_for_all(self) -> None:
        assert summary(parsed(camera(rules=[{"name": "all"}]))) == [
            "1 camera, 1 rule, 0 zones",
            "  a: rules all (any label)",
        ]

    def test_an_empty_document(self) -> None:
        assert summary(parsed()) == ["0 cameras, 0 rules, 0 zones"]


DIFFERENCES: list[tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]] = [
    ([camera()], [camera()], []),
    ([camera()], [camera(), camera("b")], ["camera b added"]),
    ([camera(), camera("b")], [camera()], ["camera b removed"]),
    (
        [camera()],
        [camera(rules=[{"name": "dogs"}])],
        ["camera a changed", "  rule dogs added", "  rule people removed"],
    ),
    (
        [camera()],
        [camera(zones=[{"name": "gate", "polygon": SQUARE}])],
        ["camera a changed", "  zone gate added"],
    ),
    ([camera()], [camera(sessions={"quietSeconds": 9})], ["camera a changed", "  sessions changed"]),
    ([camera()], [camera(stationary={"enabled": False})], ["camera a changed", "  stationary changed"]),
    (
        [camera("a"), camera("b")],
        [camera("b"), camera("a")],
        ["the order of cameras changed: a stream uses the first that matches"],
    ),
    ([camera(), camera(rules=[{"name": "never"}])], [camera()], []),
]


@pytest.mark.parametrize(("before", "after", "lines"), DIFFERENCES)
def test_the_difference_is_printed(before: list[Any], after: list[Any], lines: list[str]) -> None:
    assert difference(parsed(*before), parsed(*after)) == lines
