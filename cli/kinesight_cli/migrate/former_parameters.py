"""Template parameters that moved to the configuration document, and the conversion of their values."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from kinesight.domain.configuration.camera import CameraSettings, FollowUp
from kinesight.domain.configuration.detector_definitions import DEFINITIONS
from kinesight.domain.configuration.document import STACK_PARTS, ConfigurationDocument

from kinesight_cli.migrate.class_names import names_of_file, separated_names
from kinesight_cli.migrate.migration import MigrationError

_DETECTOR, _FOLLOW_UP = "detectors.<name>.", "defaults.followUp."
_MAIN, _SECOND = "main", "second"
_NONE = "NONE"
CLASS_NAMES_FILE = "ModelLabelsUri"
"""The parameter that was the address of a file with class names."""
_FLAGS = {"true": True, "false": False, "ENABLED": True, "DISABLED": False}
_PROMPT = (
    "This is an image of a surveillance camera. Report every person, animal, vehicle and other notable object that it "
    "shows, each with the box around it. Report nothing that you can't see."
)
_ORDER = ("schemaVersion", "detectors", "defaults", *STACK_PARTS)


@dataclass(frozen=True, slots=True)
class FormerParameter:
    """`place`: path in the document; `<name>` is the name of a detector. `default` is that of the parameter. A `list`
    was written with commas, `names` too, of which empty ones count; of a `presence`, only whether it is empty counts.
    The value of a `file` is its text. An empty value of an `optional` parameter sets nothing."""

    name: str
    place: str
    default: str
    kind: Literal["text", "number", "list", "flag", "presence", "names", "file"] = "number"
    optional: bool = False

    @property
    def field(self) -> str:
        """The last part of the place."""
        return self.place.rpartition(".")[2]

    @property
    def types(self) -> list[str]:
        """Types of detectors that have this field; none if it is not a detector's."""
        if not self.place.startswith(_DETECTOR):
            return []
        return [kind for kind in DEFINITIONS if self.field in _definition_defaults(kind)]

    def value(self, text: str) -> Any:
        """Returns the value for the document. Raises MigrationError."""
        if self.optional and not text:
            return None
        if self.kind == "list":
            return [part.strip() for part in text.split(",") if part.strip()]
        convert = _CONVERSIONS.get(self.kind)
        return text if convert is None else convert(self.name, text)


