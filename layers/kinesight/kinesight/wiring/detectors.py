"""Detectors of the catalogue with their adapters: one factory for each type."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from functools import cache
from threading import Lock
from typing import Any

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
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.configuration.camera import FollowUp
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.budget import Budget
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.catalogue import DETECTORS, own_models, rekognition
from kinesight.domain.detectors.catalogue.entry import DetectorEntry, DetectorSettings
from kinesight.domain.detectors.chained_detector import ChainedDetector, ChainRules
from kinesight.domain.detectors.checked_detector import CheckedDetector
from kinesight.domain.detectors.http_request import json_template
from kinesight.domain.detectors.image_fit import ANY_CONTENT_TYPE, Endpoint, ImageForm
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.output_schema import OutputMapping
from kinesight.domain.detectors.ports import Detector, SpendingDetector
from kinesight.domain.errors import InvalidConfigurationError, InvalidSettingError
from kinesight.wiring.budget import budget
from kinesight.wiring.detector_prices import priced_detector

_CONNECT_MS = 5000
_BEDROCK_MS = 60_000


Factory = Callable[[Any], Detector]

_FACTORIES: dict[str, Factory] = {}


def _factory[S: DetectorSettings](
    entry: DetectorEntry[S],
) -> Callable[[Callable[[S], Detector]], Callable[[S], Detector]]:
    """Registers the factory of an entry; its parameter is of the entry's settings."""

    def register(make: Callable[[S], Detector]) -> Callable[[S], Detector]:
        _FACTORIES[entry.name] = make
        return make

    return register


