"""What an update does to the expanded template, the environments of samconfig.toml, and the workflows of CI."""

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kinesight_local import template as local_template
from kinesight_local.template import expand, read_template
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
from samtranslator.translator.transform import transform

Document = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
SMOKE = ROOT / ".github/workflows/smoke.yml"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PUBLISHED = {
    "AnalyzeImagesFunction",
    "ArchiveSessionFunction",
    "ConsumeLiveFunction",
    "DetectObjectsFunction",
    "ExtractImagesFunction",
    "KeepEvidenceFunction",
    "PlanWindowsFunction",
    "RenderTimelapseFunction",
    "StartAnalysisFunction",
    "SummarizeRangeFunction",
    "TrackSessionsFunction",
}
SAFE = {"SafeUpdates": "Canary10Percent5Minutes", "Release": "1795271261"}
ALL_ON = {
    "LiveStatus": "ENABLED",
    "SweepSchedule": "rate(15 minutes)",
    "SnapStart": "PublishedVersions",
    "AlertEmail": "me@example.com",
    "OperationsEmail": "me@example.com",
    "ViewerUserEmail": "me@example.com",
}
# CloudFormation quotas
MOST_RESOURCES = 500
MOST_PARAMETERS = MOST_MAPPINGS = MOST_OUTPUTS = 200
MOST_BYTES = 1024 * 1024


def cloud_formation(parameters: dict[str, str], **content_uris: str) -> Document:
    """As the service expands it, versions and all. `content_uris` stand for uploads of other content."""
    document: Document = read_template(TEMPLATE)
    values = local_template._parameters(document, {"StreamNames": "cam"} | parameters)
    plain = local_template._with_placeholders(document)
    for name, key in content_uris.items():
        properties = plain["Resources"][name]["Properties"]
        properties["CodeUri" if "CodeUri" in properties else "ContentUri"] = {"Bucket": "local", "Key": key}
    expanded: Document = transform(plain, values, local_template._NoManagedPolicies())
    return expanded


@pytest.fixture(scope="module")
def safe() -> Document:
    return cloud_formation(SAFE | ALL_ON)


@pytest.fixture(scope="module")
def plain() -> Document:
    return cloud_formation({})


def of_type(document: Document, kind: str) -> Document:
    return {name: one["Properties"] for name, one in document["Resources"].items() if one["Type"] == kind}


def versions(document: Document) -> dict[str, str]:
    """Logical id of its version by function."""
    return {one["FunctionName"]["Ref"]: name for name, one in of_type(document, "AWS::Lambda::Version").items()}


@pytest.mark.parametrize("setting", ["plain", "safe"])
def test_the_stack_is_within_the_quotas_of_cloudformation(setting: str, request: pytest.FixtureRequest) -> None:
    document: Document = request.getfixturevalue(setting)
    size, written = len(TEMPLATE.read_bytes()), len(json.dumps(document))
    counted = {section: len(document[section]) for section in ("Resources", "Parameters", "Mappings", "Outputs")}
    print(  # noqa: T201  # for who looks how much room is left
        f"{setting}: {counted}, template.yaml {size:,} bytes, expanded {written:,} bytes"
    )

    assert counted["Resources"] <= MOST_RESOURCES
    assert counted["Parameters"] <= MOST_PARAMETERS
    assert counted["Mappings"] <= MOST_MAPPINGS
    assert counted["Outputs"] <= MOST_OUTPUTS
    assert max(size, written) <= MOST_BYTES


@pytest.mark.long  # `make lint` runs cfn-lint on the template as it is
def test_cloudformation_would_take_what_safe_updates_make(safe: Document) -> None:
    """No circle above all (E3004): aliases wait for alarms and a role, and functions and the workflow for aliases."""
    from cfnlint.api import lint  # takes two seconds to import
    from cfnlint.config import ManualArgs

    found = lint(json.dumps(safe), config=ManualArgs(regions=["us-east-1"]))

    errors = {one.message for one in found if one.rule.id.startswith("E")}
    # The role has no value only where there are no deployment groups, which the linter can't see.
    assert errors <= {"'ServiceRoleArn' is a required property"}


