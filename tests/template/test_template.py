"""The template against the code, and against what must never be in it."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.batches import MOST_DELIVERIES, QueuedMessage
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.streams.image_destination import IMAGES_PREFIX
from kinesight.environment import Settings
from kinesight_local.template import InvalidTemplateError, expand, read_template

from tests.template.choices import CHOICES, MODEL_ARN, SECRET_ARN
from tests.template.role_grants import deployed

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
NAMES = {
    path.parent.name: "".join(word.capitalize() for word in path.parent.name.split("_"))
    for path in sorted(ROOT.glob("functions/*/app.py"))
}
FUNCTIONS: dict[str, type[Settings]] = {
    f"{name}Function": getattr(importlib.import_module(f"kinesight.wiring.{folder}"), f"{name}Settings")
    for folder, name in NAMES.items()
}
SAM_CLI_YAML = importlib.import_module("samcli.yamlhelper")
"""How `sam` reads and writes a template; it has no types."""
NOT_SETTINGS = {"POWERTOOLS_SERVICE_NAME"}
DETECTING = ("AnalyzeImagesFunction", "ConsumeLiveFunction", "DetectObjectsFunction")
ISSUER = {
    "ViewerIdentityProvider": "https://id.example page https://id.example/authorize https://id.example/token",
}
OWN = {"StreamNames": "cam", "Detector": "HTTP", "HttpModelUrl": "https://model"}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    document: dict[str, Any] = read_template(TEMPLATE)
    return document


def statements(template: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                found += [(name, one) for one in _plain(policy["PolicyDocument"]["Statement"])]
    return found


def _plain(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conditional statements count as they are."""
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in entries]


@pytest.mark.parametrize(("function", "settings"), FUNCTIONS.items())
def test_every_variable_is_a_setting_and_every_setting_that_must_be_set_is(
    template: dict[str, Any], function: str, settings: type[Settings]
) -> None:
    variables = set(template["Resources"][function]["Properties"]["Environment"]["Variables"]) - NOT_SETTINGS
    fields = {name.upper() for name in settings.field_names()}
    required = {name.upper() for name in settings.required_names()}
    parameters = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper() for name in template["Parameters"]}

    assert variables <= fields
    assert required | (fields & parameters) <= variables, "a field without its variable always has its default"


def test_folders_resources_and_verbs_have_one_name(template: dict[str, Any]) -> None:
    for folder in sorted(path.parent.name for path in ROOT.glob("functions/*/app.py")):
        resource = "".join(part.capitalize() for part in folder.split("_")) + "Function"
        assert template["Resources"][resource]["Properties"]["CodeUri"] == f"functions/{folder}/"
        assert len(list(ROOT.glob(f"layers/kinesight/kinesight/domain/*/{folder}.py"))) == 1
        assert (ROOT / f"layers/kinesight/kinesight/wiring/{folder}.py").exists()
        assert (ROOT / f"events/{folder}").is_dir()


def test_no_action_is_a_wildcard_and_every_wildcard_resource_has_its_reason(template: dict[str, Any]) -> None:
    source = TEMPLATE.read_text().splitlines()
    for _, statement in statements(template):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
    for number, line in enumerate(source):
        if line.strip() == 'Resource: "*"':
            assert source[number - 1].strip().startswith("#"), f"line {number + 1} needs its reason above it"


