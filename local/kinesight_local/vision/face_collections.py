"""Collections of faces in memory, and the search in them; face_similarity.py compares faces.

Not supported: quality filters, users (CreateUser, AssociateFaces), and the fields that DetectFaces omits here.
"""

import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.detection import Detection, detect_faces
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.face_similarity import Features, features, similarity
from kinesight_local.vision.rekognition_shapes import box, face_detail
from kinesight_local.vision.request_images import body_of, decode_image, image_of

Parameters = dict[str, Any]

FACE_MODEL_VERSION = "0.1"
"""Rekognition's own versions are greater."""

_MOST_FACES = 100
_MOST_MATCHES = 4096
_DEFAULT_THRESHOLD = 80.0


@dataclass(frozen=True, slots=True)
class _IndexedFace:
    face: Parameters
    features: Features


class FaceCollections:
    """Collections by id, initially none. May be used from any thread."""

    def __init__(self) -> None:
        self._collections: dict[str, dict[str, _IndexedFace]] = {}
        self._lock = threading.Lock()

    def operations(self) -> Mapping[str, Callable[[Parameters], Parameters]]:
        """By operation name. Each raises VisionError."""
        return {
            "CreateCollection": self._create,
            "DeleteCollection": self._delete,
            "DescribeCollection": self._describe,
            "ListCollections": self._list,
            "IndexFaces": self._index_faces,
            "ListFaces": self._list_faces,
            "DeleteFaces": self._delete_faces,
            "SearchFacesByImage": self._search,
        }

    def _create(self, request: Parameters) -> Parameters:
        name = fields.text(request, "CollectionId", fields.COLLECTION_ID)
        with self._lock:
            if name in self._collections:
                raise VisionError("ResourceAlreadyExistsException", f"The collection id: {name} already exists")
            self._collections[name] = {}
        return {
            "StatusCode": 200,
            # Rekognition returns it without "arn:" too.
            "CollectionArn": f"aws:rekognition:us-east-1:123456789012:collection/{name}",
            "FaceModelVersion": FACE_MODEL_VERSION,
        }

    def _delete(self, request: Parameters) -> Parameters:
        name, _ = self._collection(request)
        with self._lock:
            self._collections.pop(name, None)
        return {"StatusCode": 200}

    def _describe(self, request: Parameters) -> Parameters:
        _, indexed = self._collection(request)
        with self._lock:
            return {"FaceCount": len(indexed), "FaceModelVersion": FACE_MODEL_VERSION}

    def _list(self, request: Parameters) -> Parameters:
        with self._lock:
            names = sorted(self._collections)
        shown, more = fields.page(request, names)
        return {"CollectionIds": list(shown), "FaceModelVersions": [FACE_MODEL_VERSION] * len(shown), **more}

    def _index_faces(self, request: Parameters) -> Parameters:
        name, indexed = self._collection(request)
        external = _external_id(request)
        most = min(
            _MOST_FACES, int(fields.number(request, "MaxFaces", _MOST_FACES, fields.LARGEST_NUMBER)) or _MOST_FACES
        )
        body = body_of(request)
        image = decode_image(body)
        found = sorted(detect_faces(image), key=_area, reverse=True)
        image_id = uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(body).hexdigest())
        records = [
            (_face(name, image_id, external, index, one), one, features(image, one))
            for index, one in enumerate(found[:most])
        ]
        with self._lock:
            indexed |= {face["FaceId"]: _IndexedFace(face, vector) for face, _, vector in records}
        return {
            "FaceRecords": [{"Face": face, "FaceDetail": face_detail(one)} for face, one, _ in records],
            "FaceModelVersion": FACE_MODEL_VERSION,
            "UnindexedFaces": [
                {"Reasons": ["EXCEEDS_MAX_FACES"], "FaceDetail": face_detail(one)} for one in found[most:]
            ],
        }

    def _list_faces(self, request: Parameters) -> Parameters:
        _, indexed = self._collection(request)
        with self._lock:
            faces = [one.face for one in indexed.values()]
        if "FaceIds" in request:
            faces = [face for face in faces if face["FaceId"] in _face_ids(request)]
        shown, more = fields.page(request, [] if request.get("UserId") else faces)
        return {"Faces": list(shown), "FaceModelVersion": FACE_MODEL_VERSION, **more}

    def _delete_faces(self, request: Parameters) -> Parameters:
        _, indexed = self._collection(request)
        with self._lock:
            deleted = [one for one in _face_ids(request) if indexed.pop(one, None)]
        return {
            "DeletedFaces": deleted,
            "UnsuccessfulFaceDeletions": [
                {"FaceId": one, "Reasons": ["FACE_NOT_FOUND"]} for one in _face_ids(request) if one not in deleted
            ],
        }

    def _search(self, request: Parameters) -> Parameters:
        _, indexed = self._collection(request)
        threshold = fields.number(request, "FaceMatchThreshold", _DEFAULT_THRESHOLD)
        most = int(fields.number(request, "MaxFaces", _MOST_MATCHES, _MOST_MATCHES)) or _MOST_MATCHES
        image = image_of(request)
        searched = max(detect_faces(image), key=_area, default=None)
        if searched is None:
            raise VisionError("InvalidParameterException", "There are no faces in the image. Should be at least 1.")
        with self._lock:
            candidates = list(indexed.values())
        return {
            "SearchedFaceBoundingBox": box(searched),
            "SearchedFaceConfidence": searched.confidence,
            "FaceMatches": _matches(features(image, searched), candidates, threshold)[:most],
            "FaceModelVersion": FACE_MODEL_VERSION,
        }

    def _collection(self, request: Parameters) -> tuple[str, dict[str, _IndexedFace]]:
        name = fields.text(request, "CollectionId", fields.COLLECTION_ID)
        with self._lock:
            indexed = self._collections.get(name)
        if indexed is None:
            raise VisionError("ResourceNotFoundException", f"The collection id: {name} does not exist")
        return name, indexed


def _matches(searched: Features, candidates: Sequence[_IndexedFace], threshold: float) -> list[Parameters]:
    """Matches by descending similarity."""
    compared = [(similarity(searched, one.features), one.face) for one in candidates]
    matches = sorted((one for one in compared if one[0] >= threshold), key=lambda one: -one[0])
    return [{"Similarity": percent, "Face": face} for percent, face in matches]


def _face(collection: str, image_id: uuid.UUID, external: str | None, index: int, found: Detection) -> Parameters:
    """Face ids depend on image and external id only, so that indexing an image again adds no faces."""
    optional = {"ExternalImageId": external} if external else {}
    return {
        "FaceId": str(uuid.uuid5(image_id, f"{collection}/{external}/{index}")),
        "BoundingBox": box(found),
        "ImageId": str(image_id),
        "Confidence": found.confidence,
        "IndexFacesModelVersion": FACE_MODEL_VERSION,
        **optional,
    }


def _external_id(request: Parameters) -> str | None:
    if "ExternalImageId" not in request:
        return None
    return fields.text(request, "ExternalImageId", fields.EXTERNAL_IMAGE_ID)


def _face_ids(request: Parameters) -> list[str]:
    ids = request.get("FaceIds")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise VisionError("InvalidParameterException", "FaceIds must be a list of face ids.")
    return ids


def _area(found: Detection) -> float:
    return found.box[2] * found.box[3]
