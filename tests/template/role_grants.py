"""What every role is granted, read from the expanded template.

Resources are written short: `ImagesBucket/images/*` or `ResultsStream` by their logical ids, other ARNs without what is
the deployment's own: `kinesisvideo:stream/*`. A table with granted partition keys has them in
brackets: `CoordinationTable[leases]`.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kinesight_local.template import Expanded, expand

Document = dict[str, Any]
Grant = tuple[str, str]
"""An action and a resource."""

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
_OWN = re.compile(r"arn:aws:([a-z0-9-]+):(\*|us-east-1)?:?(?:\d{12})?:")
ACCOUNT_ID = "111122223333"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/kinesight/0",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy, as it is once deployed."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: str

    @property
    def grants(self) -> set[Grant]:
        return {(action, resource) for action in self.actions for resource in self.resources}


class Deployed:
    """The template under one choice of parameters."""

    def __init__(self, expanded: Expanded) -> None:
        self.expanded = expanded
        self.resources = expanded.resources

    def plain(self, value: Any) -> Any:
        """Without intrinsic functions. A resource is its logical id, by Ref and by Arn alike."""
        if isinstance(value, list):
            return [one for one in map(self.plain, value) if one != "AWS::NoValue"]
        if not isinstance(value, dict):
            return value
        (function, operand), *more = value.items() or [("", None)]
        if not more and (function == "Ref" or function.startswith("Fn::")):
            return self._intrinsic(function, operand)
        found = {key: self.plain(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one != "AWS::NoValue"}

    def _intrinsic(self, function: str, operand: Any) -> Any:
        match function, operand:
            case "Ref", "ImagesBucketName" if self.expanded.parameters["ImagesBucketName"]:
                return "ImagesBucket"  # as of the stack's own, which it replaces
            case "Ref", "NotificationTopicArn" if self.expanded.parameters["NotificationTopicArn"]:
                return "NotificationTopic"
            case "Ref", name:
                return _PSEUDO.get(name, self.expanded.parameters.get(name, name))
            case "Fn::GetAtt", [name, attribute]:
                return name if attribute == "Arn" else f"{name}.{attribute}"
            case "Fn::Sub", [text, names]:
                return self._substituted(text, names)
            case "Fn::Sub", text:
                return self._substituted(text, {})
            case "Fn::If", [condition, yes, no]:
                return self.plain(yes if self.expanded.conditions[condition] else no)
        return self._of_text(function, operand)

    def _of_text(self, function: str, operand: Any) -> Any:
        first, second = self.plain(operand)
        match function:
            case "Fn::Join":
                return first.join(map(str, second))
            case "Fn::Split":
                return str(second).split(first)
            case "Fn::Select":
                return second[int(first)]
        raise LookupError(f"{function} is not known here")

    def _substituted(self, text: str, names: Document) -> str:
        def value(match: re.Match[str]) -> str:
            name, _, attribute = match[1].partition(".")
            if name in names:
                return str(self.plain(names[name]))
            return str(self.plain({"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def of_type(self, kind: str) -> dict[str, Document]:
        return {
            name: self.plain(one.get("Properties", {})) for name, one in self.resources.items() if one["Type"] == kind
        }

    def environment(self, function: str) -> dict[str, str]:
        variables = self.of_type("AWS::Lambda::Function")[function]["Environment"]["Variables"]
        return {name: str(value) for name, value in variables.items()}

    def statements(self, role: str) -> list[Statement]:
        """Inline ones, and those of policies that name the role."""
        documents = [one["PolicyDocument"] for one in self.of_type("AWS::IAM::Role")[role].get("Policies", [])]
        apart = self.of_type("AWS::IAM::Policy").values()
        documents += [one["PolicyDocument"] for one in apart if role in one["Roles"]]
        single = self.of_type("AWS::IAM::RolePolicy").values()
        documents += [one["PolicyDocument"] for one in single if role == one["RoleName"]]
        return [_statement(one) for document in documents for one in document["Statement"]]

    def grants(self, role: str) -> set[Grant]:
        return {grant for one in self.statements(role) if one.effect == "Allow" for grant in one.grants}


def _statement(document: Document) -> Statement:
    return Statement(
        document.get("Sid", ""),
        document["Effect"],
        tuple(_listed(document["Action"])),
        tuple(place for one in _listed(document["Resource"]) for place in _with_keys(short(one), document)),
        str(document.get("Condition", "")),
    )


def _with_keys(resource: str, document: Document) -> list[str]:
    """A table once for each partition key to which its statement is limited."""
    keys = [
        key
        for operator, operands in document.get("Condition", {}).items()
        if operator in {"ForAllValues:StringEquals", "ForAllValues:StringLike"}
        for key in _listed(operands.get("dynamodb:LeadingKeys", []))
    ]
    return [f"{resource}[{key}]" for key in keys] or [resource]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def short(resource: str) -> str:
    """An ARN without what is the deployment's own."""
    found = _OWN.match(resource)
    if found is None:
        return resource
    service, region = found[1], "*:" if found[2] == "*" else ""
    rest = resource[found.end() :].lstrip(":")
    return rest if service in {"s3", "secretsmanager"} else f"{service}:{region}{rest}"


@cache
def deployed(**parameters: str) -> Deployed:
    return Deployed(expand(TEMPLATE, {"StreamNames": "cam"} | parameters))