def test_no_result_can_trigger_the_pipeline(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    triggers = [n for n, r in resources.items() if "NotificationConfiguration" in r.get("Properties", {})]
    (queue,) = resources["ImagesBucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    stack = deployed(**CHOICES["all at once"] | {"SageMakerAsyncOutputBucket": "async-output"})
    written = {
        resource
        for role in stack.of_type("AWS::IAM::Role")
        for action, resource in stack.grants(role)
        if action == "s3:PutObject" and resource.startswith("ImagesBucket")
    }

    assert triggers == ["ImagesBucket"]
    assert queue["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": IMAGES_PREFIX}]
    assert resources["ImagesBucketNotification"]["Properties"]["Prefix"] == IMAGES_PREFIX
    assert not [place for place in written if place.startswith(f"ImagesBucket/{IMAGES_PREFIX}")]
    assert written == {f"ImagesBucket/{folder}/*" for folder in ("crops", "live", "model-input", "on-demand")}


def test_the_queue_outlasts_the_function(template: dict[str, Any]) -> None:
    queue = template["Resources"]["ImagesQueue"]["Properties"]
    timeout_s = template["Resources"]["AnalyzeImagesFunction"]["Properties"]["Timeout"]

    assert queue["VisibilityTimeout"] >= 6 * timeout_s


def test_functions_know_the_last_delivery_of_each_queue(template: dict[str, Any]) -> None:
    queues = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::SQS::Queue"]
    policies = [one["RedrivePolicy"]["maxReceiveCount"] for one in queues if "RedrivePolicy" in one]

    assert policies == [MOST_DELIVERIES] * 3


def test_an_outage_of_the_detector_of_ninety_minutes_dead_letters_no_image() -> None:
    delays_s = [QueuedMessage("m", "", receive_count=count).retry_delay_s for count in range(1, MOST_DELIVERIES)]

    assert delays_s[0] <= 60
    assert sum(delays_s) >= 90 * 60


def test_what_sam_writes_has_neither_merge_keys_nor_aliases() -> None:
    """CloudFormation takes neither ("CloudFormation template format"); `sam build` and `sam package` dump like this."""
    parsed = SAM_CLI_YAML.yaml_parse(TEMPLATE.read_text())
    text = SAM_CLI_YAML.yaml_dump(parsed)
    source, written = list(yaml.parse(TEMPLATE.read_text())), list(yaml.parse(text))

    assert any(isinstance(event, yaml.AliasEvent) for event in source)
    assert not [event for event in written if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None)]
    assert not [event for event in written if isinstance(event, yaml.ScalarEvent) and event.value == "<<"]
    reread = SAM_CLI_YAML.yaml_parse(text)
    assert json.dumps(reread, sort_keys=True) == json.dumps(parsed, sort_keys=True)


def test_no_function_and_no_layer_shares_its_metadata_by_an_alias() -> None:
    """`sam build` writes SamResourceId into it in place, so a shared one would name the last resource for all."""
    resources = SAM_CLI_YAML.yaml_parse(TEMPLATE.read_text())["Resources"].values()
    own = [
        id(one["Metadata"]) for one in resources if one["Type"].startswith("AWS::Serverless::") and "Metadata" in one
    ]

    assert len(own) == len(FUNCTIONS) + 4
    assert len(set(own)) == len(own)


SECTION = re.compile(r"  # -{116}\n  # (.+)\n((?:  # .+\n)+?)  # -{116}\n")


def sections() -> dict[str, tuple[str, list[str]]]:
    """Of the template's resources: what a section says that it holds, and its logical ids, by heading."""
    text = TEMPLATE.read_text().partition("\nResources:\n")[2].partition("\nOutputs:\n")[0]
    before, *parts = SECTION.split(text)
    assert before == ""
    return {
        heading: (" ".join(line.strip(" #") for line in says.splitlines()), re.findall(r"(?m)^  (\w+):", resources))
        for heading, says, resources in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }


def test_every_section_says_what_it_holds(template: dict[str, Any]) -> None:
    found = sections()

    assert len(found) >= 8
    assert [one for _, ids in found.values() for one in ids] == list(template["Resources"])
    assert [heading for heading, (says, _) in found.items() if not 20 <= len(says) <= 300] == []


