"""`kinesight migrate parameters`: kinds of files, what is written, and the commands that it prints."""

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight_cli.main import app
from kinesight_cli.migrate.migration import MigrationError, overrides
from kinesight_cli.migrate.parameter_file import read_parameters
from kinesight_cli.migrate.stack_parameters import migrate_parameters
from samcli.cli.types import CfnParameterOverridesType
from typer.testing import CliRunner

GIVEN = {"StreamNames": "front,back", "TagFilters": '{"key":"a b"}', "Labels": "", "FrameGate": "ON"}
KEPT = {name: value for name, value in GIVEN.items() if name != "FrameGate"}
PAIRS = [{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN.items()]
STACK = {
    "StackName": "cameras",
    "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/cameras/1",
    "Parameters": PAIRS,
}
OVERRIDES = (
    r"""StreamNames=front,back TagFilters="{\"key\":\"a b\"}" Labels="" ParameterKey=FrameGate,ParameterValue=ON"""
)


def toml(value: Any, table: str = "default.deploy.parameters") -> str:
    return f'version = 0.1\n[{table}]\nregion = "eu-west-1"\nparameter_overrides = {json.dumps(value)}\n'


class TestClassNames:
    ADDRESS = "s3://models/names.txt"
    GIVEN = json.dumps({"Detector": "HTTP", "ModelLabels": "a,b", "ModelLabelsUri": ADDRESS})

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ('["cat", "tench, Tinca"]', ["cat", "tench, Tinca"]),
            ('{"1": "person", "3": " dog"}', ["", "person", "", "dog"]),
            ("cat\ndog\n\nbird\n", ["cat", "dog", "", "bird"]),
        ],
    )
    def test_a_file_in_its_three_forms_precedes_names_of_the_parameter(self, text: str, names: list[str]) -> None:
        found = migrate_parameters(self.GIVEN, class_names=text)

        assert json.loads(found.files["kinesight.json"])["detectors"]["main"] == {"type": "HTTP", "classNames": names}
        assert found.places["ModelLabelsUri"] == "detectors.main.classNames"
        assert "ModelLabelsUri" not in found.files["parameters.json"]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[1]", "class 0"),
            ('{"0": null}', "class 0"),
            ("{", "not valid JSON"),
            ("[" * 100_000, "not valid JSON"),
            ('{"person": "Person"}', "'person', which is not a class from 0 to 9999"),
            ('{"10000": "x"}', "'10000', which is not a class"),
            ("x\n" * 10_001, "ModelLabelsUri: the configuration document does not accept detectors.main.classNames"),
        ],
    )
    def test_files_without_names(self, text: str, said: str) -> None:
        with pytest.raises(MigrationError) as caught:
            migrate_parameters(self.GIVEN, class_names=text)
        assert said in str(caught.value)

    def test_the_address_alone_is_an_error_with_the_next_step(self) -> None:
        with pytest.raises(MigrationError, match=rf"aws s3 cp {self.ADDRESS} class-names, and add --class-names"):
            migrate_parameters(self.GIVEN)

    def test_a_detector_without_class_names_needs_no_file(self) -> None:
        found = migrate_parameters(json.dumps({"ModelLabelsUri": self.ADDRESS}))

        assert found.places == {"ModelLabelsUri": "omitted: REKOGNITION_LABELS has no classNames"}

    def test_a_file_without_its_parameter_is_an_error(self) -> None:
        with pytest.raises(MigrationError, match="leave out --class-names"):
            migrate_parameters(json.dumps({"Detector": "HTTP", "ModelLabelsUri": ""}), class_names="cat")

    def test_the_command_reads_the_file(self, tmp_path: Path) -> None:
        given, names, output = tmp_path / "given.json", tmp_path / "names", tmp_path / "out"
        given.write_text(self.GIVEN)
        names.write_text("cat\n")
        words = ["migrate", "parameters", str(given), "--class-names", str(names), "--output", str(output)]

        assert CliRunner().invoke(app, words).exit_code == 0
        assert json.loads((output / "kinesight.json").read_text())["detectors"]["main"]["classNames"] == ["cat"]