FORMER_PARAMETERS = (
    FormerParameter("MinimumConfidence", "defaults.minimumConfidence", "80"),
    FormerParameter("MaxLabels", "detectors.<name>.maxLabels", "50"),
    FormerParameter("FaceMatchThreshold", "detectors.<name>.faceMatchThreshold", "80"),
    FormerParameter("RequiredEquipment", "detectors.<name>.requiredEquipment", "HEAD_COVER", "list"),
    FormerParameter("KnownPlates", "detectors.<name>.knownPlates", "", "list"),
    FormerParameter("PlatePattern", "detectors.<name>.platePattern", "", "text", optional=True),
    FormerParameter("PlateTolerance", "detectors.<name>.plateTolerance", "1"),
    FormerParameter("ModelMapping", "detectors.<name>.modelMapping", "BUILT_IN_OBJECT_DETECTION", "text"),
    FormerParameter("ModelLabels", "detectors.<name>.classNames", "", "names"),
    FormerParameter(CLASS_NAMES_FILE, "detectors.<name>.classNames", "", "file"),
    FormerParameter("ModelWidthPixels", "detectors.<name>.modelWidthPixels", "", optional=True),
    FormerParameter("ModelHeightPixels", "detectors.<name>.modelHeightPixels", "", optional=True),
    FormerParameter("ModelResize", "detectors.<name>.modelResize", "LETTERBOX", "text"),
    FormerParameter("SageMakerContentType", "detectors.<name>.sagemakerContentType", "image/jpeg", "text"),
    FormerParameter("SageMakerAccept", "detectors.<name>.sagemakerAccept", "application/json", "text"),
    FormerParameter("SageMakerTimeoutMilliseconds", "detectors.<name>.sagemakerTimeoutMilliseconds", "70000"),
    FormerParameter("HttpImageType", "detectors.<name>.httpImageType", "image/jpeg", "text"),
    FormerParameter("HttpJsonBody", "detectors.<name>.httpJsonBody", "", "text", optional=True),
    FormerParameter("HttpAuthHeader", "detectors.<name>.httpAuthHeader", "Authorization", "text"),
    FormerParameter("HttpTimeoutMilliseconds", "detectors.<name>.httpTimeoutMilliseconds", "10000"),
    FormerParameter("BedrockPrompt", "detectors.<name>.bedrockPrompt", _PROMPT, "text"),
    FormerParameter("BedrockMaxTokens", "detectors.<name>.bedrockMaxTokens", "1000"),
    FormerParameter("DetectorUsdPerThousandCalls", "detectors.<name>.usdPerThousandCalls", "", optional=True),
    FormerParameter("ThenDetectorUsdPerThousandCalls", "detectors.<name>.usdPerThousandCalls", "", optional=True),
    FormerParameter("ThenDetector", "defaults.followUp.detector", _NONE, "text"),
    FormerParameter("ThenLabels", "defaults.followUp.labels", "Person", "list"),
    FormerParameter("ThenMinimumConfidence", "defaults.followUp.minimumConfidence", "80"),
    FormerParameter("ThenOn", "defaults.followUp.on", "FRAME", "text"),
    FormerParameter("FrameGate", "defaults.gate.mode", "OFF", "text"),
    FormerParameter("GateMethod", "defaults.gate.method", "LUMA", "text"),
    FormerParameter("GateThreshold", "defaults.gate.threshold", "", optional=True),
    FormerParameter("GateMinimumIntervalMilliseconds", "defaults.gate.minimumIntervalMilliseconds", "0"),
    FormerParameter("GateMaximumIntervalSeconds", "defaults.gate.maximumIntervalSeconds", "60"),
    FormerParameter("DailyBudgetUsdPerStream", "defaults.dailyBudgetUsd", "", optional=True),
    FormerParameter("BudgetSoftPercent", "defaults.budgetSoftPercent", "80"),
    FormerParameter("LiveSamplingInterval", "defaults.live.samplingInterval", "1000"),
    FormerParameter("LiveInferenceInterval", "defaults.live.inferenceInterval", "0"),
    FormerParameter("LiveDropAfterSeconds", "defaults.live.dropAfterSeconds", "0"),
    FormerParameter("AnalysisSamplingInterval", "defaults.analysis.samplingInterval", "1000"),
    FormerParameter("NotificationPreRollSeconds", "defaults.analysis.preRollSeconds", "10"),
    FormerParameter("NotificationPostRollSeconds", "defaults.analysis.postRollSeconds", "10"),
    FormerParameter("NotificationQuietSeconds", "defaults.analysis.quietSeconds", "30"),
    FormerParameter("SweepSettleSeconds", "defaults.analysis.settleSeconds", "120"),
    FormerParameter("LiveStreamsPerConsumer", "limits.liveStreamsPerConsumer", "10"),
    FormerParameter("LiveWorkers", "limits.liveWorkers", "20"),
    FormerParameter("LiveQueueSize", "limits.liveQueueSize", "10"),
    FormerParameter("ConcurrentDetections", "limits.concurrentDetections", "5"),
    FormerParameter("ResultFormat", "results.format", "KINESIGHT", "text"),
    FormerParameter("IncludeRawOutput", "results.includeRawOutput", "false", "flag"),
    FormerParameter("AlertPer", "alerts.per", "SESSION", "text"),
    FormerParameter("AlertFormat", "alerts.format", "KINESIGHT", "text"),
    FormerParameter("AlertLinkSeconds", "alerts.linkSeconds", "3600"),
    FormerParameter("WebhookFormat", "alerts.webhookFormat", "JSON", "text"),
    FormerParameter("SessionEventBus", "channels.eventBridge", "default", "presence"),
    FormerParameter("IotTopic", "channels.iotTopic", "", "text", optional=True),
    FormerParameter("SessionClip", "defaults.sessions.clip", "ENABLED", "flag"),
    FormerParameter("SessionClipSettleSeconds", "defaults.sessions.clipSettleSeconds", "30"),
    FormerParameter("ViewerLinkSeconds", "viewer.linkSeconds", "900"),
    FormerParameter("ImagesMissingMinutes", "defaults.imagesMissingMinutes", "60"),
    FormerParameter("MetricsPerStream", "defaults.metricsPerStream", "DISABLED", "flag"),
)
FORMER_NAMES = frozenset(one.name for one in FORMER_PARAMETERS)
IDENTITY_PROVIDER = "ViewerIdentityProvider"
IDENTITY_PROVIDER_PARTS = ("ViewerIssuer", "ViewerAudience", "ViewerAuthorizeUrl", "ViewerTokenUrl")
"""Parameters that are the parts of IDENTITY_PROVIDER now, in its order."""
REMOVED = {"RunbookUrl": "the dashboard names docs/runbook.md"}
"""Parameters that are gone without a place, and why."""
ENABLE_VIEWER, VIEWER_USER = "EnableViewer", "ViewerUserEmail"
NOT_IN_DOCUMENT = frozenset({*IDENTITY_PROVIDER_PARTS, ENABLE_VIEWER, *REMOVED})
_PRICES = {_MAIN: "DetectorUsdPerThousandCalls", _SECOND: "ThenDetectorUsdPerThousandCalls"}
"""Which price is that of which detector."""


