"""Checks of the models that analyze images. Pure functions from facts to results."""

from collections.abc import Sequence

from kinesight.domain.check_results import Cause, Result, Status, failed, ok

from kinesight_cli.doctor.facts import ModelFacts

_SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})


def models(facts: Sequence[ModelFacts]) -> Result | None:
    """Returns the first failure, or what all models have in common; None without a model."""
    results = [_model(one) for one in facts]
    failures = [one for one in results if one.status is Status.FAILED]
    if failures:
        return failures[0]
    return ok("; ".join(one.fact for one in results)) if results else None


def _model(facts: ModelFacts) -> Result:
    match facts.detector:
        case "SAGEMAKER" | "SAGEMAKER_ASYNC":
            return _endpoint(facts)
        case "REKOGNITION_FACE_SEARCH":
            return _collection(facts)
        case "REKOGNITION_CUSTOM_LABELS":
            return _custom_labels(facts)
        case "HTTP":
            return _http(facts)
        case _:
            return _bedrock(facts)


def _state(facts: ModelFacts) -> str:
    return f"{facts.name} {'does not exist' if facts.state is None else f'is {facts.state}'}"


def _endpoint(facts: ModelFacts) -> Result:
    if facts.state in _SERVING:
        return ok(f"the endpoint {_state(facts)}")
    return failed(
        Cause.ENDPOINT_NOT_IN_SERVICE,
        f"the endpoint {_state(facts)}",
        facts.note or "Images are retried for 105 minutes.",
        f"aws sagemaker describe-endpoint --endpoint-name {facts.name} --query '[EndpointStatus,FailureReason]'",
    )


def _collection(facts: ModelFacts) -> Result:
    if facts.state is not None:
        return ok(f"the collection {facts.name} has {facts.state} faces")
    return failed(
        Cause.COLLECTION_MISSING,
        f"the collection {facts.name} does not exist",
        "Rekognition rejects every image with ResourceNotFoundException; images are retried for 105 minutes.",
        f"aws rekognition create-collection --collection-id {facts.name}  # then add faces with index-faces",
    )


def _custom_labels(facts: ModelFacts) -> Result:
    if facts.state == "RUNNING":
        return ok(f"the model {_state(facts)}")
    return failed(
        Cause.MODEL_NOT_RUNNING,
        f"the model {_state(facts)}",
        "Rekognition returns ResourceNotReady until it runs. Starting takes minutes, and running is billed by the "
        "hour.",
        f"aws rekognition start-project-version --project-version-arn {facts.name} --min-inference-units 1",
    )


def _http(facts: ModelFacts) -> Result:
    if facts.state is not None and not facts.state.startswith("5"):
        return ok(f"{facts.name} responds ({facts.state})")
    return failed(
        Cause.MODEL_SILENT,
        f"{facts.name} {'does not respond' if facts.state is None else f'responds with {facts.state}'}",
        facts.note or "The model is down, or unreachable from this machine.",
        f"curl -sv -o /dev/null {facts.name}",
    )


def _bedrock(facts: ModelFacts) -> Result:
    if facts.state == "AVAILABLE":
        return ok(f"{facts.name} is available")
    return failed(
        Cause.MODEL_NOT_ALLOWED,
        f"{facts.name} is not available: {facts.state or 'this Region has no such model'}",
        "Bedrock makes a model available to an account after its terms are accepted, and not in every Region.",
        f"aws bedrock get-foundation-model-availability --model-id {facts.name}",
    )