class TestFiles:
    @pytest.mark.parametrize(
        "text",
        [
            json.dumps(PAIRS),
            json.dumps({"Parameters": PAIRS}),
            json.dumps({"Stacks": [STACK]}),
            json.dumps(GIVEN),
            json.dumps({"Parameters": GIVEN}),
            toml(OVERRIDES),
            toml([OVERRIDES]),
            toml(overrides(GIVEN)),
            toml(overrides(GIVEN), "default.global.parameters"),
        ],
        ids=["list", "object of pairs", "describe-stacks", "object", "Parameters", "text", "texts", "list", "global"],
    )
    def test_all_kinds_have_the_same_parameters_and_are_written_back(self, text: str) -> None:
        file = read_parameters(text)

        assert file.parameters == GIVEN
        assert read_parameters(file.render(KEPT)).parameters == KEPT
        assert file.name == ("samconfig.toml" if text.startswith("version") else "parameters.json")

    @pytest.mark.parametrize("document", [PAIRS, GIVEN, {"Parameters": GIVEN}], ids=["list", "object", "Parameters"])
    def test_json_keeps_its_form(self, document: Any) -> None:
        assert json.loads(read_parameters(json.dumps(document)).render(GIVEN)) == document

    def test_values_that_are_not_text(self) -> None:
        given = {
            "StreamNames": ["a", "b"],
            "MaxLabels": 60,
            "EnableViewer": True,
            "Labels": None,
            "TagFilters": {"k": 1},
        }

        assert read_parameters(json.dumps(given)).parameters == {
            "StreamNames": "a,b",
            "MaxLabels": "60",
            "EnableViewer": "true",
            "Labels": "",
            "TagFilters": '{"k":1}',
        }

    def test_deploy_precedes_global(self) -> None:
        text = toml(["Detector=HTTP"], "prod.global.parameters") + toml(["Detector=BEDROCK"], "prod.deploy.parameters")

        file = read_parameters(text.replace("version = 0.1\n", ""), "prod")

        assert file.parameters == {"Detector": "BEDROCK"}
        assert "[prod.deploy.parameters]" in file.render({})
        assert file.sam_options == ("--config-env", "prod")

    def test_a_table_of_overrides(self) -> None:
        text = "[default.deploy.parameters.parameter_overrides]\nMaxLabels = 60\nStreamNames = ['a', 'b']\n"

        assert read_parameters(text).parameters == {"MaxLabels": "60", "StreamNames": "a,b"}

    @pytest.mark.parametrize(
        ("text", "environment", "said"),
        [
            ("Parameters:\n  A: x", "default", "neither valid JSON"),
            ("3", "default", "it holds a int"),
            ("[]", "default", "it is empty"),
            ('{"Stacks": [{}, {}]}', "default", "it describes 2 stacks"),
            ('[{"ParameterKey": "A", "UsePreviousValue": true}]', "default", "lacks ParameterKey or ParameterValue"),
            (json.dumps(GIVEN), "prod", "leave out --environment"),
            (toml("A=b"), "prod", "the file has no environment prod; it has default"),
            (
                toml("A=b", "prod.global.parameters") + "[default.deploy]\n",
                "default",
                "the environments prod have them",
            ),
            ("default = 3\n", "default", "no environment default; it has none"),
            ("[default]\ndeploy = 3\n", "default", "no environment has them"),
            (toml("Labels= A=b"), "default", "parameter_overrides has 'Labels=', which is not Name=Value"),
            (toml("file://x.json"), "default", "pass a file that is included"),
            (toml('Labels="open'), "default", "is not Name=Value"),
        ],
    )
    def test_another_file_is_rejected(self, text: str, environment: str, said: str) -> None:
        with pytest.raises(MigrationError) as caught:
            read_parameters(text, environment)
        assert said in str(caught.value)

    @settings(deadline=None)
    @given(
        st.dictionaries(
            st.from_regex(r"[A-Z][A-Za-z0-9]{0,9}", fullmatch=True), st.text("aé '\"{}:,=[]*\u00a0"), min_size=1
        )
    )
    def test_values_are_read_as_sam_reads_them(self, parameters: dict[str, str]) -> None:
        written = overrides(parameters)

        assert CfnParameterOverridesType().convert(tuple(written), None, None) == parameters
        assert read_parameters(toml(written)).parameters == parameters
        assert read_parameters(toml(" ".join(written))).parameters == parameters


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "given"

    def run(self, file: Path, text: str, *options: str) -> Any:
        file.write_text(text)
        line = ["migrate", "parameters", str(file), "--output", str(file.parent / "moved"), *options]
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, line)

    def test_output_of_describe_stacks(self, file: Path, tmp_path: Path) -> None:
        result = self.run(file, json.dumps({"Stacks": [STACK]}))

        assert result.exit_code == 0, result.stderr
        pairs = json.loads((tmp_path / "moved/parameters.json").read_text())
        assert {one["ParameterKey"]: one["ParameterValue"] for one in pairs} == KEPT
        document = json.loads((tmp_path / "moved/kinesight.json").read_text())
        assert document == {"schemaVersion": 1, "defaults": {"gate": {"mode": "ON"}}}
        put, build, deploy = result.stdout.splitlines()[-3:]
        path = tmp_path / "moved/kinesight.json"
        assert put == f"kinesight config put {path} --stack cameras --region eu-west-1"
        assert build == "sam build"
        words = shlex.split(deploy)
        assert words[:7] == [
            "sam",
            "deploy",
            "--stack-name",
            "cameras",
            "--region",
            "eu-west-1",
            "--parameter-overrides",
        ]
        assert CfnParameterOverridesType().convert(tuple(words[7:]), None, None) == KEPT

    def test_json_has_the_places_and_the_commands(self, file: Path) -> None:
        found = json.loads(self.run(file, json.dumps(GIVEN), "--json").stdout)

        assert found["places"] == dict.fromkeys(KEPT, "parameter") | {"FrameGate": "defaults.gate.mode"}
        assert (len(found["files"]), found["commands"][-1].split()[:2]) == (2, ["sam", "deploy"])

    def test_a_row_for_each_parameter(self, file: Path) -> None:
        result = self.run(file, json.dumps(GIVEN))

        rows = {
            cells[1].strip(): cells[3].strip() for line in result.stdout.splitlines() if (cells := line.split("│"))[4:]
        }
        assert rows == dict.fromkeys(KEPT, "parameter") | {"FrameGate": "defaults.gate.mode"}

    def test_an_environment_of_samconfig(self, file: Path, tmp_path: Path) -> None:
        result = self.run(file, toml(OVERRIDES, "prod.global.parameters"), "--environment", "prod")

        assert result.exit_code == 0, result.stderr
        written = tomllib.loads((tmp_path / "moved/samconfig.toml").read_text())
        assert written["prod"]["global"]["parameters"] == {"parameter_overrides": overrides(KEPT)}
        assert "sam deploy --config-env prod --region eu-west-1 --parameter-overrides " in result.stdout

    def test_notes_on_messages_that_go_elsewhere(self, file: Path) -> None:
        given = {"SessionEventBus": "security", "IotTopic": "home/cameras"}

        text = self.run(file, json.dumps(given)).stdout
        notes = {
            one["setting"]: one["text"]
            for one in json.loads(self.run(file, json.dumps(given), "--json").stdout)["notes"]
        }

        assert "has the bus security as target" in notes["SessionEventBus"]
        assert "kinesight/<stack name>/home/cameras/<stream name>" in notes["IotTopic"]
        assert all(f"- {name}: {note}" in text for name, note in notes.items())
        unchanged = self.run(file, json.dumps({"SessionEventBus": "default", "IotTopic": ""}), "--json").stdout
        assert json.loads(unchanged)["notes"] == []

    def test_nothing_moved(self, file: Path, tmp_path: Path) -> None:
        result = self.run(file, json.dumps(KEPT))

        assert sorted(one.name for one in (tmp_path / "moved").iterdir()) == ["parameters.json"]
        assert "config put" not in result.stdout

    def test_all_of_them_moved(self) -> None:
        migration = migrate_parameters('{"FrameGate": "ON"}')

        assert migration.commands(Path("out"))[-1] == "sam deploy"

    def test_unknown_names_are_an_error(self, file: Path, tmp_path: Path) -> None:
        result = self.run(file, json.dumps(GIVEN | {"Colour": "red", "AppName": "kit"}))

        assert result.exit_code == 1
        assert "no parameter AppName, Colour" in result.stderr
        assert not (tmp_path / "moved").exists()
