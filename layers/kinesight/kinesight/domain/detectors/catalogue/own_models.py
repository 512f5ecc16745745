"""Models of one's own: SageMaker endpoints, a self-hosted HTTP model, a Bedrock model."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from kinesight.domain.detectors.call_prices import CallPrice, per_call, token_call_price
from kinesight.domain.detectors.catalogue.entry import DetectorEntry, DetectorSettings
from kinesight.domain.detectors.http_request import json_template
from kinesight.domain.detectors.image_fit import Resize, Size
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.parameters import OptionalNumber, OptionalText, RequiredText

SageMakerContentType = Literal["image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"]
ClassName = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
MOST_CLASSES = 10_000
"""Names are in the configuration document, which every function reads."""

_PROMPT = (
    "This is an image of a surveillance camera. Report every person, animal, vehicle and other notable object that it "
    "shows, each with the box around it. Report nothing that you can't see."
)


class SizedSettings(DetectorSettings):
    """Of models that may take images of one size only."""

    model_width_pixels: OptionalNumber = Field(
        default=None, ge=1, le=4096, description="Width that the model takes; `null`: any."
    )
    model_height_pixels: OptionalNumber = Field(
        default=None, ge=1, le=4096, description="Height that the model takes; `null`: any."
    )
    model_resize: Resize = Field(default="LETTERBOX", description="How images are brought to that size.")

    @property
    def model_size(self) -> Size | None:
        """None for any size. Raises InvalidSettingError if only one side is given."""
        width, height = self.model_width_pixels, self.model_height_pixels
        if width is None or height is None:
            if width is height:
                return None
            raise InvalidSettingError("give modelWidthPixels and modelHeightPixels together, or neither")
        return width, height

    def check(self) -> None:
        _ = self.model_size


class MappedSettings(SizedSettings):
    """Of models whose output is JSON of any form."""

    model_mapping: str = Field(
        default="BUILT_IN_OBJECT_DETECTION",
        description="Form of the output: a preset, or a mapping as JSON ([detectors.md](detectors.md)).",
    )
    class_names: tuple[ClassName, ...] = Field(
        default=(), max_length=MOST_CLASSES, description="Names of the classes from class 0 on; an empty one: none."
    )

    def check(self) -> None:
        super().check()
        output_mapping(self.model_mapping)


class SageMakerSettings(MappedSettings):
    sagemaker_endpoint_name: RequiredText = Field(
        title="SageMakerEndpointName", description="Endpoint of this account and Region."
    )
    sagemaker_content_type: SageMakerContentType = Field(
        default="image/jpeg", title="SageMakerContentType", description="Format that images are sent in."
    )
    sagemaker_accept: Literal["application/json", "application/json;annotation=1"] = Field(
        default="application/json", title="SageMakerAccept", description="Format of the output."
    )
    sagemaker_timeout_milliseconds: int = Field(
        default=70_000,
        ge=1000,
        le=70_000,
        title="SageMakerTimeoutMilliseconds",
        description="Time without a complete response after which a call fails.",
    )


class SageMakerAsyncSettings(SageMakerSettings):
    sagemaker_async_output_bucket: RequiredText = Field(
        title="SageMakerAsyncOutputBucket", description="Bucket that the endpoint writes its outputs to."
    )


SAGEMAKER = DetectorEntry(
    name="SAGEMAKER",
    summary="a real-time or serverless SageMaker endpoint",
    settings=SageMakerSettings,
    actions=("sagemaker:InvokeEndpoint",),
    price=per_call(0),
    price_key="sagemaker.instance",
    is_own_model=True,
)

SAGEMAKER_ASYNC = DetectorEntry(
    name="SAGEMAKER_ASYNC",
    summary="an asynchronous SageMaker endpoint",
    settings=SageMakerAsyncSettings,
    actions=("sagemaker:InvokeEndpointAsync",),
    price=per_call(0),
    price_key="sagemaker.instance",
    is_own_model=True,
)


class HttpSettings(MappedSettings):
    http_model_url: RequiredText = Field(description="Address that images are sent to by POST.")
    http_image_type: Literal["image/jpeg", "image/png"] = Field(
        default="image/jpeg", description="Format that images are sent in."
    )
    http_json_body: OptionalText = Field(
        default=None, description="JSON body, in which `$image` is the image in base64; `null`: the image itself."
    )
    http_auth_header: str = Field(
        default="Authorization", pattern=r"^[A-Za-z0-9-]{1,64}$", description="Header that the secret is sent in."
    )
    http_auth_secret_arn: OptionalText = Field(
        default=None, description="Secret whose text is sent; by default to the first model only."
    )
    http_timeout_milliseconds: int = Field(
        default=10_000, ge=100, le=70_000, description="Time without a complete response after which a call fails."
    )

    def check(self) -> None:
        super().check()
        if self.http_json_body is not None:
            json_template(self.http_json_body)

    @classmethod
    def permitted_fields(cls) -> frozenset[str]:
        return super().permitted_fields() | {"http_auth_secret_arn"}

    @classmethod
    def combined(cls, stack: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """The stack's secret is for the stack's model: another one does not get it unless its definition names it."""
        found = super().combined(stack, own)
        is_another = found.get("http_model_url") != stack.get("http_model_url")
        return found | {"http_auth_secret_arn": own.get("http_auth_secret_arn")} if is_another else found


HTTP = DetectorEntry(
    name="HTTP",
    summary="a model that takes an image by POST",
    settings=HttpSettings,
    actions=(),
    price=per_call(0),
    price_key="http.call",
    is_own_model=True,
)


class BedrockSettings(SizedSettings):
    bedrock_model_id: RequiredText = Field(description="Model, or inference profile.")
    bedrock_prompt: str = Field(default=_PROMPT, min_length=1, description="The instruction to the model.")
    bedrock_max_tokens: int = Field(default=1000, ge=1, description="Most tokens of an output.")


def _bedrock_price(settings: BedrockSettings) -> CallPrice:
    return token_call_price(settings.bedrock_model_id, settings.bedrock_max_tokens)


BEDROCK = DetectorEntry(
    name="BEDROCK",
    summary="a Bedrock model that takes images and tools",
    settings=BedrockSettings,
    actions=("bedrock:InvokeModel",),
    price=_bedrock_price,
    price_key="bedrock.call",
    is_own_model=True,
)

ENTRIES = (SAGEMAKER, SAGEMAKER_ASYNC, HTTP, BEDROCK)
