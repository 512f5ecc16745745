"""The built SAM template as CloudFormation gets it: parameters validated, rules asserted, SAM expanded."""

import copy
import functools
import json
import os
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import intrinsics_multi_constructor

Document = dict[str, Any]

_OF_VERSIONS = frozenset(
    {"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "AWS::Lambda::Alias", "AWS::Lambda::Version"}
)
_PLACEHOLDER = {"Bucket": "local", "Key": "local"}


class InvalidTemplateError(Exception):
    """CloudFormation would reject the template or its parameters; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """A function's code: its folder, and the folders that are its layers' /opt/python."""

    code_dir: Path
    layer_dirs: tuple[Path, ...]
    shares_imports: bool = True
    """Whether its runtime may start with imported modules of the stack's layers. A user's code brings its own."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """An expanded template. `sources` is by the functions' logical ids."""

    document: Document
    parameters: dict[str, str]
    sources: dict[str, FunctionSource]
    conditions: dict[str, bool]
    """Which of the template's conditions hold."""

    @property
    def resources(self) -> Document:
        resources: Document = self.document["Resources"]
        return resources


class _NoManagedPolicies(ManagedPolicyLoader):
    """Returns no managed policies, because all functions have their own roles."""

    def __init__(self) -> None:
        super().__init__(iam_client=None)  # type: ignore[arg-type]  # it is never used

    def load(self) -> dict[str, str]:
        return {}


class _Loader(yaml.CSafeLoader):
    """libyaml's: five times as fast as the one that samtranslator uses."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read_template(template: Path) -> Document:
    """The template with CloudFormation's short forms (`!Ref`) as its long ones, a copy of the caller's own."""
    document: Document = pickle.loads(_parsed(template.read_bytes()))  # noqa: S301  # our own, of this process
    return document


@functools.lru_cache(maxsize=8)
def _parsed(text: bytes) -> bytes:
    """Pickled: a copy from that takes a tenth of the time of a deep copy."""
    return pickle.dumps(_read_yaml(text))


def _read_yaml(text: str | bytes) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # it is a safe loader


def expand(template: Path, overrides: Mapping[str, str]) -> Expanded:
    """Raises InvalidTemplateError for parameters and rules that CloudFormation would refuse."""
    document = read_template(template)
    parameters = _parameters(document, overrides)
    for name, rule in document.get("Rules", {}).items():
        _assert_rule(name, rule, parameters)
    conditions = document.get("Conditions", {})
    truths = {name: _holds(expression, parameters) for name, expression in conditions.items()}
    made = {name: one for name, one in document["Resources"].items() if truths.get(one.get("Condition"), True)}
    document["Resources"] = _pruned(made, truths)
    sources = _sources(document, template.parent)
    plain = pickle.dumps(_with_placeholders(document))
    expanded: Document = pickle.loads(_transformed(plain, tuple(parameters.items())))  # noqa: S301  # our own
    for name, definition in _definitions(document, template.parent).items():
        expanded["Resources"][name]["Properties"]["DefinitionString"] = definition
    return Expanded(_unversioned(expanded), parameters, sources, truths)


def expand_sam(text: str) -> Document:
    """A user's SAM template, packaged: its code is in S3. Raises InvalidTemplateError.

    Parameters have their defaults where SAM itself reads them."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    try:
        expanded: Document = transform(_read_yaml(text), {}, _NoManagedPolicies())
    except yaml.YAMLError as error:
        raise InvalidTemplateError(f"Template format error: YAML not well-formed: {error}") from error
    except InvalidDocumentException as error:
        raise InvalidTemplateError(" ".join([error.message, *(cause.message for cause in error.causes)])) from error
    return expanded


@functools.lru_cache(maxsize=32)
def _transformed(document: bytes, parameters: tuple[tuple[str, str], ...]) -> bytes:
    """SAM's part, which takes most of the time. Pickled, as the document is."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # samtranslator asks botocore for the partition
    plain = pickle.loads(document)  # noqa: S301  # our own, of this process
    return pickle.dumps(transform(plain, dict(parameters), _NoManagedPolicies()))


def _unversioned(document: Document) -> Document:
    """Replaces aliases by their functions: the local cloud has one version of each function."""
    resources: Document = document["Resources"]
    aliases = {
        name: {"Fn::GetAtt": [resource["Properties"]["FunctionName"]["Ref"], "Arn"]}
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Alias"
    }
    document["Resources"] = {name: one for name, one in resources.items() if one["Type"] not in _OF_VERSIONS}
    named: Document = _renamed(document, aliases)
    return named


def _renamed(node: Any, aliases: Mapping[str, Document]) -> Any:
    if isinstance(node, dict):
        alias = aliases.get(str(node["Ref"])) if set(node) == {"Ref"} else None
        return alias or {key: _renamed(value, aliases) for key, value in node.items()}
    return [_renamed(item, aliases) for item in node] if isinstance(node, list) else node


def _parameters(document: Document, overrides: Mapping[str, str]) -> dict[str, str]:
    declared: Document = document.get("Parameters", {})
    unknown = set(overrides) - set(declared)
    if unknown:
        raise InvalidTemplateError(f"no such parameters: {', '.join(sorted(unknown))}")
    values = {name: str(overrides.get(name, spec.get("Default", ""))) for name, spec in declared.items()}
    for name, spec in declared.items():
        _check_parameter(name, spec, values[name])
    return values


def _check_parameter(name: str, spec: Document, value: str) -> None:
    allowed = [str(one) for one in spec.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise InvalidTemplateError(f"{name} is {value!r}, allowed are {', '.join(allowed)}")
    if "AllowedPattern" in spec and not re.fullmatch(spec["AllowedPattern"], value):
        raise InvalidTemplateError(f"{name} is {value!r}: {spec.get('ConstraintDescription', spec['AllowedPattern'])}")
    if len(value) > int(spec.get("MaxLength", len(value))):
        raise InvalidTemplateError(f"{name} has {len(value)} characters, at most {spec['MaxLength']} are allowed")
    if spec["Type"] == "Number":
        _check_number(name, spec, value)


def _check_number(name: str, spec: Document, value: str) -> None:
    try:
        number = float(value)
    except ValueError as error:
        raise InvalidTemplateError(f"{name} is {value!r}, which is no number") from error
    if not float(spec.get("MinValue", number)) <= number <= float(spec.get("MaxValue", number)):
        raise InvalidTemplateError(f"{name} is {value}, it goes from {spec.get('MinValue')} to {spec.get('MaxValue')}")


def _assert_rule(name: str, rule: Document, parameters: Mapping[str, str]) -> None:
    if not _holds(rule.get("RuleCondition", True), parameters):
        return
    for assertion in rule["Assertions"]:
        if not _holds(assertion["Assert"], parameters):
            raise InvalidTemplateError(f"{name}: {assertion.get('AssertDescription', 'does not hold')}")


def _holds(expression: Any, parameters: Mapping[str, str]) -> bool:
    """Evaluates the rule functions that our templates use."""
    if not isinstance(expression, dict):
        return bool(expression)
    ((function, arguments),) = expression.items()
    match function:
        case "Fn::Equals":
            return _value(arguments[0], parameters) == _value(arguments[1], parameters)
        case "Fn::Not":
            return not _holds(arguments[0], parameters)
        case "Fn::And":
            return all(_holds(one, parameters) for one in arguments)
        case "Fn::Or":
            return any(_holds(one, parameters) for one in arguments)
    raise InvalidTemplateError(f"{function} in a rule is not known to the local cloud")


def _value(operand: Any, parameters: Mapping[str, str]) -> str:
    return parameters[operand["Ref"]] if isinstance(operand, dict) else str(operand)


def _pruned(node: Any, truths: Mapping[str, bool]) -> Any:
    """Without list items that are AWS::NoValue in this deployment, which moto would replace by null."""
    if isinstance(node, dict) and set(node) == {"Fn::If"}:
        return {"Fn::If": [_pruned(item, truths) for item in node["Fn::If"]]}
    if isinstance(node, dict):
        return {key: _pruned(value, truths) for key, value in node.items()}
    if isinstance(node, list):
        return [_pruned(item, truths) for item in node if not _is_no_value(item, truths)]
    return node


def _is_no_value(item: Any, truths: Mapping[str, bool]) -> bool:
    if isinstance(item, dict) and set(item) == {"Fn::If"}:
        condition, yes, no = item["Fn::If"]
        return _is_no_value(yes if truths[condition] else no, truths)
    return bool(item == {"Ref": "AWS::NoValue"})


def _sources(document: Document, folder: Path) -> dict[str, FunctionSource]:
    shared = document.get("Globals", {}).get("Function", {})
    layers = {
        name: folder / resource["Properties"]["ContentUri"] / "python"
        for name, resource in document["Resources"].items()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    }
    return {
        name: FunctionSource(
            folder / resource["Properties"]["CodeUri"],
            tuple(layers[one["Ref"]] for one in resource["Properties"].get("Layers", shared.get("Layers", []))),
        )
        for name, resource in document["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def _definitions(document: Document, folder: Path) -> dict[str, str]:
    """State machines as JSON, before their substitutions, by logical id."""
    return {
        name: json.dumps(_read_yaml((folder / resource["Properties"]["DefinitionUri"]).read_bytes()))
        for name, resource in document["Resources"].items()
        if resource["Type"] == "AWS::Serverless::StateMachine"
    }


def is_placeholder(code: Document) -> bool:
    """Whether an expanded function's Code stands for its built folder."""
    return code == {"S3Bucket": _PLACEHOLDER["Bucket"], "S3Key": _PLACEHOLDER["Key"]}


def _with_placeholders(document: Document) -> Document:
    """The translator requires code in S3; the local cloud runs it from its folder."""
    plain = copy.deepcopy(document)
    for resource in plain["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = dict(_PLACEHOLDER)
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = dict(_PLACEHOLDER)
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = dict(_PLACEHOLDER)
    return plain