def test_what_belongs_to_a_function_stands_in_its_section(template: dict[str, Any]) -> None:
    section_of = {name: heading for heading, (_, ids) in sections().items() for name in ids}
    for function in FUNCTIONS:
        stem = function.removesuffix("Function")
        parts = [f"{stem}{kind}" for kind in ("Logs", "Role", "Source", "Async", "VersionAlarm")]
        assert {section_of[one] for one in parts if one in section_of} == {section_of[function]}, function
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            queue = resource["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
            if queue != "ResultsStream":
                dead_letters = queue.replace("Queue", "DeadLetterQueue")
                assert section_of[queue] == section_of[dead_letters] == section_of[name]


def test_every_parameter_is_described_and_grouped(template: dict[str, Any]) -> None:
    """In one order: the console shows the groups, `sam deploy --guided` the parameters as they stand."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert grouped == list(template["Parameters"])
    assert all(spec["Description"] for spec in template["Parameters"].values())


def test_every_parameter_is_in_the_reference(template: dict[str, Any]) -> None:
    reference = (ROOT / "docs/parameters.md").read_text()

    assert re.findall(r"(?m)^\| `(\w+)` \|", reference) == list(template["Parameters"])
    assert "(docs/parameters.md)" in (ROOT / "README.md").read_text()


def test_the_tables_of_parameters_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/parameter_tables.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_every_alarm_is_in_the_runbook(template: dict[str, Any]) -> None:
    runbook = (ROOT / "docs/runbook.md").read_text()
    alarms = [name for name, one in template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"]

    assert len(alarms) >= 5
    assert [name for name in alarms if name not in runbook] == []


DETECTING = ("AnalyzeImagesFunction", "DetectObjectsFunction", "ConsumeLiveFunction")
REKOGNITION = {kind: action for kind, one in DETECTORS.items() if not one.is_own_model for action in one.actions}


def test_all_that_detect_have_the_same_settings(template: dict[str, Any]) -> None:
    for function in DETECTING:
        variables = template["Resources"][function]["Properties"]["Environment"]["Variables"]
        fields = {name.upper() for name in DetectionSettings.field_names()} - {"IDEMPOTENCY_HOURS"}
        assert fields <= set(variables), function


def test_every_detector_can_be_chosen(template: dict[str, Any]) -> None:
    assert template["Parameters"]["Detector"]["AllowedValues"] == list(DETECTORS)


@pytest.mark.parametrize("role", [name.replace("Function", "Role") for name in DETECTING])
def test_a_role_may_call_every_detector_for_which_parameters_name_what_it_needs(role: str) -> None:
    """A camera of the configuration document may have any of them."""
    named = {"FaceCollectionId": "staff", "CustomLabelsModelArn": MODEL_ARN}
    needs_nothing = {REKOGNITION[kind] for kind in REKOGNITION if not DETECTORS[kind].parameters}

    assert rekognition_actions({}, role) == needs_nothing
    assert rekognition_actions(named, role) == set(REKOGNITION.values())


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("SageMakerEndpointName", ("people", "cars", "x" * 63)),
        ("FaceCollectionId", ("staff", "guests", "a.b")),
        ("CustomLabelsModelArn", (MODEL_ARN, MODEL_ARN)),
        ("BedrockModelId", ("us.amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0", "nova")),
        ("HttpModelUrl", ("https://a.example/x?y=1", "http://10.0.0.1:8080", "https://b")),
        ("HttpAuthSecretArn", (SECRET_ARN, SECRET_ARN)),
    ],
)
def test_a_parameter_of_detectors_takes_up_to_three_names(
    template: dict[str, Any], name: str, values: tuple[str, ...]
) -> None:
    parameter = template["Parameters"][name]

    def fits(text: str) -> bool:
        return bool(re.fullmatch(parameter["AllowedPattern"], text)) and len(text) <= parameter["MaxLength"]

    assert all(fits(text) for text in ("", *values, ",".join(values)))
    assert not any(fits(text) for text in (f"{values[0]},", f",{values[0]}", ", ".join(values[:2]), "a,b,c,d"))


def rekognition_actions(parameters: dict[str, str], role: str) -> set[str]:
    return {action for action, _ in deployed(**parameters).grants(role) if action.startswith("rekognition:")}


@pytest.mark.parametrize(
    ("budget", "is_watched"),
    [({}, False), ({"DailyBudgetUsd": "0"}, True)],
)
def test_only_a_budget_is_watched(budget: dict[str, str], is_watched: bool) -> None:
    document = expand(TEMPLATE, {"StreamNames": "cam", **budget}).document

    alarms = {"BudgetSoftAlarm", "BudgetHardAlarm", "BudgetUnaccountedAlarm"}
    assert alarms & set(document["Resources"]) == (alarms if is_watched else set())
    for function in DETECTING:
        (policy,) = document["Resources"][function.replace("Function", "Role")]["Properties"]["Policies"]
        counting = [one for one in _plain(policy["PolicyDocument"]["Statement"]) if one["Sid"] == "CountSpending"]
        assert ["budget#*" in str(one["Condition"]) for one in counting] == [True]


def test_the_template_expands() -> None:
    expanded = expand(TEMPLATE, {"StreamNames": "front-door", "ViewerUserEmail": "viewer@example.com"})

    functions = [name for name, one in expanded.resources.items() if one["Type"] == "AWS::Lambda::Function"]
    assert sorted(functions) == sorted(FUNCTIONS)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({}, "Name streams"),
        ({"StreamNames": "cam one"}, "StreamNames"),
        ({"StreamNames": '"front-door","yard"'}, "without blanks and quotes"),
        ({"StreamNames": ",".join("abcdefghijk")}, "at most ten"),
        ({"StreamNames": "cam", "SamplingInterval": "100"}, "SamplingInterval"),
        ({"StreamNames": "cam", "WidthPixels": "3841"}, "WidthPixels"),
        ({"StreamNames": "cam", "HeightPixels": "0"}, "HeightPixels"),
        ({"StreamNames": "cam", "JPEGQuality": "101"}, "JPEGQuality"),
        ({"StreamNames": "cam", "Format": "PNG", "JPEGQuality": "80"}, "JPEGQuality goes with"),
        ({"StreamNames": "cam", "Detector": "SAGEMAKER"}, "needs SageMakerEndpointName"),
        ({"StreamNames": "cam", "Detector": "SAGEMAKER_ASYNC"}, "needs SageMakerEndpointName"),
        (
            {"StreamNames": "cam", "Detector": "SAGEMAKER_ASYNC", "SageMakerEndpointName": "m"},
            "needs SageMakerAsyncOut",
        ),
        ({"StreamNames": "cam", "SageMakerAsyncOutputBucket": "bucket"}, "goes with SageMakerEndpointName"),
        ({"StreamNames": "cam", "Detector": "HTTP"}, "needs HttpModelUrl"),
        ({"StreamNames": "cam", "HttpModelUrl": "https://user:word@model"}, "without a user"),
        ({"StreamNames": "cam", "Detector": "BEDROCK"}, "needs BedrockModelId"),
        (OWN | {"VpcSubnetIds": "subnet-0a1b2c3d"}, "together"),
        ({"StreamNames": "cam", "Detector": "REKOGNITION_FACE_SEARCH"}, "needs FaceCollectionId"),
        ({"StreamNames": "cam", "Detector": "REKOGNITION_CUSTOM_LABELS"}, "needs CustomLabelsModelArn"),
        ({"StreamNames": "cam", "FaceCollectionId": "my staff"}, "FaceCollectionId"),
        ({"StreamNames": "cam", "CustomLabelsModelArn": "parts"}, "ARN of a model version"),
        ({"StreamNames": "cam", "WebhookSecretArn": "https://hooks.example/1"}, "complete ARN of a secret"),
        ({"StreamNames": "cam", "DailyBudgetUsd": "-1"}, "DailyBudgetUsd"),
        (
            {"StreamNames": "cam", "ViewerIdentityProvider": "https://id.example page"},
            "issuer, client id, authorization endpoint and token endpoint",
        ),
        ({"StreamNames": "cam", "ViewerUserEmail": "viewer@example.com"} | ISSUER, "user pool of the stack's own"),
        (
            {
                "StreamNames": "cam",
                "ViewerIdentityProvider": f"{ISSUER['ViewerIdentityProvider']}; script-src *",
            },
            "without a query",
        ),
        ({"StreamNames": "cam", "Nonsense": "1"}, "Nonsense"),
    ],
)
def test_impossible_parameters_are_refused_before_anything_is_made(parameters: dict[str, str], complaint: str) -> None:
    with pytest.raises(InvalidTemplateError, match=complaint):
        expand(TEMPLATE, parameters)


def test_the_parameters_are_few(template: dict[str, Any]) -> None:
    """What only changes behavior at run time belongs in the configuration document."""
    assert len(template["Parameters"]) <= 56


LONGEST_NAMES = {
    "AWS::DynamoDB::Table": 173,
    "AWS::Kinesis::Stream": 128,
    "AWS::Lambda::Function": 125,
    "AWS::S3::Bucket": 63,
    "AWS::SNS::Topic": 220,
    "AWS::SQS::Queue": 138,
    "AWS::Serverless::StateMachine": 140,
    "AWS::StepFunctions::StateMachine": 140,
}
"""Of resources: what Ref returns of the names that CloudFormation makes of a stack's name, 128 characters at most."""


def longest_text(value: str, resources: dict[str, Any]) -> int:
    names = [one for one in resources if one in value]
    kinds = [LONGEST_NAMES[resources[one]["Type"]] for one in names if resources[one]["Type"] in LONGEST_NAMES]
    return {"AWS::AccountId": 12, "AWS::StackName": 128}.get(value) or max(kinds, default=200) + len(value)


def longest(value: Any, parameters: dict[str, Any], resources: dict[str, Any]) -> int:
    """The most characters of a variable's value that the template accepts."""
    if not isinstance(value, dict):
        return len(str(value))
    ((function, operand),) = value.items()
    if function == "Fn::If":
        return max(longest(one, parameters, resources) for one in operand[1:])
    if function == "Fn::Sub" and isinstance(operand, list):
        return len(operand[0]) + sum(longest(one, parameters, resources) for one in operand[1].values())
    parameter = parameters.get(operand) if function == "Ref" else None
    if parameter is None:
        return longest_text(str(operand), resources)
    if "AllowedValues" in parameter:
        return max(len(str(one)) for one in parameter["AllowedValues"])
    if parameter["Type"] == "Number":
        return 20
    if "MaxLength" in parameter:
        return int(parameter["MaxLength"])
    pattern = parameter["AllowedPattern"]
    bounds = [int(one) for one in re.findall(r"\{\d+,(\d+)\}", pattern)]
    assert bounds or not re.search(r"[*+]", pattern), f"{operand} has neither MaxLength nor a bound in its pattern"
    return sum(bounds) + len(re.sub(r"\[.*?\]|\{.*?\}", "x", pattern))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_longest_legal_environment_is_below_the_limit_of_lambda(function: str) -> None:
    """Lambda allows 4 KB ("Quotas"); a longer one would roll a deployment back."""
    expanded = expand(TEMPLATE, {"StreamNames": "cam", "ViewerUserEmail": "viewer@example.com"})
    parameters = read_template(TEMPLATE)["Parameters"]
    resources = expanded.document["Resources"]
    variables = resources[function]["Properties"]["Environment"]["Variables"]

    sizes = {name: len(name) + longest(value, parameters, resources) for name, value in variables.items()}

    assert sum(sizes.values()) < 3000, sizes


def test_what_detects_has_one_environment(template: dict[str, Any]) -> None:
    """Every detection setting that a parameter sets reaches all three."""
    settings = {name.upper() for name in DetectionSettings.field_names()}
    environments = [template["Resources"][name]["Properties"]["Environment"]["Variables"] for name in DETECTING]
    shared = [{name: one for name, one in variables.items() if name in settings} for variables in environments]

    assert shared[0] == shared[1] == shared[2]
    assert settings - set(shared[0]) == {"IDEMPOTENCY_HOURS"}


def test_a_vpc_is_for_what_detects_alone(template: dict[str, Any]) -> None:
    inside = {name: one["Properties"]["VpcConfig"] for name, one in template["Resources"].items() if _has_vpc(one)}
    allowed = {name for name, one in statements(template) if "ec2:CreateNetworkInterface" in one["Action"]}

    assert sorted(inside) == sorted(DETECTING)
    assert all(one["Fn::If"][0] == "IsInVpc" for one in inside.values())
    assert allowed == {name.replace("Function", "Role") for name in DETECTING}


def _has_vpc(resource: dict[str, Any]) -> bool:
    return "VpcConfig" in resource.get("Properties", {})


def test_the_requirements_are_those_of_the_lock_file(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    for arguments, exported in (
        (["--package", "kinesight", "--no-dev", "--no-emit-workspace"], "layers/kinesight/requirements.txt"),
        (["--only-group", "aws-sdk"], "layers/aws_sdk/requirements.txt"),
        (["--only-group", "imaging"], "layers/imaging/requirements.txt"),
        (["--only-group", "media"], "layers/media/requirements.txt"),
    ):
        command = [str(uv), "export", "--frozen", "--quiet", "--offline", "--no-header", "--no-annotate"]
        fresh = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert (ROOT / exported).read_text() == fresh


def test_the_samples_are_those_of_their_script() -> None:
    import json
    import runpy

    samples = runpy.run_path(str(ROOT / "scripts/make_events.py"))["SAMPLES"]

    assert {name: json.loads((ROOT / "events" / name).read_text()) for name in samples} == samples
    assert {str(path.relative_to(ROOT / "events")) for path in ROOT.glob("events/*/*.json")} == set(samples)


def test_the_published_schema_is_the_models() -> None:
    import runpy

    fresh = runpy.run_path(str(ROOT / "scripts/export_schema.py"))["schemas"]()

    assert {name: (ROOT / "docs" / name).read_text() for name in fresh} == fresh


VIEWER = {"StreamNames": "cam", "ViewerUserEmail": "viewer@example.com"}
FRONT = ("AWS::ApiGatewayV2::", "AWS::CloudFront::", "AWS::Cognito::")


def test_without_the_viewer_nothing_of_it_exists() -> None:
    resources = expand(TEMPLATE, {"StreamNames": "cam"}).resources

    kinds = {one["Type"] for one in resources.values()}
    assert [kind for kind in kinds if kind.startswith(FRONT)] == []
    assert [name for name in resources if "Viewer" in name or "Page" in name] == []


def test_every_route_of_the_viewer_requires_a_token() -> None:
    resources = expand(TEMPLATE, VIEWER).resources
    routes = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::ApiGatewayV2::Route"]

    assert routes
    for route in routes:
        assert (route["AuthorizationType"], route["AuthorizerId"]) == ("JWT", {"Ref": "ViewerAuthorizer"})


def test_an_issuer_of_ones_own_takes_the_user_pools_place() -> None:
    own = expand(TEMPLATE, {"StreamNames": "cam"} | ISSUER)
    pool = expand(TEMPLATE, VIEWER)

    assert [name for name, one in own.resources.items() if one["Type"].startswith("AWS::Cognito::")] == []
    assert sorted(one["Type"] for one in pool.resources.values() if one["Type"].startswith("AWS::Cognito::")) == [
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolUser",
    ]


def test_nobody_makes_themselves_a_viewer() -> None:
    resources = expand(TEMPLATE, VIEWER).resources

    assert resources["ViewerUserPool"]["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert resources["ViewerClient"]["Properties"]["AllowedOAuthFlows"] == ["code"]


def test_the_page_runs_no_code_but_its_own() -> None:
    policy = expand(TEMPLATE, VIEWER).resources["ViewerHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    text = policy["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"][0]
    directives = {name: values for name, *values in (one.split() for one in text.split(";"))}

    assert directives["default-src"] == ["'none'"]
    assert directives["script-src"] == directives["style-src"] == ["'self'"]
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["form-action"] == ["'none'"]
    assert "unsafe" not in text


def test_an_existing_bucket_and_topic_take_the_place_of_the_stacks_own() -> None:
    own, existing = deployed(), deployed(**CHOICES["a bucket and a topic that existed"])
    gone, added = own.resources.keys() - existing.resources.keys(), existing.resources.keys() - own.resources.keys()
    (grant,) = existing.of_type("AWS::IAM::RolePolicy").values()

    assert gone == {"ImagesBucket", "ImagesBucketPolicy", "NotificationTopic"}
    assert added == {"ImagesBucketNotification", "BucketNotificationPolicy"}
    assert existing.resources["StreamConfiguration"]["Properties"]["ImagesBucket"] == own_if(
        "HasImagesBucket", "ImagesBucketNotification", "ImagesBucketPolicy"
    )
    # Replaced, not updated, with another bucket: else the notification of the former one could not be removed.
    assert existing.resources["BucketNotificationPolicy"]["Properties"]["PolicyName"] == {
        "Fn::Sub": "notification-${ImagesBucketName}"
    }
    assert existing.resources["ImagesBucketNotification"]["DependsOn"] == [
        "BucketNotificationPolicy",
        "ImagesQueuePolicy",
    ]
    assert (grant["RoleName"], grant["PolicyDocument"]["Statement"][0]["Resource"]) == (
        "ConfigureStreamsRole",
        "arn:aws:s3:::ImagesBucket",
    )


def own_if(condition: str, yes: str, no: str) -> dict[str, Any]:
    return {"Fn::If": [condition, {"Ref": yes}, {"Ref": no}]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ImagesBucketName", "Images"),
        ("ImagesBucketName", "images.example.com"),
        ("ImagesBucketName", "s3://images"),
        ("ImagesBucketName", "im"),
        ("NotificationTopicArn", "notifications"),
        ("NotificationTopicArn", "arn:aws:sns:us-east-1:111122223333:notifications.fifo"),
        ("NotificationTopicArn", "arn:aws:sqs:us-east-1:111122223333:notifications"),
    ],
)
def test_what_is_no_usable_bucket_or_topic_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidTemplateError, match=name):
        expand(TEMPLATE, {"StreamNames": "cam", name: value})
