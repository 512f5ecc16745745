"""Collections of faces, in memory, and the search in them. How faces are compared: likeness.py.

Left out: quality filters, users (CreateUser, AssociateFaces), and whatever DetectFaces leaves out here.
"""

import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.answers import box, face_detail
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.images import body_of, picture_of, read_picture
from kinesight_local.vision.likeness import Likeness, likeness, similarity
from kinesight_local.vision.looking import Found, look_for_faces

Parameters = dict[str, Any]

FACE_MODEL_VERSION = "0.1"
"""Rekognition's own begin with 1."""

_MOST_FACES = 100
_MOST_MATCHES = 4096
_DEFAULT_THRESHOLD = 80.0


@dataclass(frozen=True, slots=True)
class _KnownFace:
    face: Parameters
    likeness: Likeness


class FaceCollections:
    """By id; safe for threads. Empty at the start of every local cloud."""

    def __init__(self) -> None:
        self._collections: dict[str, dict[str, _KnownFace]] = {}
        self._lock = threading.Lock()

    def operations(self) -> Mapping[str, Callable[[Parameters], Parameters]]:
        """By Rekognition's names. Each raises VisionError."""
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

    def _create(self, wanted: Parameters) -> Parameters:
        name = fields.text(wanted, "CollectionId", fields.COLLECTION_ID)
        with self._lock:
            if name in self._collections:
                raise VisionError("ResourceAlreadyExistsException", f"The collection id: {name} already exists")
            self._collections[name] = {}
        return {
            "StatusCode": 200,
            # Without "arn:" in front, as Rekognition answers.
            "CollectionArn": f"aws:rekognition:us-east-1:123456789012:collection/{name}",
            "FaceModelVersion": FACE_MODEL_VERSION,
        }

    def _delete(self, wanted: Parameters) -> Parameters:
        name, _ = self._collection(wanted)
        with self._lock:
            self._collections.pop(name, None)
        return {"StatusCode": 200}

    def _describe(self, wanted: Parameters) -> Parameters:
        _, known = self._collection(wanted)
        with self._lock:
            return {"FaceCount": len(known), "FaceModelVersion": FACE_MODEL_VERSION}

    def _list(self, wanted: Parameters) -> Parameters:
        with self._lock:
            names = sorted(self._collections)
        shown, more = fields.page(wanted, names)
        return {"CollectionIds": list(shown), "FaceModelVersions": [FACE_MODEL_VERSION] * len(shown), **more}

    def _index_faces(self, wanted: Parameters) -> Parameters:
        name, known = self._collection(wanted)
        external = _external_id(wanted)
        most = min(
            _MOST_FACES, int(fields.number(wanted, "MaxFaces", _MOST_FACES, fields.LARGEST_NUMBER)) or _MOST_FACES
        )
        body = body_of(wanted)
        picture = read_picture(body)
        found = sorted(look_for_faces(picture), key=_area, reverse=True)
        image_id = uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(body).hexdigest())
        records = [
            (_face(name, image_id, external, index, one), one, likeness(picture, one))
            for index, one in enumerate(found[:most])
        ]
        with self._lock:
            known |= {face["FaceId"]: _KnownFace(face, vector) for face, _, vector in records}
        return {
            "FaceRecords": [{"Face": face, "FaceDetail": face_detail(one)} for face, one, _ in records],
            "FaceModelVersion": FACE_MODEL_VERSION,
            "UnindexedFaces": [
                {"Reasons": ["EXCEEDS_MAX_FACES"], "FaceDetail": face_detail(one)} for one in found[most:]
            ],
        }

    def _list_faces(self, wanted: Parameters) -> Parameters:
        _, known = self._collection(wanted)
        with self._lock:
            faces = [one.face for one in known.values()]
        if "FaceIds" in wanted:
            faces = [face for face in faces if face["FaceId"] in _face_ids(wanted)]
        shown, more = fields.page(wanted, [] if wanted.get("UserId") else faces)
        return {"Faces": list(shown), "FaceModelVersion": FACE_MODEL_VERSION, **more}

    def _delete_faces(self, wanted: Parameters) -> Parameters:
        _, known = self._collection(wanted)
        with self._lock:
            gone = [one for one in _face_ids(wanted) if known.pop(one, None)]
        return {
            "DeletedFaces": gone,
            "UnsuccessfulFaceDeletions": [
                {"FaceId": one, "Reasons": ["FACE_NOT_FOUND"]} for one in _face_ids(wanted) if one not in gone
            ],
        }

    def _search(self, wanted: Parameters) -> Parameters:
        _, known = self._collection(wanted)
        threshold = fields.number(wanted, "FaceMatchThreshold", _DEFAULT_THRESHOLD)
        most = int(fields.number(wanted, "MaxFaces", _MOST_MATCHES, _MOST_MATCHES)) or _MOST_MATCHES
        picture = picture_of(wanted)
        searched = max(look_for_faces(picture), key=_area, default=None)
        if searched is None:
            raise VisionError("InvalidParameterException", "There are no faces in the image. Should be at least 1.")
        with self._lock:
            candidates = list(known.values())
        return {
            "SearchedFaceBoundingBox": box(searched),
            "SearchedFaceConfidence": searched.confidence,
            "FaceMatches": _matches(likeness(picture, searched), candidates, threshold)[:most],
            "FaceModelVersion": FACE_MODEL_VERSION,
        }

    def _collection(self, wanted: Parameters) -> tuple[str, dict[str, _KnownFace]]:
        name = fields.text(wanted, "CollectionId", fields.COLLECTION_ID)
        with self._lock:
            known = self._collections.get(name)
        if known is None:
            raise VisionError("ResourceNotFoundException", f"The collection id: {name} does not exist")
        return name, known


def _matches(searched: Likeness, candidates: Sequence[_KnownFace], threshold: float) -> list[Parameters]:
    """The most alike first."""
    compared = [(similarity(searched, one.likeness), one.face) for one in candidates]
    alike = sorted((one for one in compared if one[0] >= threshold), key=lambda one: -one[0])
    return [{"Similarity": percent, "Face": face} for percent, face in alike]


def _face(collection: str, image_id: uuid.UUID, external: str | None, index: int, found: Found) -> Parameters:
    """The same picture under the same external id has the same faces: indexing it again saves nothing twice."""
    named = {"ExternalImageId": external} if external else {}
    return {
        "FaceId": str(uuid.uuid5(image_id, f"{collection}/{external}/{index}")),
        "BoundingBox": box(found),
        "ImageId": str(image_id),
        "Confidence": found.confidence,
        "IndexFacesModelVersion": FACE_MODEL_VERSION,
        **named,
    }


def _external_id(wanted: Parameters) -> str | None:
    if "ExternalImageId" not in wanted:
        return None
    return fields.text(wanted, "ExternalImageId", fields.EXTERNAL_IMAGE_ID)


def _face_ids(wanted: Parameters) -> list[str]:
    ids = wanted.get("FaceIds")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise VisionError("InvalidParameterException", "FaceIds is a list of face ids.")
    return ids


def _area(found: Found) -> float:
    return found.box[2] * found.box[3]
