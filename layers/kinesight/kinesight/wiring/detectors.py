"""One builder per detector."""

from __future__ import annotations

import time
from functools import cache

from kinesight.adapters import aws_clients as clients
from kinesight.adapters import pictures_pillow
from kinesight.adapters.detector_bedrock import LARGEST_BYTES, LONGEST_SIDE, BedrockDetector
from kinesight.adapters.detector_http import HttpDetector, HttpModel
from kinesight.adapters.detector_rekognition import RekognitionFaces, RekognitionLabels
from kinesight.adapters.detector_sagemaker import SageMakerEndpoint
from kinesight.adapters.detector_sagemaker_async import SageMakerAsyncEndpoint
from kinesight.adapters.image_store_s3 import S3ImageStore
from kinesight.adapters.objects_s3 import S3Objects
from kinesight.adapters.secret_secretsmanager import SecretsManagerSecret
from kinesight.domain.answer_forms import AnswerMapping
from kinesight.domain.answer_mapping import AnswerReader
from kinesight.domain.answer_mappings import mapping_of
from kinesight.domain.endpoints import Endpoint
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.http_model import json_template
from kinesight.domain.label_map import LabelMap, parse_label_map
from kinesight.domain.picture_fit import ANY_CONTENT_TYPE, PictureForm
from kinesight.domain.ports import Detector
from kinesight.settings import DetectionSettings, DetectorType

_CONNECT_MS = 5000
_BEDROCK_MS = 60_000


def detector(wanted: DetectionSettings) -> Detector:
    """What Detector names. Raises InvalidSettingError, or StorageBusyError where a file of labels can't be read now."""
    match wanted.detector:
        case DetectorType.REKOGNITION_LABELS:
            return _rekognition_labels(wanted)
        case DetectorType.REKOGNITION_FACES:
            return _rekognition_faces(wanted)
        case DetectorType.SAGEMAKER:
            return _sagemaker(wanted)
        case DetectorType.SAGEMAKER_ASYNC:
            return _sagemaker_async(wanted)
        case DetectorType.HTTP:
            return _http(wanted)
        case DetectorType.BEDROCK:
            return _bedrock(wanted)


def _rekognition_labels(wanted: DetectionSettings) -> Detector:
    return RekognitionLabels(
        clients.rekognition(), minimum_confidence=wanted.minimum_confidence, max_labels=wanted.max_labels
    )


def _rekognition_faces(wanted: DetectionSettings) -> Detector:
    return RekognitionFaces(clients.rekognition(), minimum_confidence=wanted.minimum_confidence)


def _sagemaker(wanted: DetectionSettings) -> Detector:
    return SageMakerEndpoint(
        clients.sagemaker_runtime(wanted.sagemaker_timeout_milliseconds),
        S3ImageStore(clients.s3()),
        pictures_pillow.prepare,
        _reader(wanted),
        _endpoint(wanted),
    )


def _sagemaker_async(wanted: DetectionSettings) -> Detector:
    return SageMakerAsyncEndpoint(
        clients.sagemaker_runtime(wanted.sagemaker_timeout_milliseconds),
        S3ImageStore(clients.s3()),
        S3Objects(clients.s3()),
        pictures_pillow.prepare,
        _reader(wanted),
        _endpoint(wanted),
        timeout_ms=wanted.sagemaker_timeout_milliseconds,
        sleep=time.sleep,
        monotonic_s=time.monotonic,
    )


def _endpoint(wanted: DetectionSettings) -> Endpoint:
    if wanted.sagemaker_endpoint_name is None:
        raise InvalidSettingError(f"Detector is {wanted.detector}, and SageMakerEndpointName is empty")
    return Endpoint(
        wanted.sagemaker_endpoint_name, _form(wanted, wanted.sagemaker_content_type), wanted.sagemaker_accept
    )


def _http(wanted: DetectionSettings) -> Detector:
    if wanted.http_model_url is None:
        raise InvalidSettingError("Detector is HTTP, and HttpModelUrl is empty")
    model = HttpModel(
        wanted.http_model_url,
        _form(wanted, wanted.http_picture_type),
        None if wanted.http_json_body is None else json_template(wanted.http_json_body),
        wanted.http_auth_header,
        connect_timeout_ms=min(_CONNECT_MS, wanted.http_timeout_milliseconds),
        read_timeout_ms=wanted.http_timeout_milliseconds,
    )
    secret = None if wanted.http_auth_secret_arn is None else _secret(wanted.http_auth_secret_arn)
    return HttpDetector(S3ImageStore(clients.s3()), pictures_pillow.prepare, _reader(wanted), model, secret)


def _bedrock(wanted: DetectionSettings) -> Detector:
    if wanted.bedrock_model_id is None:
        raise InvalidSettingError("Detector is BEDROCK, and BedrockModelId is empty")
    return BedrockDetector(
        clients.bedrock_runtime(_BEDROCK_MS),
        S3ImageStore(clients.s3()),
        pictures_pillow.prepare,
        AnswerReader(mapping_of("BEDROCK"), LabelMap(), wanted.minimum_confidence),
        form=PictureForm(
            ANY_CONTENT_TYPE,
            _size(wanted),
            wanted.model_resize,
            largest_bytes=LARGEST_BYTES,
            longest_side=LONGEST_SIDE,
        ),
        model_id=wanted.bedrock_model_id,
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


def _reader(wanted: DetectionSettings) -> AnswerReader:
    uri = wanted.model_labels_uri
    names = [name.strip() for name in wanted.model_labels.split(",")]
    labels = LabelMap.of(names) if uri is None else _label_file(uri)
    return AnswerReader(_mapping(wanted.model_mapping), labels, wanted.minimum_confidence)


@cache
def _mapping(text: str) -> AnswerMapping:
    return mapping_of(text)


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
    return SecretsManagerSecret(clients.secrets_manager(), arn)