def test_every_function_that_events_call_has_its_alias_deployment_and_alarm(safe: Document) -> None:
    resources = safe["Resources"]
    for function, version in versions(safe).items():
        alias = resources[f"{function}Aliaslive"]
        group = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]
        watched = resources[group]["Properties"]["AlarmConfiguration"]["Fn::If"]
        alarm = function.replace("Function", "VersionAlarm")

        assert alias["Properties"]["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}
        assert watched[:2] == ["HasSafeUpdates", {"Enabled": True, "Alarms": [{"Name": {"Ref": alarm}}]}]
        assert resources[alarm]["Properties"]["Dimensions"] == [
            {"Name": "FunctionName", "Value": {"Ref": function}},
            {"Name": "Resource", "Value": {"Fn::Sub": f"${{{function}}}:live"}},
            {"Name": "ExecutedVersion", "Value": {"Fn::GetAtt": [version, "Version"]}},
        ]
        assert resources[group]["Properties"]["AutoRollbackConfiguration"]["Enabled"] is True
    assert set(versions(safe)) == PUBLISHED


def test_the_deployment_role_may_move_the_aliases_of_these_functions_and_no_other(safe: Document) -> None:
    (inline,) = safe["Resources"]["DeploymentRole"]["Properties"]["Policies"]
    apart = safe["Resources"]["StartAnalysisDeployment"]["Properties"]
    entries = [*inline["PolicyDocument"]["Statement"], *apart["PolicyDocument"]["Statement"]]
    moved = {json.dumps(arn) for one in entries if "lambda:UpdateAlias" in one["Action"] for arn in one["Resource"]}

    assert apart["Roles"] == [{"Ref": "DeploymentRole"}]
    assert safe["Resources"]["StartAnalysisVersionAlarm"]["DependsOn"] == "StartAnalysisDeployment"
    assert moved == {json.dumps({"Fn::GetAtt": [name, "Arn"]}) for name in PUBLISHED} | {
        json.dumps({"Fn::Sub": f"${{{name}.Arn}}:live"}) for name in PUBLISHED
    }


def test_without_safe_updates_there_is_nothing_of_codedeploy(plain: Document) -> None:
    kinds = {one["Type"] for one in plain["Resources"].values()}
    conditional = {
        name
        for name, one in plain["Resources"].items()
        if name.endswith(("VersionAlarm", "Deployment", "DeploymentRole"))
    }

    assert not [kind for kind in kinds if kind.startswith("AWS::CodeDeploy")]
    assert all("UpdatePolicy" not in one for one in plain["Resources"].values())
    assert {plain["Resources"][name]["Condition"] for name in conditional} == {"HasSafeUpdates"}
    assert len(conditional) == len(PUBLISHED) + 2


CALLING = (
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::StepFunctions::StateMachine",
)


def test_whoever_calls_a_published_function_calls_the_alias_where_versions_are_used(safe: Document) -> None:
    """Elsewhere an alias would keep a function from seeing a changed parameter."""
    callers = {name: one for name, one in safe["Resources"].items() if one["Type"] in CALLING}
    del callers["DeploymentRole"]
    chosen: dict[str, set[str]] = {}
    bare = []
    for name, resource in callers.items():
        for reference in references(resource["Properties"]):
            if reference[0] == "Fn::If":
                chosen.setdefault(reference[1][1]["Ref"].removesuffix("Aliaslive"), set()).add(resource["Type"])
                assert reference[1][2] == {"Fn::GetAtt": [reference[1][1]["Ref"].removesuffix("Aliaslive"), "Arn"]}
            else:
                bare.append((name, reference[1]))

    assert bare == []
    assert set(chosen) == PUBLISHED
    assert chosen["TrackSessionsFunction"] == {CALLING[0], CALLING[2], CALLING[4]}


def references(node: Any) -> Iterator[tuple[str, Any]]:
    """(Fn::If, its arguments) of each choice between alias and function; (Ref, name) of each other mention."""
    if isinstance(node, dict):
        if "Fn::If" in node and node["Fn::If"][0] == "UsesVersions":
            yield "Fn::If", node["Fn::If"]
            return
        named = node.get("Ref") or (node.get("Fn::GetAtt") or [None])[0]
        if named in PUBLISHED or str(named).removesuffix("Aliaslive") in PUBLISHED:
            yield "Ref", named
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from references(one)


def test_other_code_a_changed_layer_and_a_new_release_publish_new_versions(plain: Document) -> None:
    before = versions(plain)
    other_layer = versions(cloud_formation({}, MediaLayer="other"))
    with_media = {"ConsumeLiveFunction", "ExtractImagesFunction", "RenderTimelapseFunction"}

    assert {name for name in before if other_layer[name] != before[name]} == with_media
    assert {n for n in before if versions(cloud_formation({}, KinesightLayer="other"))[n] == before[n]} == set()
    assert versions(cloud_formation({}, PlanWindowsFunction="other"))["PlanWindowsFunction"] not in before.values()
    assert not set(versions(cloud_formation({"Release": "a"})).values()) & set(before.values())


def test_a_changed_parameter_alone_publishes_none(plain: Document) -> None:
    """Why there is `Release`. If this fails, SAM has fixed its issue 3820, and docs/deploy.md can say so."""
    assert versions(cloud_formation({"LogLevel": "DEBUG"})) == versions(plain)


def test_old_versions_that_have_snapshots_are_not_kept(safe: Document) -> None:
    kept = {function: safe["Resources"][name]["DeletionPolicy"] for function, name in versions(safe).items()}

    assert {name for name, policy in kept.items() if policy == "Delete"} == {
        name for name in PUBLISHED if "SnapStart" in safe["Resources"][name]["Properties"]
    }


def test_both_settings_are_one_stack_to_the_local_cloud() -> None:
    """It has one version of each function, so every caller names that."""
    safe = expand(TEMPLATE, {"StreamNames": "cam"} | SAFE)
    kinds = {one["Type"] for one in safe.resources.values()}

    assert not re.findall(r'"Ref": "\w+Aliaslive"', json.dumps(safe.document))
    assert not [kind for kind in kinds if kind.startswith("AWS::CodeDeploy") or kind == "AWS::Lambda::Version"]
    assert {one["FunctionName"]["Fn::If"][1]["Fn::GetAtt"][1] for one in _mappings(safe.document)} == {"Arn"}


def _mappings(document: Document) -> list[Document]:
    return list(of_type(document, "AWS::Lambda::EventSourceMapping").values())


# ---- samconfig.toml ------------------------------------------------------------------------------------------------


def environment(name: str, command: str = "deploy") -> Document:
    config = SamConfig(str(ROOT))  # type: ignore[no-untyped-call]  # samcli leaves it
    found: Document = config.get_all([command], "parameters", name)  # type: ignore[no-untyped-call]  # the same
    return copy.deepcopy(found)


ENVIRONMENTS = ("default", "staging", "prod")


@pytest.mark.parametrize("name", ENVIRONMENTS[1:])
def test_an_environment_is_a_whole_deployment(name: str) -> None:
    settings = environment(name)
    overrides = CfnParameterOverridesType().convert(settings["parameter_overrides"], None, None)
    expanded = expand(TEMPLATE, overrides)

    assert json.loads(expanded.parameters["TagFilters"]) == {"key": "kinesight", "values": [name]}
    assert expanded.parameters["SafeUpdates"] != "NONE"
    assert environment(name, "build")["parameter_overrides"] == settings["parameter_overrides"]


def test_environments_do_not_share_a_stack() -> None:
    settings = {name: environment(name) for name in ENVIRONMENTS}

    assert len({one["stack_name"] for one in settings.values()}) == len(ENVIRONMENTS)
    assert len({one["s3_prefix"] for one in settings.values()}) == len(ENVIRONMENTS)
    assert all(one["resolve_s3"] and one["capabilities"] == "CAPABILITY_IAM" for one in settings.values())
    assert settings["prod"]["confirm_changeset"] is True
    assert all(f"environment={name}" in one["tags"] for name, one in settings.items())


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-central-1"}, ["--region", "eu-central-1"]),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, ["--region", "eu-west-1"]),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-1"}, ["--region", "eu-central-1"]),
        ({}, []),
    ],
)
@pytest.mark.parametrize("target", ["deploy", "destroy"])
def test_make_deploys_to_the_region_of_the_environment(
    target: str, variables: dict[str, str], region: list[str]
) -> None:
    command = ["make", "-n", target, "ENV=prod", "ARGS=--no-confirm-changeset"]
    printed = subprocess.check_output(command, cwd=ROOT, text=True, env={"PATH": os.environ["PATH"]} | variables)

    program = {"deploy": "sam deploy", "destroy": "kinesight destroy"}[target]
    (line,) = [one.split() for one in printed.splitlines() if program in one]
    assert [word for word in line if word in ("--region", *variables.values())] == region


