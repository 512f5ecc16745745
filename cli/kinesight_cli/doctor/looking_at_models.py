"""The facts of the models that a stack's detectors ask."""

import re
from collections.abc import Callable

import httpx

from kinesight_cli.doctor.asking import UnansweredError
from kinesight_cli.doctor.facts import ModelFacts
from kinesight_cli.doctor.looking_at_stack import StackEye

_NOT_FOUND = frozenset({"ValidationException"})
_HTTP_S = 10.0
_PROFILE = re.compile(
    r"^(arn:[^:]+:bedrock:.*:(application-)?inference-profile/|(us|us-gov|eu|apac|au|jp|ca|global)\.)"
)


def first(eye: StackEye) -> ModelFacts | None:
    """Of the parameter Detector; None for an operation of Rekognition that needs nothing besides."""
    return _looked(eye, eye.parameter("Detector"))


def second(eye: StackEye) -> ModelFacts | None:
    """Of ThenDetector, as `first`."""
    return _looked(eye, eye.parameter("ThenDetector"))


def _looked(eye: StackEye, detector: str) -> ModelFacts | None:
    look = _LOOKS.get(detector)
    return None if look is None else look(eye, detector)


def _endpoint(eye: StackEye, detector: str) -> ModelFacts:
    name = eye.parameter("SageMakerEndpointName")
    answer = eye.aws.ask("sagemaker", "describe_endpoint", EndpointName=name, absent=_NOT_FOUND)
    if answer is None:
        return ModelFacts(detector, name, None)
    return ModelFacts(detector, name, answer["EndpointStatus"], answer.get("FailureReason", ""))


def _collection(eye: StackEye, detector: str) -> ModelFacts:
    name = eye.parameter("FaceCollectionId")
    answer = eye.aws.ask("rekognition", "describe_collection", CollectionId=name)
    return ModelFacts(detector, name, None if answer is None else str(answer["FaceCount"]))


def _custom_labels(eye: StackEye, detector: str) -> ModelFacts:
    """A model's ARN does not hold its project's, so that is looked up by name."""
    arn = eye.parameter("CustomLabelsModelArn")
    project, version = arn.split("/")[1], arn.split("/")[3]
    found = eye.aws.ask("rekognition", "describe_projects", ProjectNames=[project])
    states = [
        one["Status"]
        for described in (found or {}).get("ProjectDescriptions", [])
        for one in (
            eye.aws.ask(
                "rekognition",
                "describe_project_versions",
                ProjectArn=described["ProjectArn"],
                VersionNames=[version],
            )
            or {}
        ).get("ProjectVersionDescriptions", [])
        if one["ProjectVersionArn"] == arn
    ]
    return ModelFacts(detector, arn, states[0] if states else None)


def _http(eye: StackEye, detector: str) -> ModelFacts:
    """A GET without the secret: any answer but a server's error shows that somebody is there."""
    url = eye.parameter("HttpModelUrl")
    if eye.parameter("VpcSubnetIds"):
        raise UnansweredError(f"{url} is asked from inside a VPC, where doctor is not")
    told = url.partition("?")[0]
    try:
        answer = httpx.get(url, timeout=_HTTP_S)
    except httpx.HTTPError as error:
        return ModelFacts(detector, told, None, f"{type(error).__name__}: {error}".rstrip(": "))
    return ModelFacts(detector, told, str(answer.status_code))


def _bedrock(eye: StackEye, detector: str) -> ModelFacts:
    """An inference profile is asked about its models."""
    name = eye.parameter("BedrockModelId")
    models = [name]
    if _PROFILE.match(name):
        profile = eye.aws.ask("bedrock", "get_inference_profile", inferenceProfileIdentifier=name, absent=_NOT_FOUND)
        if profile is None or profile["status"] != "ACTIVE":
            return ModelFacts(detector, name, None)
        models = [one["modelArn"].rpartition("/")[2] for one in profile["models"]]
    answer = eye.aws.ask("bedrock", "get_foundation_model_availability", modelId=models[0], absent=_NOT_FOUND)
    if answer is None:
        return ModelFacts(detector, name, None)
    checks = {
        "agreement": answer["agreementAvailability"]["status"] == "AVAILABLE",
        "authorization": answer["authorizationStatus"] == "AUTHORIZED",
        "entitlement": answer["entitlementAvailability"] == "AVAILABLE",
        "region": answer["regionAvailability"] == "AVAILABLE",
    }
    missing = ", ".join(f"no {check}" for check, is_met in checks.items() if not is_met)
    return ModelFacts(detector, name, missing or "AVAILABLE")


_LOOKS: dict[str, Callable[[StackEye, str], ModelFacts]] = {
    "SAGEMAKER": _endpoint,
    "SAGEMAKER_ASYNC": _endpoint,
    "REKOGNITION_FACE_SEARCH": _collection,
    "REKOGNITION_CUSTOM_LABELS": _custom_labels,
    "HTTP": _http,
    "BEDROCK": _bedrock,
}
