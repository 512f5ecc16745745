"""Documents of the on-demand workflow: input, plan, manifests and reports of windows, summary."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
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

from kinesight.domain.detectors.catalogue import known_detector
from kinesight.domain.errors import InvalidInputError
from kinesight.domain.model import Frame, Selector, Timestamp, Value
from kinesight.domain.on_demand.windows import LEAST_INTERVAL_MS, Window

WINDOW: TypeAdapter[Window] = TypeAdapter(Window)
WINDOWS: TypeAdapter[list[Window]] = TypeAdapter(list[Window], config=ConfigDict(defer_build=True))


def _moment(value: Any) -> Any:
    """Accepts numbers as epoch seconds, as GetImages does; pydantic would read large numbers as milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > 20_000_000_000:
        raise ValueError("epoch times are in seconds")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


def _known_or_none(value: str) -> str:
    return value if value == "NONE" else known_detector(value)


DetectorChoice = Annotated[str, AfterValidator(_known_or_none)]
"""A detector's type, or NONE for images without detections."""


class _Input(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=to_pascal, validate_by_alias=True, extra="forbid", defer_build=True
    )


class TimelapseOptions(_Input):
    """Options of an execution's time-lapse. Width and height are even numbers of pixels, which H.264 requires."""

    frames_per_second: int = Field(default=10, ge=1, le=60)
    width_pixels: int | None = Field(default=None, ge=16, le=3840, multiple_of=2)
    height_pixels: int | None = Field(default=None, ge=16, le=2160, multiple_of=2)
    burn_timestamp: bool = False

    @model_validator(mode="after")
    def _check_size(self) -> "TimelapseOptions":
        if (self.width_pixels is None) != (self.height_pixels is None):
            raise ValueError("give WidthPixels and HeightPixels together, or neither")
        return self


def _quality(value: Any) -> Any:
    """Accepts the text that GetImages has (1 to 100), and a number."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


class FormatOptions(_Input):
    """Options of the images' format: of JPEG the quality. Unset, GetImages takes 80."""

    jpeg_quality: Annotated[int, BeforeValidator(_quality)] | None = Field(
        default=None, ge=1, le=100, alias="JPEGQuality"
    )


_PAGES = {"MaxResults", "NextToken"}