class CameraDetectors:
    """The detector of each stream, made once for all cameras that use the same. `chosen`: a detector's name that holds
    for all streams instead, without a second one. Safe for threads."""

    def __init__(
        self, settings: DetectionSettings, configuration: Callable[[], Configuration], chosen: str | None = None
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._chosen = chosen
        self._current: Configuration | None = None
        self._made: dict[Hashable, SpendingDetector] = {}
        self._lock = Lock()

    def of_stream(self, stream_name: str) -> SpendingDetector | None:
        """Raises InvalidConfigurationError if a setting is missing that the detector needs, StorageBusyError if S3
        cannot be read."""
        configuration = self._configuration()
        camera = configuration.of_stream(stream_name).camera
        name = self._chosen or camera.detector
        if name is None:
            return None
        follow_up = camera.follow_up if self._chosen is None else None
        key = (name, follow_up, camera.daily_budget_usd, camera.budget_soft_percent)
        with self._lock:
            if configuration is not self._current:
                self._current, self._made = configuration, {}
            if key not in self._made:
                try:
                    limits = budget(self._settings, camera.daily_budget_usd, camera.budget_soft_percent)
                    self._made[key] = _chain(self._settings, configuration, limits, name, follow_up)
                except InvalidSettingError as error:
                    raise InvalidConfigurationError(str(error)) from error
            return self._made[key]


def _chain(
    settings: DetectionSettings,
    configuration: Configuration,
    limits: Budget | None,
    name: str,
    follow_up: FollowUp | None,
) -> SpendingDetector:
    first = _budgeted(settings, configuration, limits, name)
    if follow_up is None:
        return first
    second = _budgeted(settings, configuration, limits, follow_up.detector)
    rules = ChainRules.of(follow_up.labels, follow_up.minimum_confidence, follow_up.on)
    work = S3Bucket(clients.s3(), settings.crops_bucket)
    return ChainedDetector(first, second, rules, S3Crops(S3ImageStore(clients.s3()), work, pillow_images.cropped))


def _budgeted(
    settings: DetectionSettings, configuration: Configuration, limits: Budget | None, name: str
) -> BudgetedDetector:
    one = priced_detector(settings, configuration, name)
    detector = CheckedDetector(_FACTORIES[one.name](one.settings), one.settings.minimum_confidence)
    return BudgetedDetector(detector, one.name, one.price, limits)


@_factory(rekognition.LABELS)
def _labels(settings: rekognition.LabelSettings) -> Detector:
    return RekognitionLabels(
        clients.rekognition(), minimum_confidence=settings.minimum_confidence, max_labels=settings.max_labels
    )


@_factory(rekognition.FACES)
def _faces(settings: DetectorSettings) -> Detector:
    return RekognitionFaces(clients.rekognition(), minimum_confidence=settings.minimum_confidence)


@_factory(rekognition.FACE_SEARCH)
def _face_search(settings: rekognition.FaceSearchSettings) -> Detector:
    return RekognitionFaceSearch(
        clients.rekognition(),
        minimum_confidence=settings.minimum_confidence,
        collection_id=settings.face_collection_id,
        match_threshold=settings.face_match_threshold,
    )


@_factory(rekognition.MODERATION)
def _moderation(settings: DetectorSettings) -> Detector:
    return RekognitionModeration(clients.rekognition(), minimum_confidence=settings.minimum_confidence)


@_factory(rekognition.TEXT)
def _text(settings: rekognition.TextSettings) -> Detector:
    return RekognitionText(
        clients.rekognition(),
        minimum_confidence=settings.minimum_confidence,
        plates=PlateRules.of(settings.known_plates, settings.plate_pattern, settings.plate_tolerance),
    )


@_factory(rekognition.PROTECTIVE_EQUIPMENT)
def _protective_equipment(settings: rekognition.EquipmentSettings) -> Detector:
    return RekognitionProtectiveEquipment(
        clients.rekognition(), minimum_confidence=settings.minimum_confidence, required=settings.required_equipment
    )


@_factory(rekognition.CUSTOM_LABELS)
def _custom_labels(settings: rekognition.CustomLabelSettings) -> Detector:
    return RekognitionCustomLabels(
        clients.rekognition(),
        minimum_confidence=settings.minimum_confidence,
        max_labels=settings.max_labels,
        project_version_arn=settings.custom_labels_model_arn,
    )


@_factory(own_models.SAGEMAKER)
def _sagemaker(settings: own_models.SageMakerSettings) -> Detector:
    return SageMakerEndpoint(
        clients.sagemaker_runtime(settings.sagemaker_timeout_milliseconds),
        S3ImageStore(clients.s3()),
        pillow_images.prepare,
        _reader(settings),
        _endpoint(settings),
        timeout_ms=settings.sagemaker_timeout_milliseconds,
    )


@_factory(own_models.SAGEMAKER_ASYNC)
def _sagemaker_async(settings: own_models.SageMakerSettings) -> Detector:
    return SageMakerAsyncEndpoint(
        clients.sagemaker_runtime(settings.sagemaker_timeout_milliseconds),
        S3ImageStore(clients.s3()),
        S3Objects(clients.s3()),
        pillow_images.prepare,
        _reader(settings),
        _endpoint(settings),
        timeout_ms=settings.sagemaker_timeout_milliseconds,
        sleep=time.sleep,
        monotonic_s=time.monotonic,
    )


def _endpoint(settings: own_models.SageMakerSettings) -> Endpoint:
    form = _form(settings, settings.sagemaker_content_type)
    return Endpoint(settings.sagemaker_endpoint_name, form, settings.sagemaker_accept)


@_factory(own_models.HTTP)
def _http(settings: own_models.HttpSettings) -> Detector:
    model = HttpModel(
        settings.http_model_url,
        _form(settings, settings.http_image_type),
        None if settings.http_json_body is None else json_template(settings.http_json_body),
        settings.http_auth_header,
        connect_timeout_ms=min(_CONNECT_MS, settings.http_timeout_milliseconds),
        read_timeout_ms=settings.http_timeout_milliseconds,
    )
    secret = None if settings.http_auth_secret_arn is None else _secret(settings.http_auth_secret_arn)
    return HttpDetector(S3ImageStore(clients.s3()), pillow_images.prepare, _reader(settings), model, secret)


@_factory(own_models.BEDROCK)
def _bedrock(settings: own_models.BedrockSettings) -> Detector:
    return BedrockDetector(
        clients.bedrock_runtime(_BEDROCK_MS),
        S3ImageStore(clients.s3()),
        pillow_images.prepare,
        OutputReader(output_mapping("BEDROCK"), LabelMap(), settings.minimum_confidence),
        form=ImageForm(
            ANY_CONTENT_TYPE,
            settings.model_size,
            settings.model_resize,
            largest_bytes=LARGEST_BYTES,
            longest_side=LONGEST_SIDE,
        ),
        model_id=settings.bedrock_model_id,
        prompt=settings.bedrock_prompt,
        max_tokens=settings.bedrock_max_tokens,
    )


def _form(settings: own_models.MappedSettings, content_type: str) -> ImageForm:
    size_matters = _mapping(settings.model_mapping).needs_sent_size
    return ImageForm(content_type, settings.model_size, settings.model_resize, size_matters=size_matters)


def _reader(settings: own_models.MappedSettings) -> OutputReader:
    labels = LabelMap.of(settings.class_names)
    return OutputReader(_mapping(settings.model_mapping), labels, settings.minimum_confidence)


@cache
def _mapping(text: str) -> OutputMapping:
    return output_mapping(text)


@cache
def _secret(arn: str) -> SecretsManagerSecret:
    """Kept for the environment's life."""
    return detector_secret(clients.secrets_manager(), arn)


if DETECTORS.keys() - _FACTORIES.keys():
    raise LookupError(f"detectors without a factory: {', '.join(DETECTORS.keys() - _FACTORIES.keys())}")
