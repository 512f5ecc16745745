"""The detector that the parameters ask for: one function for each type."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.detectors.bedrock import LARGEST_BYTES, LONGEST_SIDE, BedrockDetector
from kinesight.adapters.detectors.http import HttpDetector, HttpModel
from kinesight.adapters.detectors.rekognition_custom_labels import RekognitionCustomLabels
from kinesight.adapters.detectors.rekognition_face_search import RekognitionFaceSearch
from kinesight.adapters.detectors.rekognition_faces import RekognitionFaces
from kinesight.adapters.detectors.rekognition_labels import RekognitionLabels
from kinesight.adapters.detectors.rekognition_moderation import RekognitionModeration
from kinesight.adapters.detectors.rekognition_protective_equipment import RekognitionProtectiveEquipment
from kinesight.adapters.detectors.rekognition_text import RekognitionText
from kinesight.adapters.detectors.sagemaker import SageMakerEndpoint
from kinesight.adapters.detectors.sagemaker_async import SageMakerAsyncEndpoint
from kinesight.adapters.media import pillow_images
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.adapters.s3.crops import S3Crops
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.adapters.s3.objects import S3Objects
from kinesight.adapters.secrets.secrets_manager import SecretsManagerSecret, detector_secret
from kinesight.domain.detectors.chained_detector import ChainedDetector, ChainRules
from kinesight.domain.detectors.http_request import json_template
from kinesight.domain.detectors.image_fit import ANY_CONTENT_TYPE, Endpoint, PictureForm
from kinesight.domain.detectors.label_map import LabelMap, parse_label_map
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.output_schema import OutputMapping
from kinesight.domain.detectors.ports import Detector, SpendingDetector
from kinesight.domain.errors import InvalidSettingError
from kinesight.settings import DetectionSettings, DetectorType
from kinesight.wiring.budget import budgeted

_CONNECT_MS = 5000
_BEDROCK_MS = 60_000


def detector(wanted: DetectionSettings) -> SpendingDetector:
    """Raises InvalidSettingError if a setting is missing that this type needs, StorageBusyError if S3 can't be read."""
    first = budgeted(wanted, _BUILDERS[wanted.detector](wanted))
    return first if wanted.then_detector is None else _chained(wanted, first, wanted.then_detector)


def _chained(wanted: DetectionSettings, first: SpendingDetector, then: DetectorType) -> SpendingDetector:
    price = {"detector_usd_per_thousand_calls": wanted.then_detector_usd_per_thousand_calls}
    own = wanted.model_copy(update={"detector": then, **price})
    second = budgeted(own, _BUILDERS[then](own))
    rules = ChainRules.of(wanted.then_labels, wanted.then_minimum_confidence, wanted.then_on)
    work = S3Bucket(clients.s3(), wanted.crops_bucket)
    return ChainedDetector(first, second, rules, S3Crops(S3ImageStore(clients.s3()), work, pillow_images.cropped))


def _labels(wanted: DetectionSettings) -> Detector:
    return RekognitionLabels(
        clients.rekognition(), minimum_confidence=wanted.minimum_confidence, max_labels=wanted.max_labels
    )


def _faces(wanted: DetectionSettings) -> Detector:
    return RekognitionFaces(clients.rekognition(), minimum_confidence=wanted.minimum_confidence)


def _face_search(wanted: DetectionSettings) -> Detector:
    return RekognitionFaceSearch(
        clients.rekognition(),
        minimum_confidence=wanted.minimum_confidence,
        collection_id=_needed(wanted, wanted.face_collection_id, "FaceCollectionId"),
        match_threshold=wanted.face_match_threshold,
    )


def _moderation(wanted: DetectionSettings) -> Detector:
    return RekognitionModeration(clients.rekognition(), minimum_confidence=wanted.minimum_confidence)


def _text(wanted: DetectionSettings) -> Detector:
    return RekognitionText(
        clients.rekognition(),
        minimum_confidence=wanted.minimum_confidence,
        plates=PlateRules.of(wanted.known_plates, wanted.plate_pattern, wanted.plate_tolerance),
    )


def _protective_equipment(wanted: DetectionSettings) -> Detector:
    return RekognitionProtectiveEquipment(
        clients.rekognition(), minimum_confidence=wanted.minimum_confidence, required=wanted.required_equipment
    )


def _custom_labels(wanted: DetectionSettings) -> Detector:
    return RekognitionCustomLabels(
        clients.rekognition(),
        minimum_confidence=wanted.minimum_confidence,
        max_labels=wanted.max_labels,
        project_version_arn=_needed(wanted, wanted.custom_labels_model_arn, "CustomLabelsModelArn"),
    )


def _sagemaker(wanted: DetectionSettings) -> Detector:
    return SageMakerEndpoint(
        clients.sagemaker_runtime(wanted.sagemaker_timeout_milliseconds),
        S3ImageStore(clients.s3()),
        pillow_images.prepare,
        _reader(wanted),
        _endpoint(wanted),
    )


