"""Checks of the models that look at pictures. Facts in, verdicts out."""

from kinesight.domain.health.findings import Cause, Verdict, broken, good

from kinesight_cli.doctor.facts import ModelFacts

_SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})


def model(facts: ModelFacts | None) -> Verdict | None:
    """None for Rekognition's own operations, which are always there."""
    if facts is None:
        return None
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


def _endpoint(facts: ModelFacts) -> Verdict:
    if facts.state in _SERVING:
        return good(f"the endpoint {_state(facts)}")
    return broken(
        Cause.ENDPOINT_NOT_IN_SERVICE,
        f"the endpoint {_state(facts)}",
        facts.note or "Pictures wait, and are tried for ninety minutes.",
        f"aws sagemaker describe-endpoint --endpoint-name {facts.name} --query '[EndpointStatus,FailureReason]'",
    )


def _collection(facts: ModelFacts) -> Verdict:
    if facts.state is not None:
        return good(f"the collection {facts.name} has {facts.state} faces")
    return broken(
        Cause.COLLECTION_MISSING,
        f"the collection {facts.name} does not exist",
        "Every picture is refused with ResourceNotFoundException and tried for ninety minutes.",
        f"aws rekognition create-collection --collection-id {facts.name}  # then index-faces, or nobody is known",
    )


def _custom_labels(facts: ModelFacts) -> Verdict:
    if facts.state == "RUNNING":
        return good(f"the model {_state(facts)}")
    return broken(
        Cause.MODEL_NOT_RUNNING,
        f"the model {_state(facts)}",
        "Rekognition answers ResourceNotReady until it runs. Starting takes minutes, and running costs by the hour.",
        f"aws rekognition start-project-version --project-version-arn {facts.name} --min-inference-units 1",
    )


def _http(facts: ModelFacts) -> Verdict:
    if facts.state is not None and not facts.state.startswith("5"):
        return good(f"{facts.name} answers ({facts.state})")
    return broken(
        Cause.MODEL_SILENT,
        f"{facts.name} {'gives no answer' if facts.state is None else f'answers {facts.state}'}",
        facts.note or "The model is down, or can't be reached from here.",
        f"curl -sv -o /dev/null {facts.name}",
    )


def _bedrock(facts: ModelFacts) -> Verdict:
    if facts.state == "AVAILABLE":
        return good(f"{facts.name} may be used")
    return broken(
        Cause.MODEL_NOT_ALLOWED,
        f"{facts.name} can't be used: {facts.state or 'there is no such model in this Region'}",
        "Bedrock gives an account a model once its terms are accepted, and not every model in every Region.",
        f"aws bedrock get-foundation-model-availability --model-id {facts.name}",
    )