@pytest.mark.parametrize(
    ("variables", "deletes"),
    [([], False), (["PURGE="], False), (["PURGE=0"], False), (["PURGE=1"], True), (["ARGS=--delete-data"], True)],
)
def test_make_deletes_the_data_on_request_only(variables: list[str], deletes: bool) -> None:
    command = ["make", "-n", "destroy", "ENV=prod", *variables]
    printed = subprocess.check_output(command, cwd=ROOT, text=True, env={"PATH": os.environ["PATH"]})
    (line,) = [one.split() for one in printed.splitlines() if "kinesight destroy" in one]

    assert line[1:] == ["destroy", "--environment", "prod"] + ["--delete-data"] * deletes


@pytest.mark.parametrize(
    ("arguments", "puts"),
    [("", True), ("--no-confirm-changeset", True), ("--stack-name other", False), ("--region=x", False), ("-g", False)],
)
def test_make_puts_the_document_of_the_environments_stack_only(arguments: str, puts: bool) -> None:
    command = ["make", "-n", "deploy", f"ARGS={arguments}"]
    printed = subprocess.check_output(command, cwd=ROOT, text=True, env={"PATH": os.environ["PATH"]})
    (script,) = [line for line in printed.splitlines() if "config put kinesight.yaml --if-none" in line]

    assert ('elif [ -z "" ]; then' in script) == puts


