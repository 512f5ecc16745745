"""What a resource's policy says, as far as it matters here: does anything refuse, does anything allow.

Statements with NotAction, NotResource or NotPrincipal are passed over.
"""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

Policy = Mapping[str, Any]

_PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def refusals(policy: Policy | None, action: str, resource: str) -> tuple[str, ...]:
    """Sids of statements that refuse the action to everybody."""
    found = _denying(policy, action, resource)
    return tuple(_sid(one) for one in found if not one.get("Condition") and _is_everybody(one.get("Principal")))


def conditional_refusals(policy: Policy | None, action: str, resource: str) -> tuple[str, ...]:
    """Sids of statements that refuse it to some, or under conditions; that plain HTTP is refused does not count."""
    found = _denying(policy, action, resource)
    some = (one for one in found if one.get("Condition") or not _is_everybody(one.get("Principal")))
    return tuple(_sid(one) for one in some if one.get("Condition") != _PLAIN_HTTP)


def allows(policy: Policy | None, action: str, resource: str, service: str, source_arn: str) -> bool:
    """Whether a service may do it on behalf of `source_arn`."""
    return any(
        _is_service(one.get("Principal"), service) and _is_of(one.get("Condition", {}), source_arn)
        for one in _statements(policy)
        if one.get("Effect") == "Allow" and _covers(one, action, resource)
    )


def _denying(policy: Policy | None, action: str, resource: str) -> Iterator[Policy]:
    return (one for one in _statements(policy) if one.get("Effect") == "Deny" and _covers(one, action, resource))


def _statements(policy: Policy | None) -> list[Policy]:
    found = (policy or {}).get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def _covers(statement: Policy, action: str, resource: str) -> bool:
    """Actions don't mind case; without Resource a statement is of the resource that it is attached to."""
    actions = [one.lower() for one in _listed(statement.get("Action", []))]
    resources = _listed(statement.get("Resource", [resource]))
    return _matches(action.lower(), actions) and _matches(resource, resources)


def _is_everybody(principal: Any) -> bool:
    return principal == "*" or (isinstance(principal, Mapping) and "*" in _listed(principal.get("AWS", [])))


def _is_service(principal: Any, service: str) -> bool:
    return principal == "*" or (isinstance(principal, Mapping) and service in _listed(principal.get("Service", [])))


def _is_of(condition: Mapping[str, Any], source_arn: str) -> bool:
    """Only what names the source is read."""
    wanted = [
        _listed(value)
        for operator, keys in condition.items()
        for key, value in keys.items()
        if operator.startswith(("Arn", "String")) and key.lower() == "aws:sourcearn"
    ]
    return all(_matches(source_arn, one) for one in wanted)


def _matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, one.replace("[", "[[]")) for one in patterns)


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _sid(statement: Policy) -> str:
    return str(statement.get("Sid", "a statement without Sid"))
