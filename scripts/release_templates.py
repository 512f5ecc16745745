"""Forms of the built template for a release: one that CloudFormation's console launches, one for the Serverless
Application Repository.

Lambda reads code from a bucket of the stack's Region alone. The console's template names it by a parameter and the
Region, `<CodeBucketPrefix>-<Region>`, so that one template serves all Regions, a stack set too. Keys have the digest of
their content: a new release replaces what has changed, and nothing else.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

Document = dict[str, Any]

FOLDER = "kinesight"
"""Of a bucket, and of the archive that is copied to it."""
LOCAL_PATHS = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}
MOST_TEMPLATE_BYTES = 1024 * 1024
"""Of a template in S3: CloudFormation's quotas, docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide, "Quotas"."""
MOST_CODE_BYTES = 250 * 1024 * 1024
"""Of a function with its layers, unzipped: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""
# Types that the repository refuses (docs/deploy.md) are those of resources that these parameters create.
NOT_IN_THE_REPOSITORY = {"ViewerUserEmail": "", "ViewerIdentityProvider": "", "ImagesBucketName": ""}
_SEMANTIC_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_BUCKET = {"Fn::Sub": "${CodeBucketPrefix}-${AWS::Region}"}
_BUCKET_PARAMETER = {
    "Type": "String",
    "AllowedPattern": "^[a-z0-9][a-z0-9-]{1,45}$",
    "ConstraintDescription": "2 to 46 lower-case letters, digits and hyphens: the bucket's name without -REGION",
    "Description": "Start of the name of the bucket with this release's files in folder kinesight/. The bucket is "
    "<CodeBucketPrefix>-<Region>, in the Region of the stack (docs/deploy.md).",
}


def parsed(template: str) -> Document:
    """A template that `sam build` wrote, which has no short forms such as `!Ref`."""
    document: Document = yaml.load(template, Loader=yaml.CSafeLoader)
    return document


def text_of(template: Document) -> str:
    """Keys stay in their order, and nothing is an alias, which CloudFormation refuses."""
    return yaml.dump(template, Dumper=_WithoutAliases, sort_keys=False, width=120)


def local_paths(template: Document) -> dict[str, str]:
    """Path of its code, layer or workflow, relative to the template, by logical id."""
    resources = {name: one for name, one in template["Resources"].items() if one["Type"] in LOCAL_PATHS}
    return {name: one["Properties"][LOCAL_PATHS[one["Type"]]] for name, one in resources.items()}


def for_console(template: Document, files: Mapping[str, str]) -> Document:
    """`files` are names in FOLDER by logical id, of all that `local_paths` returns."""
    resources = dict(template["Resources"])
    for name, file in files.items():
        location = {"Bucket": _BUCKET, "Key": f"{FOLDER}/{file}"}
        properties = resources[name]["Properties"] | {LOCAL_PATHS[resources[name]["Type"]]: location}
        resources[name] = resources[name] | {"Properties": properties}
    first = {"Label": {"default": "Files of the release"}, "Parameters": ["CodeBucketPrefix"]}
    parameters = {"CodeBucketPrefix": _BUCKET_PARAMETER} | template["Parameters"]
    grouped = _with_groups(template["Metadata"], lambda groups: [first, *groups])
    return template | {"Metadata": grouped, "Parameters": parameters, "Resources": resources}


def for_repository(template: Document, version: str, source_url: str) -> Document:
    """Without the resources that the repository refuses, and with its metadata.

    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html
    """
    plain = without_parameters(template, NOT_IN_THE_REPOSITORY)
    plain["Metadata"] = {"AWS::ServerlessRepo::Application": _application(version, source_url)} | plain["Metadata"]
    return plain


def _application(version: str, source_url: str) -> Document:
    """A version that is no semantic one, and an address that is not known, are left out: only applications that are
    shared publicly need them."""
    semantic = {"SemanticVersion": version} if _SEMANTIC_VERSION.fullmatch(version) else {}
    source = {"HomePageUrl": source_url, "SourceCodeUrl": source_url} if source_url else {}
    return {
        "Name": "kinesight",
        "Description": "Computer vision on Amazon Kinesis Video Streams cameras: images and live video are analyzed by "
        "Rekognition, SageMaker or your own model; alerts, evidence and results go to your account.",
        "Author": "kinesight",
        "SpdxLicenseId": "Apache-2.0",
        "LicenseUrl": "LICENSE",
        "ReadmeUrl": "README.md",
        "Labels": ["kinesis-video-streams", "computer-vision", "rekognition", "sagemaker", "video-analytics"],
        **semantic,
        **source,
    }


def without_parameters(template: Document, values: Mapping[str, str]) -> Document:
    """The template as it is with these values, without the parameters, and without what they leave out."""
    truths = {
        name: _holds(expression, values)
        for name, expression in template["Conditions"].items()
        if _references(expression) <= set(values)
    }
    plain: Document = _chosen(template, truths)
    for section in ("Resources", "Outputs"):
        plain[section] = _made(plain[section], truths)
    plain["Conditions"] = {name: one for name, one in plain["Conditions"].items() if name not in truths}
    plain["Parameters"] = {name: one for name, one in plain["Parameters"].items() if name not in values}
    plain["Rules"] = {name: one for name, one in plain["Rules"].items() if not _references(one) & set(values)}
    plain["Metadata"] = _with_groups(plain["Metadata"], lambda groups: [_without(one, values) for one in groups])
    return plain


def _made(section: Document, truths: Mapping[str, bool]) -> Document:
    made = {name: one for name, one in section.items() if truths.get(one.get("Condition"), True)}
    return {
        name: {key: value for key, value in one.items() if key != "Condition" or value not in truths}
        for name, one in made.items()
    }


def _chosen(node: Any, truths: Mapping[str, bool]) -> Any:
    """With the branch of each Fn::If that these conditions decide."""
    if isinstance(node, list):
        return [_chosen(one, truths) for one in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::If"} and node["Fn::If"][0] in truths:
        condition, yes, no = node["Fn::If"]
        return _chosen(yes if truths[condition] else no, truths)
    return {key: _chosen(value, truths) for key, value in node.items()}


def _holds(expression: Any, values: Mapping[str, str]) -> bool:
    ((function, arguments),) = expression.items()
    match function:
        case "Fn::Equals":
            left, right = (values[one["Ref"]] if isinstance(one, dict) else one for one in arguments)
            return bool(left == right)
        case "Fn::Not":
            return not _holds(arguments[0], values)
        case "Fn::Or":
            return any(_holds(one, values) for one in arguments)
        case _:
            raise ValueError(f"{function} in a condition is not known here: see scripts/release_templates.py")


def _references(node: Any) -> set[str]:
    """Names of every Ref in it."""
    if isinstance(node, list):
        return set().union(*(_references(one) for one in node))
    if not isinstance(node, dict):
        return set()
    own = {node["Ref"]} if set(node) == {"Ref"} else set()
    return own.union(*(_references(one) for one in node.values()))


def _with_groups(metadata: Document, change: Callable[[list[Document]], list[Document]]) -> Document:
    """With other groups of parameters; those that are empty are left out."""
    interface = metadata["AWS::CloudFormation::Interface"]
    groups = [one for one in change(interface["ParameterGroups"]) if one["Parameters"]]
    return metadata | {"AWS::CloudFormation::Interface": interface | {"ParameterGroups": groups}}


def _without(group: Document, names: Mapping[str, str]) -> Document:
    return group | {"Parameters": [one for one in group["Parameters"] if one not in names]}


class _WithoutAliases(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML's name
        return True
