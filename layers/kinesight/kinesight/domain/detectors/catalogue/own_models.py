"""Models of one's own: SageMaker endpoints, a self-hosted HTTP model, a Bedrock model."""

from typing import Literal

from pydantic import Field

from kinesight.domain.detectors.call_prices import CallPrice, per_call, token_call_price
from kinesight.domain.detectors.catalogue.entry import DetectorEntry, DetectorSettings
from kinesight.domain.detectors.image_fit import Resize, Size
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.parameters import OptionalNumber, OptionalText, RequiredText

SageMakerContentType = Literal["image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"]

_PROMPT = (
    "This is an image of a surveillance camera. Report every person, animal, vehicle and other notable object that it "
    "shows, each with the box around it. Report nothing that you can't see."
)


class SizedSettings(DetectorSettings):
    """Of models that may take images of one size only, in pixels."""

    model_width_pixels: OptionalNumber = Field(default=None, ge=1, le=4096)
    model_height_pixels: OptionalNumber = Field(default=None, ge=1, le=4096)
    model_resize: Resize = "LETTERBOX"

    @property
    def model_size(self) -> Size | None:
        """None for any size. Raises InvalidSettingError if only one side is given."""
        width, height = self.model_width_pixels, self.model_height_pixels
        if width is None or height is None:
            if width is height:
                return None
            raise InvalidSettingError("give ModelWidthPixels and ModelHeightPixels together, or neither")
        return width, height


class MappedSettings(SizedSettings):
    """Of models whose output is JSON of any form."""

    model_mapping: str = "BUILT_IN_OBJECT_DETECTION"
    model_labels: str = ""
    model_labels_uri: OptionalText = None


class SageMakerSettings(MappedSettings):
    sagemaker_endpoint_name: RequiredText = Field(title="SageMakerEndpointName")
    sagemaker_content_type: SageMakerContentType = Field(default="image/jpeg", title="SageMakerContentType")
    sagemaker_accept: Literal["application/json", "application/json;annotation=1"] = Field(
        default="application/json", title="SageMakerAccept"
    )
    sagemaker_timeout_milliseconds: int = Field(
        default=70_000, ge=1000, le=70_000, title="SageMakerTimeoutMilliseconds"
    )


SAGEMAKER = DetectorEntry(
    name="SAGEMAKER",
    summary="a real-time or serverless SageMaker endpoint",
    settings=SageMakerSettings,
    actions=("sagemaker:InvokeEndpoint",),
    price=per_call(0),
    price_key="sagemaker.instance",
    parameters=("SageMakerEndpointName",),
    is_own_model=True,
)

SAGEMAKER_ASYNC = DetectorEntry(
    name="SAGEMAKER_ASYNC",
    summary="an asynchronous SageMaker endpoint",
    settings=SageMakerSettings,
    actions=("sagemaker:InvokeEndpointAsync",),
    price=per_call(0),
    price_key="sagemaker.instance",
    parameters=("SageMakerEndpointName", "SageMakerAsyncOutputBucket"),
    is_own_model=True,
)


class HttpSettings(MappedSettings):
    http_model_url: RequiredText
    http_image_type: Literal["image/jpeg", "image/png"] = "image/jpeg"
    http_json_body: OptionalText = None
    http_auth_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]{1,64}$")
    http_auth_secret_arn: OptionalText = None
    http_timeout_milliseconds: int = Field(default=10_000, ge=100, le=70_000)


HTTP = DetectorEntry(
    name="HTTP",
    summary="a model that takes an image by POST",
    settings=HttpSettings,
    actions=(),
    price=per_call(0),
    price_key="http.call",
    parameters=("HttpModelUrl",),
    is_own_model=True,
)


class BedrockSettings(SizedSettings):
    bedrock_model_id: RequiredText
    bedrock_prompt: str = Field(default=_PROMPT, min_length=1)
    bedrock_max_tokens: int = Field(default=1000, ge=1)


def _bedrock_price(settings: BedrockSettings) -> CallPrice:
    return token_call_price(settings.bedrock_model_id, settings.bedrock_max_tokens)


BEDROCK = DetectorEntry(
    name="BEDROCK",
    summary="a Bedrock model that takes images and tools",
    settings=BedrockSettings,
    actions=("bedrock:InvokeModel",),
    price=_bedrock_price,
    price_key="bedrock.call",
    parameters=("BedrockModelId",),
    is_own_model=True,
)

ENTRIES = (SAGEMAKER, SAGEMAKER_ASYNC, HTTP, BEDROCK)