# ---- .github -------------------------------------------------------------------------------------------------------


def steps(workflow: Path) -> list[Document]:
    return [step for job in yaml.safe_load(workflow.read_text())["jobs"].values() for step in job["steps"]]


def test_the_workflows_are_the_three() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml", "smoke.yml"]


def test_the_workflow_with_an_account_is_started_by_hand_and_can_get_a_token_alone() -> None:
    document = yaml.safe_load(SMOKE.read_text())
    (job,) = document["jobs"].values()

    assert list(document[True]) == ["workflow_dispatch"]  # YAML 1.1 reads the key `on` so
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert job["environment"] == "smoke"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_and_names_its_version(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())

    assert used
    assert [one for one in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_may_write_but_the_one_that_publishes_and_runs_nothing_of_ours(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    writing = {name: job for name, job in document["jobs"].items() if "permissions" in job}

    assert document["permissions"] == {"contents": "read"}
    assert set(writing) == {"release.yml": {"publish"}, "smoke.yml": {"smoke"}}.get(workflow.name, set())
    for job in (job for name, job in writing.items() if name != "smoke"):
        assert not [
            step for step in job["steps"] if "checkout" in step.get("uses", "") or "make" in step.get("run", "")
        ]
    assert all("timeout-minutes" in job for job in document["jobs"].values())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_step_keeps_credentials_or_runs_what_a_stranger_wrote(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    triggers = document[True]  # YAML 1.1 reads the key `on` so

    assert "pull_request_target" not in triggers
    for step in steps(workflow):
        assert "${{" not in step.get("run", "")
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_what_everybody_can_run(workflow: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    run = [step["run"].removeprefix("make ") for step in steps(workflow) if step.get("run", "").startswith("make ")]

    assert ("smoke" if workflow == SMOKE else "test") in run
    assert [one for one in run if one not in targets] == []


def test_python_is_that_of_the_functions() -> None:
    runtime = read_template(TEMPLATE)["Globals"]["Function"]["Runtime"]
    used = {step["with"]["python-version"] for path in WORKFLOWS for step in steps(path) if "setup-python" in str(step)}

    assert {f"python{version}" for version in used} == {runtime}
