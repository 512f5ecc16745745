"""What crosses the on-demand workflow: its input, its plan, a window's report, its summary."""

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
WINDOWS: TypeAdapter[list[Window]] = TypeAdapter(list[Window])


def _moment(value: Any) -> Any:
    """Numbers are epoch seconds, as in GetImages; pydantic would take large ones for milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > 20_000_000_000:
        raise ValueError("epoch times are in seconds")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


def _known_or_none(value: str) -> str:
    return value if value == "NONE" else known_detector(value)


DetectorChoice = Annotated[str, AfterValidator(_known_or_none)]
"""A detector's type, or NONE for images without detections."""


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_pascal, validate_by_alias=True, extra="forbid")


class TimelapseOptions(_Input):
    """What an execution may ask of its time-lapse. Sides in pixels, even, as H.264 wants them."""

    frames_per_second: int = Field(default=10, ge=1, le=60)
    width_pixels: int | None = Field(default=None, ge=16, le=3840, multiple_of=2)
    height_pixels: int | None = Field(default=None, ge=16, le=2160, multiple_of=2)
    burn_timestamp: bool = False

    @model_validator(mode="after")
    def _has_both_sides_or_none(self) -> "TimelapseOptions":
        if (self.width_pixels is None) != (self.height_pixels is None):
            raise ValueError("give WidthPixels and HeightPixels together, or neither")
        return self


class AnalysisRequest(_Input):
    """An execution's input. Names are those of GetImages (API_reader_GetImages)."""

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
    detector: DetectorChoice | None = None
    tolerated_failure_percentage: float = Field(default=5, ge=0, le=100)
    timelapse: TimelapseOptions | None = None
    allow_empty: bool = False

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


class TimelapsePlan(Value):
    """The video to be made: frames per second, sides in pixels or None for the pictures' own, and where it goes."""

    frames_per_second: int
    width: int | None
    height: int | None
    burn_timestamp: bool
    video_key: str
    poster_key: str


REPORTS, MANIFESTS = "reports", "windows"
"""Folders of an execution's work: a window's report, `<index>.json`, and its manifest of pictures."""
WINDOWS_FILE, SUMMARY_FILE = "windows.json", "summary.json"


def work_key(execution: str, name: str) -> str:
    """Where an execution keeps something."""
    return f"on-demand/{execution}/{name}"


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
    detector: DetectorChoice | None = None
    detects: bool = True
    timelapse: TimelapsePlan | None = None
    renders: bool = False

    def work_key(self, name: str) -> str:
        """Where this execution keeps something."""
        return work_key(self.execution, name)


class WindowManifest(Value):
    """What extraction found: the frames, how many of them were decoded from their fragments because GetImages had no
    picture, and per missing moment (epoch milliseconds) the reason. `refusals` counts the moments that GetImages had
    no picture for, by its error code."""

    index: int
    frames: tuple[Frame, ...]
    decoded: int = 0
    fragments_fetched: int = 0
    refusals: Mapping[str, int] = Field(default_factory=dict)
    missing: Mapping[int, str]


class AnalyzedFrame(Value):
    """One analyzed picture in a report."""

    result_id: str
    fragment_number: str | None = None
    labels: tuple[str, ...]
    matched: bool


class WindowReport(Value):
    """What became of a window's frames, by moment (epoch milliseconds)."""

    index: int
    published: Mapping[int, AnalyzedFrame] = Field(default_factory=dict)
    already_analyzed: tuple[int, ...] = ()
    over_budget: tuple[int, ...] = ()
    failed: Mapping[int, str] = Field(default_factory=dict)


class EvidenceLink(Value):
    """A picture that matched, and where its evidence is kept, as S3 URIs."""

    image_timestamp: Timestamp
    result_id: str
    labels: tuple[str, ...]
    record: str
    annotated: str
    fragment: str | None


class RangeCost(Value):
    """What an execution used of what AWS bills: calls, pictures, fragments."""

    get_images_requests: int
    images_generated: int
    fragments_fetched: int
    detector_calls: int


class TimelapseFiles(Value):
    """S3 URIs."""

    video: str
    poster: str


class RangeSummary(Value):
    """The workflow's output. Counts of pictures, but `windows` and `failed_windows`. Nobody has looked at what was
    `over_budget`.

    `evidence` holds the first fifty pictures that matched.
    """

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
    decoded: int
    missing: Mapping[str, int]
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
