"""Evaluates resource policies: which statements deny an action, and whether one allows it.

Ignores statements with NotAction, NotResource or NotPrincipal.
"""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

Policy = Mapping[str, Any]

_PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def denials(policy: Policy | None, action: str, resource: str) -> tuple[str, ...]:
    """Returns the Sids of statements that deny the action to everyone."""
    found = _denying(policy, action, resource)
    return tuple(_sid(one) for one in found if not one.get("Condition") and _is_everyone(one.get("Principal")))


def conditional_denials(policy: Policy | None, action: str, resource: str) -> tuple[str, ...]:
    """Returns the Sids of statements that deny it to some, or under conditions other than plain HTTP."""
    found = _denying(policy, action, resource)
    some = (one for one in found if one.get("Condition") or not _is_everyone(one.get("Principal")))
    return tuple(_sid(one) for one in some if one.get("Condition") != _PLAIN_HTTP)


def allows(policy: Policy | None, action: str, resource: str, service: str, source_arn: str) -> bool:
    """Returns whether the policy allows a service the action on behalf of `source_arn`."""
    return any(
        _is_service(one.get("Principal"), service) and _is_source_allowed(one.get("Condition", {}), source_arn)
        for one in _statements(policy)
        if one.get("Effect") == "Allow" and _covers(one, action, resource)
    )


def _denying(policy: Policy | None, action: str, resource: str) -> Iterator[Policy]:
    return (one for one in _statements(policy) if one.get("Effect") == "Deny" and _covers(one, action, resource))


def _statements(policy: Policy | None) -> list[Policy]:
    found = (policy or {}).get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def _covers(statement: Policy, action: str, resource: str) -> bool:
    """Actions are case-insensitive. A statement without Resource is about the resource that it is attached to."""
    actions = [one.lower() for one in _listed(statement.get("Action", []))]
    resources = _listed(statement.get("Resource", [resource]))
    return _matches(action.lower(), actions) and _matches(resource, resources)


def _is_everyone(principal: Any) -> bool:
    return principal == "*" or (isinstance(principal, Mapping) and "*" in _listed(principal.get("AWS", [])))


def _is_service(principal: Any, service: str) -> bool:
    return principal == "*" or (isinstance(principal, Mapping) and service in _listed(principal.get("Service", [])))


def _is_source_allowed(condition: Mapping[str, Any], source_arn: str) -> bool:
    """Evaluates only the conditions on aws:SourceArn."""
    patterns = [
        _listed(value)
        for operator, keys in condition.items()
        for key, value in keys.items()
        if operator.startswith(("Arn", "String")) and key.lower() == "aws:sourcearn"
    ]
    return all(_matches(source_arn, one) for one in patterns)


def _matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, one.replace("[", "[[]")) for one in patterns)


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _sid(statement: Policy) -> str:
    return str(statement.get("Sid", "a statement without Sid"))
