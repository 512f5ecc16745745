"""Detector on SearchFacesByImage: identifies the largest face of an image by a collection of known faces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import error_code
from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.rekognition_output import detections_of_face_search
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef

_MAXIMUM_MATCHES = 5
"""A collection may contain a person several times; the best match is the detection, the others are its attributes."""


class RekognitionFaceSearch(RekognitionOperation):
    """SearchFacesByImage (API_SearchFacesByImage). An image without a face has no detections."""

    operation = "SearchFacesByImage"
    version_field = "FaceModelVersion"

    def __init__(
        self,
        client: RekognitionClient,
        *,
        minimum_confidence: float,
        collection_id: str,
        match_threshold: float,
    ) -> None:
        """`minimum_confidence` applies to the face, `match_threshold` to its match; both are 0 to 100."""
        super().__init__(client, minimum_confidence=minimum_confidence)
        self._collection_id = collection_id
        self._match_threshold = match_threshold

    @property
    def fingerprint(self) -> str:
        """Includes collection and threshold, because the matches depend on them."""
        return f"{super().fingerprint}/{self._collection_id}/{self._match_threshold:g}"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        try:
            return self._client.search_faces_by_image(
                CollectionId=self._collection_id,
                Image=image,
                FaceMatchThreshold=self._match_threshold,
                MaxFaces=_MAXIMUM_MATCHES,
            )
        except ClientError as error:
            if _is_no_face(error):
                return {"FaceMatches": []}
            raise

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_face_search(raw)


def _is_no_face(error: ClientError) -> bool:
    # Rekognition uses this code for every invalid parameter; only the message identifies an image without faces.
    message = str(error.response["Error"].get("Message", ""))
    return error_code(error) == "InvalidParameterException" and "no faces in the image" in message
