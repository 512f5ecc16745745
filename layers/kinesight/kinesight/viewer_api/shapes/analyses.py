"""Shapes of on-demand analyses."""

from typing import Literal

from kinesight.domain.on_demand.messages import RangeSummary
from kinesight.viewer_api.shapes.base import Link, Moment, Shape


class StartedAnalysis(Shape):
    """An analysis that was started."""

    analysis_id: str


Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"]


class ListedAnalysis(Shape):
    """An analysis and the user who started it."""

    analysis_id: str
    stream_name: str
    start_timestamp: Moment
    end_timestamp: Moment
    started_at: Moment
    started_by: str
    timelapse: bool
    status: Status


class AnalysesList(Shape):
    """Analyses, newest first."""

    analyses: list[ListedAnalysis]


class WindowCounts(Shape):
    """Windows are the parts of the range that are analyzed in parallel."""

    done: int
    all: int


class ResultLinks(Shape):
    """Evidence of a result, which is written some seconds after the result."""

    image: Link
    record: Link


class AnalysisResult(Shape):
    """An image that matched."""

    result_id: str
    image_timestamp: Moment
    labels: list[str]
    links: ResultLinks


class TimelapseLinks(Shape):
    """A time-lapse and its poster."""

    link: Link
    poster: Link


class Analysis(Shape):
    """`found` and `matched` count images; while the analysis runs, those of its first ten windows. `detector` is
    null if the request named none and the stack's detector is used."""

    analysis_id: str
    stream_name: str | None
    start_timestamp: Moment | None
    end_timestamp: Moment | None
    started_at: Moment
    ended_at: Moment | None
    status: Status
    detector: str | None
    error: str | None
    windows: WindowCounts
    found: int
    matched: int
    results: list[AnalysisResult]
    summary: RangeSummary | None
    timelapse: TimelapseLinks | None
