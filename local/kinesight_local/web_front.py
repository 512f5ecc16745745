"""What a stack serves to browsers, by its expanded template: a page's bucket, its headers, the routes of an API."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kinesight_local.http_api import HttpRoute
from kinesight_local.lambdas import Answer
from kinesight_local.template import Document
from kinesight_local.viewer import Web

_DISTRIBUTION = "AWS::CloudFront::Distribution"
_POLICY = "AWS::CloudFront::ResponseHeadersPolicy"
_TARGET = re.compile(r"integrations/\$\{(\w+)\}")
_HEADERS: Mapping[str, tuple[str, str]] = {
    "Content-Security-Policy": ("ContentSecurityPolicy", "ContentSecurityPolicy"),
    "Referrer-Policy": ("ReferrerPolicy", "ReferrerPolicy"),
    "X-Frame-Options": ("FrameOptions", "FrameOption"),
}


def references(resource: Document) -> list[tuple[str, Any]]:
    """(name, expression) of what `web_of` will ask of a resource."""
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::ApiGatewayV2::Integration":
            return [("Function", properties["IntegrationUri"])]
        case "AWS::CloudFront::ResponseHeadersPolicy":
            return list(_headers(properties).items())
        case "AWS::CloudFront::Distribution":
            return [("Page", {"Ref": _page_bucket(properties["DistributionConfig"])})]
    return []


def web_of(
    resources: Document, reference: Callable[[str, str], str], invoker: Callable[[str], Callable[[Any], Answer]]
) -> Web | None:
    """None if the stack has no distribution. `reference`: what became of (logical id, name)."""
    by_type = {one["Type"]: logical_id for logical_id, one in resources.items()}
    if _DISTRIBUTION not in by_type:
        return None
    policy = by_type[_POLICY]
    return Web(
        bucket=reference(by_type[_DISTRIBUTION], "Page"),
        headers={name: reference(policy, name) for name in _headers(resources[policy]["Properties"])},
        routes=tuple(_routes(resources, reference, invoker)),
    )


def _routes(
    resources: Document, reference: Callable[[str, str], str], invoker: Callable[[str], Callable[[Any], Answer]]
) -> Iterator[HttpRoute]:
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            properties = resource["Properties"]
            (integration,) = _TARGET.findall(properties["Target"]["Fn::Sub"])
            has_authorizer = properties.get("AuthorizationType") == "JWT"
            yield HttpRoute(properties["RouteKey"], has_authorizer, invoker(reference(integration, "Function")))


def _headers(properties: Document) -> dict[str, Any]:
    """Not HSTS, which is for names under TLS."""
    policy = properties["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    found = {name: security[part][value] for name, (part, value) in _HEADERS.items() if part in security}
    if "ContentTypeOptions" in security:
        found["X-Content-Type-Options"] = "nosniff"
    return found | {one["Header"]: one["Value"] for one in policy.get("CustomHeadersConfig", {}).get("Items", [])}


def _page_bucket(distribution: Document) -> str:
    """The logical id of the bucket behind the default behaviour."""
    origins = {one["Id"]: one["DomainName"] for one in distribution["Origins"]}
    name, _ = origins[distribution["DefaultCacheBehavior"]["TargetOriginId"]]["Fn::GetAtt"]
    return str(name)