def _sagemaker_async(wanted: DetectionSettings) -> Detector:
    return SageMakerAsyncEndpoint(
        clients.sagemaker_runtime(wanted.sagemaker_timeout_milliseconds),
        S3ImageStore(clients.s3()),
        S3Objects(clients.s3()),
        pillow_images.prepare,
        _reader(wanted),
        _endpoint(wanted),
        timeout_ms=wanted.sagemaker_timeout_milliseconds,
        sleep=time.sleep,
        monotonic_s=time.monotonic,
    )


def _endpoint(wanted: DetectionSettings) -> Endpoint:
    name = _needed(wanted, wanted.sagemaker_endpoint_name, "SageMakerEndpointName")
    return Endpoint(name, _form(wanted, wanted.sagemaker_content_type), wanted.sagemaker_accept)


def _http(wanted: DetectionSettings) -> Detector:
    model = HttpModel(
        _needed(wanted, wanted.http_model_url, "HttpModelUrl"),
        _form(wanted, wanted.http_picture_type),
        None if wanted.http_json_body is None else json_template(wanted.http_json_body),
        wanted.http_auth_header,
        connect_timeout_ms=min(_CONNECT_MS, wanted.http_timeout_milliseconds),
        read_timeout_ms=wanted.http_timeout_milliseconds,
    )
    secret = None if wanted.http_auth_secret_arn is None else _secret(wanted.http_auth_secret_arn)
    return HttpDetector(S3ImageStore(clients.s3()), pillow_images.prepare, _reader(wanted), model, secret)


def _bedrock(wanted: DetectionSettings) -> Detector:
    return BedrockDetector(
        clients.bedrock_runtime(_BEDROCK_MS),
        S3ImageStore(clients.s3()),
        pillow_images.prepare,
        OutputReader(output_mapping("BEDROCK"), LabelMap(), wanted.minimum_confidence),
        form=PictureForm(
            ANY_CONTENT_TYPE,
            _size(wanted),
            wanted.model_resize,
            largest_bytes=LARGEST_BYTES,
            longest_side=LONGEST_SIDE,
        ),
        model_id=_needed(wanted, wanted.bedrock_model_id, "BedrockModelId"),
        prompt=wanted.bedrock_prompt,
        max_tokens=wanted.bedrock_max_tokens,
    )


def _form(wanted: DetectionSettings, content_type: str) -> PictureForm:
    mapping = _mapping(wanted.model_mapping)
    return PictureForm(content_type, _size(wanted), wanted.model_resize, size_matters=mapping.needs_sent_size)


def _size(wanted: DetectionSettings) -> tuple[int, int] | None:
    width, height = wanted.model_width_pixels, wanted.model_height_pixels
    if width is None or height is None:
        if width is height:
            return None
        raise InvalidSettingError("give ModelWidthPixels and ModelHeightPixels together, or neither")
    return width, height


def _reader(wanted: DetectionSettings) -> OutputReader:
    uri = wanted.model_labels_uri
    names = [name.strip() for name in wanted.model_labels.split(",")]
    labels = LabelMap.of(names) if uri is None else _label_file(uri)
    return OutputReader(_mapping(wanted.model_mapping), labels, wanted.minimum_confidence)


@cache
def _mapping(text: str) -> OutputMapping:
    return output_mapping(text)


@cache
def _label_file(uri: str) -> LabelMap:
    """Read once in an environment's life."""
    body = S3Objects(clients.s3()).read(uri)
    if body is None:
        raise InvalidSettingError(f"ModelLabelsUri: there is no {uri}")
    return parse_label_map(body.decode(errors="replace"), uri)


@cache
def _secret(arn: str) -> SecretsManagerSecret:
    """Kept for the environment's life."""
    return detector_secret(clients.secrets_manager(), arn)


def _needed(wanted: DetectionSettings, value: str | None, parameter: str) -> str:
    if value is None:
        raise InvalidSettingError(f"Detector is {wanted.detector}, and {parameter} is empty")
    return value


_BUILDERS: Mapping[DetectorType, Callable[[DetectionSettings], Detector]] = {
    DetectorType.REKOGNITION_LABELS: _labels,
    DetectorType.REKOGNITION_FACES: _faces,
    DetectorType.REKOGNITION_FACE_SEARCH: _face_search,
    DetectorType.REKOGNITION_MODERATION: _moderation,
    DetectorType.REKOGNITION_TEXT: _text,
    DetectorType.REKOGNITION_PROTECTIVE_EQUIPMENT: _protective_equipment,
    DetectorType.REKOGNITION_CUSTOM_LABELS: _custom_labels,
    DetectorType.SAGEMAKER: _sagemaker,
    DetectorType.SAGEMAKER_ASYNC: _sagemaker_async,
    DetectorType.HTTP: _http,
    DetectorType.BEDROCK: _bedrock,
}
