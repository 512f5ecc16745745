"""Reads facts about the models that the detectors of a stack call."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import httpx
from kinesight.domain.configuration.detector_definitions import DetectorDefinition
from kinesight.domain.parameters import permitted_names

from kinesight_cli.doctor.aws_reader import CallFailedError
from kinesight_cli.doctor.facts import ModelFacts
from kinesight_cli.doctor.stack_inspector import StackInspector

_NOT_FOUND = frozenset({"ValidationException"})
_HTTP_S = 10.0
_PROFILE = re.compile(
    r"^(arn:[^:]+:bedrock:.*:(application-)?inference-profile/|(us|us-gov|eu|apac|au|jp|ca|global)\.)"
)


def first(stack: StackInspector) -> tuple[ModelFacts, ...]:
    """Reads the models of the cameras' detectors; none for operations of Rekognition without a model of your own.

    A definition of the document names its model, or else a parameter of the stack. Raises like
    `StackInspector.configuration`.
    """
    return _models(stack, (one.detector for one in stack.cameras))


def second(stack: StackInspector) -> tuple[ModelFacts, ...]:
    """Reads the models of the cameras' second detectors; see `first`."""
    return _models(stack, (one.follow_up.detector for one in stack.cameras if one.follow_up is not None))


def _models(stack: StackInspector, names: Iterable[str | None]) -> tuple[ModelFacts, ...]:
    definitions = [stack.configuration.detector(name) for name in names if name is not None]
    named = [(one.type, _model_name(stack, one)) for one in definitions if one is not None and one.type in _READERS]
    return tuple(_READERS[kind][1](stack, kind, name) for kind, name in dict.fromkeys(named))


def _model_name(stack: StackInspector, definition: DetectorDefinition) -> str:
    field = _READERS[definition.type][0]
    listed = permitted_names(stack.parameter(definition.entry.settings.parameter(field)))
    return definition.values().get(field) or next(iter(listed), "")


def _endpoint(stack: StackInspector, detector: str, name: str) -> ModelFacts:
    response = stack.aws.call("sagemaker", "describe_endpoint", EndpointName=name, absent=_NOT_FOUND)
    if response is None:
        return ModelFacts(detector, name, None)
    return ModelFacts(detector, name, response["EndpointStatus"], response.get("FailureReason", ""))


def _collection(stack: StackInspector, detector: str, name: str) -> ModelFacts:
    response = stack.aws.call("rekognition", "describe_collection", CollectionId=name)
    return ModelFacts(detector, name, None if response is None else str(response["FaceCount"]))


def _custom_labels(stack: StackInspector, detector: str, arn: str) -> ModelFacts:
    """Reads the state of a model version. Its ARN does not contain the project's ARN, which is looked up by name."""
    project, version = arn.split("/")[1], arn.split("/")[3]
    found = stack.aws.call("rekognition", "describe_projects", ProjectNames=[project]) or {}
    states = [
        one["Status"]
        for described in found.get("ProjectDescriptions", [])
        for one in _versions(stack, described["ProjectArn"], version)
        if one["ProjectVersionArn"] == arn
    ]
    return ModelFacts(detector, arn, states[0] if states else None)


def _versions(stack: StackInspector, project_arn: str, version: str) -> list[Any]:
    response = stack.aws.call(
        "rekognition", "describe_project_versions", ProjectArn=project_arn, VersionNames=[version]
    )
    found: list[Any] = (response or {}).get("ProjectVersionDescriptions", [])
    return found


def _http(stack: StackInspector, detector: str, url: str) -> ModelFacts:
    """Sends a GET without the secret: any response except a server error shows that the model is running."""
    if stack.parameter("VpcSubnetIds"):
        raise CallFailedError(f"{url} is called from a VPC and cannot be checked from this machine")
    address = url.partition("?")[0]
    try:
        response = httpx.get(url, timeout=_HTTP_S)
    except httpx.HTTPError as error:
        return ModelFacts(detector, address, None, f"{type(error).__name__}: {error}".rstrip(": "))
    return ModelFacts(detector, address, str(response.status_code))


def _bedrock(stack: StackInspector, detector: str, name: str) -> ModelFacts:
    """Reads whether the model is available; of an inference profile, its first model."""
    models = [name]
    if _PROFILE.match(name):
        profile = stack.aws.call("bedrock", "get_inference_profile", inferenceProfileIdentifier=name, absent=_NOT_FOUND)
        if profile is None or profile["status"] != "ACTIVE":
            return ModelFacts(detector, name, None)
        models = [one["modelArn"].rpartition("/")[2] for one in profile["models"]]
    response = stack.aws.call("bedrock", "get_foundation_model_availability", modelId=models[0], absent=_NOT_FOUND)
    if response is None:
        return ModelFacts(detector, name, None)
    checks = {
        "agreement": response["agreementAvailability"]["status"] == "AVAILABLE",
        "authorization": response["authorizationStatus"] == "AUTHORIZED",
        "entitlement": response["entitlementAvailability"] == "AVAILABLE",
        "region": response["regionAvailability"] == "AVAILABLE",
    }
    missing = ", ".join(f"no {check}" for check, is_met in checks.items() if not is_met)
    return ModelFacts(detector, name, missing or "AVAILABLE")


_READERS: dict[str, tuple[str, Callable[[StackInspector, str, str], ModelFacts]]] = {
    "SAGEMAKER": ("sagemaker_endpoint_name", _endpoint),
    "SAGEMAKER_ASYNC": ("sagemaker_endpoint_name", _endpoint),
    "REKOGNITION_FACE_SEARCH": ("face_collection_id", _collection),
    "REKOGNITION_CUSTOM_LABELS": ("custom_labels_model_arn", _custom_labels),
    "HTTP": ("http_model_url", _http),
    "BEDROCK": ("bedrock_model_id", _bedrock),
}
"""By type of detector, the field of its settings that names the model."""
