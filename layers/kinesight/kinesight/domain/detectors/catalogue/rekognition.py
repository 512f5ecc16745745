"""Operations of Amazon Rekognition. Confidence and thresholds are 0 to 100."""

from typing import Annotated

from pydantic import Field

from kinesight.domain.detectors.call_prices import per_call
from kinesight.domain.detectors.catalogue.entry import DetectorEntry, DetectorSettings, Documentation
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.protective_equipment import Equipment
from kinesight.domain.parameters import SPLIT, CommaList, OptionalText, RequiredText

_GROUP_1, _GROUP_2 = "rekognition.image.group1", "rekognition.image.group2"


class LabelSettings(DetectorSettings):
    max_labels: int = Field(default=50, ge=1, le=1000, description="Most detections of an image.")


LABELS = DetectorEntry(
    name="REKOGNITION_LABELS",
    summary="DetectLabels",
    settings=LabelSettings,
    actions=("rekognition:DetectLabels",),
    price=per_call(1000),
    price_key=_GROUP_2,
    documentation=Documentation("Rekognition's, one detection per instance", "`parents`"),
)

FACES = DetectorEntry(
    name="REKOGNITION_FACES",
    summary="DetectFaces",
    settings=DetectorSettings,
    actions=("rekognition:DetectFaces",),
    price=per_call(1000),
    price_key=_GROUP_2,
    documentation=Documentation("`Face`", "the face details that Rekognition returns by default"),
)


class FaceSearchSettings(DetectorSettings):
    face_collection_id: RequiredText = Field(description="Collection that faces are searched in.")
    face_match_threshold: float = Field(default=80, ge=0, le=100, description="Percent of similarity that is a match.")


FACE_SEARCH = DetectorEntry(
    name="REKOGNITION_FACE_SEARCH",
    summary="SearchFacesByImage",
    settings=FaceSearchSettings,
    actions=("rekognition:SearchFacesByImage",),
    price=per_call(1000),
    price_key=_GROUP_1,
    documentation=Documentation(
        "`Face`",
        "`known`; of a known one `faceId`, `externalImageId`, `similarity`, and `otherMatches` if there are any",
    ),
)

MODERATION = DetectorEntry(
    name="REKOGNITION_MODERATION",
    summary="DetectModerationLabels",
    settings=DetectorSettings,
    actions=("rekognition:DetectModerationLabels",),
    price=per_call(1000),
    price_key=_GROUP_2,
    documentation=Documentation("Rekognition's taxonomy, without boxes", "`parents`, `taxonomyLevel`"),
)


class TextSettings(DetectorSettings):
    known_plates: CommaList = Field(default=[], description="Licence plates that are found as such.")
    plate_pattern: OptionalText = Field(
        default=None,
        description="Regular expression of whole plates, in capitals without blanks: characters, classes, groups, "
        "alternatives and repetitions.",
    )
    plate_tolerance: int = Field(
        default=1, ge=0, le=3, description="Characters in which a text may differ from a known plate."
    )

    def check(self) -> None:
        PlateRules.of(self.known_plates, self.plate_pattern, self.plate_tolerance)


TEXT = DetectorEntry(
    name="REKOGNITION_TEXT",
    summary="DetectText",
    settings=TextSettings,
    actions=("rekognition:DetectText",),
    price=per_call(1000),
    price_key=_GROUP_2,
    documentation=Documentation(
        "`Text Line`, `Text Word`, `License Plate`",
        "`text`, `id`, `parentId`; of a plate `text`, `knownPlate`, `distance`",
    ),
)


class EquipmentSettings(DetectorSettings):
    required_equipment: Annotated[list[Equipment], SPLIT] = Field(
        default=[Equipment.HEAD_COVER], min_length=1, description="What a person must wear."
    )


PROTECTIVE_EQUIPMENT = DetectorEntry(
    name="REKOGNITION_PROTECTIVE_EQUIPMENT",
    summary="DetectProtectiveEquipment",
    settings=EquipmentSettings,
    actions=("rekognition:DetectProtectiveEquipment",),
    price=per_call(1000),
    price_key=_GROUP_2,
    documentation=Documentation(
        "`Person without Required Equipment`, `Person with Required Equipment`, `Person`",
        "`missing`, `worn`, `undetermined`, `personId`",
    ),
)


class CustomLabelSettings(LabelSettings):
    custom_labels_model_arn: RequiredText = Field(description="Model that runs.")


CUSTOM_LABELS = DetectorEntry(
    name="REKOGNITION_CUSTOM_LABELS",
    summary="DetectCustomLabels",
    settings=CustomLabelSettings,
    actions=("rekognition:DetectCustomLabels",),
    price=per_call(0),
    price_key="rekognition.custom_labels",
    documentation=Documentation("your model's", needs=", and that the model runs"),
)

ENTRIES = (LABELS, FACES, FACE_SEARCH, MODERATION, TEXT, PROTECTIVE_EQUIPMENT, CUSTOM_LABELS)