def converted(parameters: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Any] | None]:
    """Returns the parameters that still exist, and a configuration document with what moved; None if all of that has
    the document's defaults, or no effect.

    Raises MigrationError with the former parameter of each value that the document does not accept.
    """
    kept = {name: value for name, value in parameters.items() if name not in FORMER_NAMES | NOT_IN_DOCUMENT}
    kept |= _identity_provider(parameters)
    _check_viewer(parameters.get(ENABLE_VIEWER), kept)
    settings = list(_settings(parameters))
    if not settings:
        return kept, None
    document = _nested(settings)
    _, problems = ConfigurationDocument.check(document)
    if problems:
        raise MigrationError("; ".join(_problem(path, said, settings) for path, said in problems))
    return kept, document


def places(parameters: Mapping[str, str]) -> dict[str, str]:
    """Returns where `converted` puts each of the parameters, or why it leaves it out. Raises MigrationError."""
    paths: dict[str, list[str]] = {}
    for one in _settings(parameters):
        paths.setdefault(one.name, []).append(".".join(one.path))
    former = {one.name: one for one in FORMER_PARAMETERS}
    found = {}
    for name in parameters:
        if name in NOT_IN_DOCUMENT:
            found[name] = _place_elsewhere(name, parameters[name])
            continue
        written = paths.get(name, [] if name in former else ["parameter"])
        if name not in former and written != ["parameter"]:
            written = ["parameter", *written]
        found[name] = ", ".join(written) or _omitted(former[name], parameters)
    return found


def _identity_provider(parameters: Mapping[str, str]) -> dict[str, str]:
    values = [parameters.get(name, "") for name in IDENTITY_PROVIDER_PARTS]
    if not any(values):
        return {}
    if not all(values):
        raise MigrationError(f"{', '.join(IDENTITY_PROVIDER_PARTS)} go together: give all of them, or none")
    return {IDENTITY_PROVIDER: " ".join(values)}


def _check_viewer(enabled: str | None, kept: Mapping[str, str]) -> None:
    """Raises MigrationError if the parameters that create the viewer now contradict the one that did."""
    given = [name for name in (VIEWER_USER, IDENTITY_PROVIDER) if kept.get(name)]
    if enabled is not None and _flag(ENABLE_VIEWER, enabled):
        if not given:
            raise MigrationError(
                f"{ENABLE_VIEWER} is ENABLED, but now {VIEWER_USER} or {IDENTITY_PROVIDER} creates the viewer. Add "
                f"{VIEWER_USER} to the file: an address that is not yet a user of the viewer"
            )
    elif enabled is not None and given:
        raise MigrationError(
            f"{ENABLE_VIEWER} is DISABLED, but now {given[0]} creates the viewer. Remove one of them from the file"
        )


def _place_elsewhere(name: str, value: str) -> str:
    if name in REMOVED:
        return f"omitted: {REMOVED[name]}"
    if name == ENABLE_VIEWER:
        return f"omitted: {VIEWER_USER} or {IDENTITY_PROVIDER} creates the viewer"
    return f"parameter {IDENTITY_PROVIDER}" if value else "omitted: it is the default"


def _omitted(one: FormerParameter, parameters: Mapping[str, str]) -> str:
    if parameters[one.name] == one.default:
        return "omitted: it is the default"
    follow_up = _follow_up_type(parameters)
    if follow_up is None and (one.place.startswith(_FOLLOW_UP) or one.name == _PRICES[_SECOND]):
        return "omitted: there is no ThenDetector"
    used = [_main_type(parameters), *([] if follow_up is None else [follow_up])]
    if one.types and not set(one.types) & set(used):
        return f"omitted: {' and '.join(used)} {'has' if len(used) == 1 else 'have'} no {one.field}"
    return "omitted: it is the default"


# ---- Settings --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Setting:
    """A value of the document, and the parameter that it comes from."""

    path: tuple[str, ...]
    value: Any
    name: str