class AnalysisRequest(_Input):
    """Input of an execution, with the names of GetImages (API_reader_GetImages), except those of its pages: an
    execution reads all of them."""

    stream_name: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9_.-]{1,256}$")
    stream_arn: str | None = Field(default=None, alias="StreamARN")
    start_timestamp: Moment
    end_timestamp: Moment
    image_selector_type: Selector = "PRODUCER_TIMESTAMP"
    sampling_interval: int = Field(default=1000, ge=LEAST_INTERVAL_MS)
    format: Literal["JPEG", "PNG"] = "JPEG"
    format_config: FormatOptions = FormatOptions()
    width_pixels: int | None = Field(default=None, ge=1, le=3840)
    height_pixels: int | None = Field(default=None, ge=1, le=2160)
    labels: tuple[str, ...] | None = None
    minimum_confidence: float | None = Field(default=None, ge=0, le=100)
    detector: DetectorChoice | None = None
    tolerated_failure_percentage: float = Field(default=5, ge=0, le=100)
    timelapse: TimelapseOptions | None = None
    allow_empty: bool = False

    @model_validator(mode="before")
    @classmethod
    def _check_pages(cls, document: Any) -> Any:
        if isinstance(document, dict) and (given := sorted(_PAGES & document.keys())):
            raise ValueError(
                f"{', '.join(given)}: leave it out, every page is read; EndTimestamp and SamplingInterval bound the "
                "number of images"
            )
        return document

    @model_validator(mode="after")
    def _check_fields(self) -> "AnalysisRequest":
        if self.format != "JPEG" and self.format_config.jpeg_quality is not None:
            raise ValueError("JPEGQuality is for the Format JPEG")
        if (self.stream_name is None) == (self.stream_arn is None):
            raise ValueError("give StreamName or StreamARN, one of them")
        if (self.width_pixels is None) != (self.height_pixels is None):
            raise ValueError("give WidthPixels and HeightPixels together, or neither")
        return self

    @classmethod
    def parse(cls, document: Any) -> "AnalysisRequest":
        """Validates an input. Raises InvalidInputError with every invalid field."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'input'}: {one['msg']}" for one in error.errors())
            raise InvalidInputError(problems) from error


class TimelapsePlan(Value):
    """Time-lapse to render. Width and height are in pixels; None means the size of the images."""

    frames_per_second: int
    width: int | None
    height: int | None
    burn_timestamp: bool
    video_key: str
    poster_key: str


REPORTS, MANIFESTS = "reports", "windows"
"""Folders of an execution: reports and image manifests of its windows, `<index>.json`."""
WINDOWS_FILE, SUMMARY_FILE = "windows.json", "summary.json"


def work_key(execution: str, name: str) -> str:
    """Returns the key of an object of an execution."""
    return f"on-demand/{execution}/{name}"


class RangePlan(Value):
    """State of the workflow between its steps; the windows are in S3, under `windows_key`. `seal_key`: what documents
    in S3 are sealed with (seals.py); it is not written there."""

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
    jpeg_quality: int | None = None
    labels: tuple[str, ...] | None
    minimum_confidence: float | None
    tolerated_failure_percentage: float
    bucket: str
    windows_key: str
    windows: int
    concurrency: int
    slots: int
    over_budget: int = 0
    overlapped: int = 0
    fragments: int
    detector: DetectorChoice | None = None
    detects: bool = True
    timelapse: TimelapsePlan | None = None
    renders: bool = False
    seal_key: str = Field(default="", repr=False)

    def work_key(self, name: str) -> str:
        """Returns the key of an object of this execution."""
        return work_key(self.execution, name)


class WindowManifest(Value):
    """Result of extracting a window. `decoded` counts the frames that were decoded from their fragments because
    GetImages returned no image, `refusals` the moments without an image by the error code of GetImages. `missing` is
    the reason per missing moment (epoch milliseconds). `requests`: of the window, that have been extracted."""

    index: int
    frames: tuple[Frame, ...]
    decoded: int = 0
    fragments_fetched: int = 0
    refusals: Mapping[str, int] = Field(default_factory=dict)
    missing: Mapping[int, str]
    requests: int = 0


class AnalyzedFrame(Value):
    """An analyzed frame in a report. `confidences`: the highest one (0 to 100) per label."""

    result_id: str
    fragment_number: str | None = None
    labels: tuple[str, ...]
    matched: bool
    confidences: Mapping[str, float] = Field(default_factory=dict)


class WindowReport(Value):
    """Results of a window's frames, by moment (epoch milliseconds). `attempts`: those that failed unexpectedly."""

    index: int
    published: Mapping[int, AnalyzedFrame] = Field(default_factory=dict)
    already_analyzed: tuple[int, ...] = ()
    over_budget: tuple[int, ...] = ()
    failed: Mapping[int, str] = Field(default_factory=dict)
    attempts: Mapping[int, int] = Field(default_factory=dict)


class EvidenceLink(Value):
    """A frame that matched, with the S3 URIs of its evidence."""

    image_timestamp: Timestamp
    result_id: str
    labels: tuple[str, ...]
    record: str
    annotated: str
    fragment: str | None


class RangeCost(Value):
    """Billed usage of an execution: calls, images and fragments."""

    get_images_requests: int
    images_generated: int
    fragments_fetched: int
    detector_calls: int


class TimelapseFiles(Value):
    """S3 URIs of a time-lapse and its poster."""

    video: str
    poster: str


class RangeSummary(Value):
    """Output of the workflow. All counts are of images, except those of windows and fragments.

    `requested` moments have media; `extracted` of them have an image. `overlapped` counts moments of fragments at which
    a later fragment is analyzed, because the camera's clock was set back. `evidence` has the first fifty frames that
    matched."""

    execution: str
    stream_name: str
    start_ms: int
    end_ms: int
    interval_ms: int
    fragments: int
    windows: int
    failed_windows: int
    requested: int
    extracted: int
    decoded: int
    missing: Mapping[str, int]
    overlapped: int = 0
    published: int
    matched: int
    already_analyzed: int
    over_budget: int = 0
    failed: Mapping[str, int]
    detections: Mapping[str, int]
    cost: RangeCost
    evidence: tuple[EvidenceLink, ...]
    timelapse: TimelapseFiles | None
    summary_key: str
