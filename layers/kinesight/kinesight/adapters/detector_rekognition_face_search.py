"""Detector on SearchFacesByImage: whose the largest face of the picture is, by a collection of known faces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import error_code
from kinesight.adapters.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.rekognition_output import detections_of_face_search
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef

_MAXIMUM_MATCHES = 5
"""A person may be in a collection several times; the best match is the answer, the others are told beside it."""


class RekognitionFaceSearch(RekognitionOperation):
    """SearchFacesByImage (API_SearchFacesByImage). A picture without a face is an answer without detections."""

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
        """`minimum_confidence` that there is a face, `match_threshold` that it is a known one; both 0 to 100."""
        super().__init__(client, minimum_confidence=minimum_confidence)
        self._collection_id = collection_id
        self._match_threshold = match_threshold

    @property
    def fingerprint(self) -> str:
        """Another collection or threshold knows other people."""
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
            if _says_no_face(error):
                return {"FaceMatches": []}
            raise

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return self._sure(detections_of_face_search(raw))


def _says_no_face(error: ClientError) -> bool:
    # The code stands for every wrong parameter; only the words tell an empty picture from a picture that is too small.
    message = str(error.response["Error"].get("Message", ""))
    return error_code(error) == "InvalidParameterException" and "no faces in the image" in message
