"""CloudFront and API Gateway's HTTP API, both served by viewer.py: the page's bucket, its headers, the API's routes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, override

from kinesight_local.http_api import HttpRoute
from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.template import Document
from kinesight_local.viewer import Web

_DISTRIBUTION = "AWS::CloudFront::Distribution"
_HEADERS_POLICY = "AWS::CloudFront::ResponseHeadersPolicy"
_INTEGRATION = "AWS::ApiGatewayV2::Integration"
_ROUTE = "AWS::ApiGatewayV2::Route"
_TARGET = re.compile(r"integrations/\$\{(\w+)\}")
_HEADERS: Mapping[str, tuple[str, str]] = {
    "Content-Security-Policy": ("ContentSecurityPolicy", "ContentSecurityPolicy"),
    "Referrer-Policy": ("ReferrerPolicy", "ReferrerPolicy"),
    "X-Frame-Options": ("FrameOptions", "FrameOption"),
}


class WebFront(ResourceType):
    """References only: `web_of` reads them once the stack is complete."""

    handles = frozenset({_DISTRIBUTION, _HEADERS_POLICY, _INTEGRATION, _ROUTE})

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        read = _REFERENCES.get(resource.type)
        return read(resource.properties) if read is not None else {}


def web_of(resources: Iterable[Resource], deployment: Deployment) -> Web | None:
    """What the stack serves to browsers; None if it has no distribution."""
    every = list(resources)
    by_type = {one.type: one for one in every}
    if _DISTRIBUTION not in by_type:
        return None
    policy = by_type[_HEADERS_POLICY]
    return Web(
        bucket=deployment.reference(by_type[_DISTRIBUTION].logical_id, "Page"),
        headers={name: deployment.reference(policy.logical_id, name) for name in _headers(policy.properties)},
        routes=tuple(_routes(every, deployment)),
    )


def _routes(resources: Iterable[Resource], deployment: Deployment) -> Iterator[HttpRoute]:
    for resource in resources:
        if resource.type == _ROUTE:
            (integration,) = _TARGET.findall(resource.properties["Target"]["Fn::Sub"])
            has_authorizer = resource.properties.get("AuthorizationType") == "JWT"
            invoke = deployment.invoker(deployment.reference(integration, "Function"))
            yield HttpRoute(resource.properties["RouteKey"], has_authorizer, invoke)


def _function(properties: Document) -> dict[str, Any]:
    return {"Function": properties["IntegrationUri"]}


def _headers(properties: Document) -> dict[str, Any]:
    """Header values by name, without HSTS: the local viewer has no TLS."""
    policy = properties["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    found = {name: security[part][value] for name, (part, value) in _HEADERS.items() if part in security}
    if "ContentTypeOptions" in security:
        found["X-Content-Type-Options"] = "nosniff"
    return found | {one["Header"]: one["Value"] for one in policy.get("CustomHeadersConfig", {}).get("Items", [])}


def _page(properties: Document) -> dict[str, Any]:
    """The bucket behind the default behaviour."""
    distribution = properties["DistributionConfig"]
    origins = {one["Id"]: one["DomainName"] for one in distribution["Origins"]}
    logical_id, _ = origins[distribution["DefaultCacheBehavior"]["TargetOriginId"]]["Fn::GetAtt"]
    return {"Page": {"Ref": str(logical_id)}}


_REFERENCES: Mapping[str, Callable[[Document], dict[str, Any]]] = {
    _DISTRIBUTION: _page,
    _HEADERS_POLICY: _headers,
    _INTEGRATION: _function,
}
