"""Detector on DetectCustomLabels: a custom model, which must be started and is billed while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import error_code
from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.rekognition_output import detections_of_custom_labels
from kinesight.domain.errors import DetectorBusyError, KinesightError
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef


class RekognitionCustomLabels(RekognitionOperation):
    """DetectCustomLabels (API_DetectCustomLabels)."""

    operation = "DetectCustomLabels"
    sides_px = (64, 4096)

    def __init__(
        self, client: RekognitionClient, *, minimum_confidence: float, max_labels: int, project_version_arn: str
    ) -> None:
        """`max_labels` limits the result to the most confident labels; `project_version_arn` is the model's ARN."""
        super().__init__(client, minimum_confidence=minimum_confidence)
        self._max_labels = max_labels
        self._project_version_arn = project_version_arn

    @property
    def fingerprint(self) -> str:
        """Includes the model's ARN."""
        return f"{super().fingerprint}/{self._project_version_arn}"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_custom_labels(
            ProjectVersionArn=self._project_version_arn,
            Image=image,
            MaxResults=self._max_labels,
            MinConfidence=self._minimum_confidence,
        )

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_custom_labels(raw.get("CustomLabels", ()))

    def _model_version(self, raw: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - the response does not name its model
        return self._project_version_arn.split("/")[-2]

    def _translated(self, error: Exception, what: str) -> KinesightError:
        if error_code(error) == "ResourceNotReadyException":
            return DetectorBusyError(
                f"{what}: the model is not running. Start it, and stop it when it is not needed: "
                f"aws rekognition start-project-version --project-version-arn {self._project_version_arn} "
                "--min-inference-units 1"
            )
        return super()._translated(error, what)
