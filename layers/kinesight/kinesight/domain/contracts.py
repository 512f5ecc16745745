"""What crosses the on-demand workflow: its input, its plan, a window's report, its summary."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_pascal

from kinesight.domain.errors import InvalidInputError
from kinesight.domain.model import Frame, Value
from kinesight.domain.windows import LEAST_INTERVAL_MS, Window

Selector = Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"]

WINDOW: TypeAdapter[Window] = TypeAdapter(Window)
WINDOWS: TypeAdapter[list[Window]] = TypeAdapter(list[Window])


def _moment(value: Any) -> Any:
    """Numbers are epoch seconds, as in GetImages; pydantic would take large ones for milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > 20_000_000_000:
        raise ValueError("epoch times are in seconds")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class AnalysisRequest(BaseModel):
    """An execution's input. Names are those of GetImages (API_reader_GetImages)."""

    model_config = ConfigDict(frozen=True, alias_generator=to_pascal, validate_by_alias=True, extra="forbid")

    stream_name: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9_.-]{1,256}$")
    stream_arn: str | None = Field(default=None, alias="StreamARN")
    start_timestamp: Moment
    end_timestamp: Moment
    image_selector_type: Selector = "PRODUCER_TIMESTAMP"
    sampling_interval: int = Field(default=1000, ge=LEAST_INTERVAL_MS)
    format: Literal["JPEG", "PNG"] = "JPEG"
    width_pixels: int | None = Field(default=None, ge=1, le=3840)
    height_pixels: int | None = Field(default=None, ge=1, le=2160)
    labels: tuple[str, ...] | None = None
    minimum_confidence: float | None = Field(default=None, ge=0, le=100)
    tolerated_failure_percentage: float = Field(default=5, ge=0, le=100)

    @model_validator(mode="after")
    def _is_whole(self) -> "AnalysisRequest":
        if (self.stream_name is None) == (self.stream_arn is None):
            raise ValueError("give StreamName or StreamARN, one of them")
        if (self.width_pixels is None) != (self.height_pixels is None):
            raise ValueError("give WidthPixels and HeightPixels together, or neither")
        return self

    @classmethod
    def parse(cls, document: Any) -> "AnalysisRequest":
        """Raises InvalidInputError naming every field that is wrong."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'input'}: {one['msg']}" for one in error.errors())
            raise InvalidInputError(problems) from error


class RangePlan(Value):
    """What the workflow carries from state to state; the windows themselves are in S3, under `windows_key`."""

    execution: str
    stream_name: str
    stream_arn: str
    selector: Selector
    start_ms: int
    end_ms: int
    interval_ms: int
    format: Literal["JPEG", "PNG"]
    width: int | None
    height: int | None
    labels: tuple[str, ...] | None
    minimum_confidence: float | None
    tolerated_failure_percentage: float
    bucket: str
    windows_key: str
    windows: int
    concurrency: int
    slots: int
    fragments: int

    def work_key(self, name: str) -> str:
        """Where this execution keeps something."""
        return f"on-demand/{self.execution}/{name}"


class WindowManifest(Value):
    """What extraction found: the frames, and per missing moment (epoch milliseconds) the reason."""

    index: int
    frames: tuple[Frame, ...]
    missing: Mapping[int, str]


class SeenFrame(Value):
    """One analyzed picture in a report."""

    result_id: str
    labels: tuple[str, ...]
    matched: bool


class WindowReport(Value):
    """What became of a window's frames, by moment (epoch milliseconds)."""

    index: int
    published: Mapping[int, SeenFrame] = Field(default_factory=dict)
    analyzed_before: tuple[int, ...] = ()
    failed: Mapping[int, str] = Field(default_factory=dict)


class RangeSummary(Value):
    """The workflow's output. Counts of pictures, but `windows` and `failed_windows`."""

    execution: str
    stream_name: str
    start_ms: int
    end_ms: int
    interval_ms: int
    fragments: int
    windows: int
    failed_windows: int
    asked: int
    found: int
    missing: Mapping[str, int]
    published: int
    matched: int
    analyzed_before: int
    failed: Mapping[str, int]
    detections: Mapping[str, int]
    get_images_calls: int
    summary_key: str