def _settings(parameters: Mapping[str, str]) -> Iterator[_Setting]:
    """Yields what differs from the document's defaults."""
    main = list(_detector(_MAIN, _main_type(parameters), "Detector", parameters))
    yield from main
    if main:
        yield _Setting(("defaults", "detector"), _MAIN, "Detector")
    yield from _follow_up(parameters)
    for one in FORMER_PARAMETERS:
        if one.name in parameters and not one.place.startswith((_DETECTOR, _FOLLOW_UP)):
            path = tuple(one.place.split("."))
            yield from _changed(one, path, parameters[one.name], _document_default(path))


def _detector(name: str, kind: str, parameter: str, parameters: Mapping[str, str]) -> Iterator[_Setting]:
    """Yields the definition of a detector; nothing if all of it are defaults."""
    if kind not in DEFINITIONS:
        raise MigrationError(f"{parameter}: there is no detector {kind!r}; there are {', '.join(DEFINITIONS)}")
    prices = set(_PRICES.values()) - {_PRICES[name]}
    defaults = _definition_defaults(kind)
    changed = [
        setting
        for one in FORMER_PARAMETERS
        if one.name in parameters.keys() - prices and kind in one.types
        for setting in _changed(one, ("detectors", name, one.field), parameters[one.name], defaults[one.field])
    ]
    if changed:
        yield _Setting(("detectors", name, "type"), kind, parameter)
        yield from changed


def _follow_up(parameters: Mapping[str, str]) -> Iterator[_Setting]:
    kind = _follow_up_type(parameters)
    if kind is None:
        return
    second = list(_detector(_SECOND, kind, "ThenDetector", parameters))
    yield from second
    yield _Setting(("defaults", "followUp", "detector"), _SECOND if second else kind, "ThenDetector")
    defaults = FollowUp(detector=kind).model_dump(mode="json", by_alias=True)
    for one in FORMER_PARAMETERS:
        if one.place.startswith(_FOLLOW_UP) and one.name != "ThenDetector":
            path, text = tuple(one.place.split(".")), parameters.get(one.name, one.default)
            yield from _changed(one, path, text, defaults[one.field])


def _changed(one: FormerParameter, path: tuple[str, ...], text: str, default: Any) -> Iterator[_Setting]:
    value = one.value(text)
    if value != default:
        yield _Setting(path, value, one.name)


def _main_type(parameters: Mapping[str, str]) -> str:
    return parameters.get("Detector", str(CameraSettings().detector))


def _follow_up_type(parameters: Mapping[str, str]) -> str | None:
    kind = parameters.get("ThenDetector", _NONE)
    return None if kind == _NONE else kind


@cache
def _definition_defaults(kind: str) -> Mapping[str, Any]:
    return DEFINITIONS[kind].model_validate({"type": kind}).model_dump(mode="json", by_alias=True)


@cache
def _document_default(path: tuple[str, ...]) -> Any:
    found: Any = ConfigurationDocument.empty().model_dump(mode="json", by_alias=True)
    for part in path:
        found = found[part]
    return found


def _flag(name: str, text: str) -> bool:
    if text not in _FLAGS:
        raise MigrationError(f"{name} is {text!r}, it must be one of {', '.join(_FLAGS)}")
    return _FLAGS[text]


def _number(name: str, text: str) -> int | float:
    try:
        number = float(text)
    except ValueError as error:
        raise MigrationError(f"{name} is {text!r}, it must be a number") from error
    if not math.isfinite(number):
        raise MigrationError(f"{name} is {text!r}, it must be a finite number")
    return int(number) if number.is_integer() else number


_CONVERSIONS: Mapping[str, Callable[[str, str], Any]] = {
    "flag": _flag,
    "number": _number,
    "presence": lambda _, text: text != "",
    "names": lambda _, text: separated_names(text),
    "file": names_of_file,
}


def _nested(settings: Sequence[_Setting]) -> dict[str, Any]:
    found: dict[str, Any] = {"schemaVersion": 1}
    for one in settings:
        inner = found
        for part in one.path[:-1]:
            inner = inner.setdefault(part, {})
        inner[one.path[-1]] = one.value
    return {name: found[name] for name in _ORDER if name in found}


def _problem(path: Sequence[str | int], said: str, settings: Sequence[_Setting]) -> str:
    """Returns the message with the parameters whose values are at the path, below it or above it."""
    place = tuple(map(str, path))
    at = [one for one in settings if one.path[: len(place)] == place[: len(one.path)]]
    names = [one.name for one in at if one.path[-1] != "type"] or [one.name for one in at]
    return f"{', '.join(dict.fromkeys(names))}: the configuration document does not accept {said}"
