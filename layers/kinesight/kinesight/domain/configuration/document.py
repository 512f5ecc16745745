"""The configuration document: detectors, defaults, and settings per camera, in one document for all streams."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, WithJsonSchema, model_validator

from kinesight.domain.configuration.camera import CameraSettings, Name, Part
from kinesight.domain.configuration.detector_definitions import DEFINITIONS, AnyDefinitionSchema, DetectorDefinition
from kinesight.domain.configuration.json_lines import line_of
from kinesight.domain.configuration.layers import overlay
from kinesight.domain.configuration.outputs import AlertSettings, ChannelSettings, ResultSettings, ViewerSettings
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.errors import InvalidConfigurationError, InvalidSettingError
from kinesight.domain.json_text import InvalidJsonError, parse_json
from kinesight.domain.streams.selection import StreamSelection, TagFilter, tag_filter_documents

StreamPattern = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.*?-]{1,256}$")]


def _typed_filters(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return tag_filter_documents(value)
    except InvalidSettingError as error:
        raise ValueError(str(error).removeprefix("TagFilters: ")) from error


StreamTags = Annotated[
    tuple[TagFilter, ...], BeforeValidator(_typed_filters), WithJsonSchema({"type": ["string", "array"]})
]
"""Location=Front|Parking,Floor=1, or the JSON form of the parameter TagFilters."""


AnyDefinition = Annotated[DetectorDefinition, AnyDefinitionSchema]


class Camera(CameraSettings):
    """Settings of the streams whose names match a pattern, or whose tags match all filters of `stream_tags`."""

    streams: tuple[StreamPattern, ...] = Field(
        default=(), description="Names or globs (`*`, `?`); upper and lower case differ."
    )
    stream_tags: StreamTags = Field(
        default=(), description="Tags of streams: `Location=Front|Parking,Floor=1`, or the JSON of `TagFilters`."
    )

    @model_validator(mode="after")
    def _check_streams(self) -> Self:
        if not self.streams and not self.stream_tags:
            raise ValueError("give streams, streamTags, or both")
        return self

    @property
    def selection(self) -> StreamSelection:
        """Which streams these settings are for."""
        return StreamSelection(self.streams, self.stream_tags)


class Limits(Part):
    """Limits of functions, for all cameras together."""

    concurrent_detections: int = Field(
        default=5, ge=1, le=50, description="Calls of detectors that one invocation makes at once."
    )
    live_streams_per_consumer: int = Field(default=10, ge=1, le=50, description="Streams that one live consumer reads.")
    live_workers: int = Field(default=20, ge=1, le=50, description="Fragments that a live consumer analyzes at once.")
    live_queue_size: int = Field(
        default=10, ge=1, le=100, description="Fragments of a stream that are read but not analyzed."
    )


STACK_PARTS = ("limits", "results", "alerts", "channels", "viewer")
"""Parts of the document that are for all cameras together."""


class ConfigurationDocument(Part):
    """The document. The first camera that matches a stream applies to it, over `defaults`."""

    json_schema: str | None = Field(default=None, alias="$schema", description="For editors.")
    schema_version: Literal[1] = Field(description="Always 1.")
    detectors: Mapping[Name, AnyDefinition] = Field(
        default_factory=dict, description="Detectors with settings of their own, by name."
    )
    defaults: CameraSettings = Field(
        default_factory=CameraSettings, description="Settings of all cameras that do not set them."
    )
    limits: Limits = Field(default_factory=Limits, description="Limits of functions, for all cameras together.")
    results: ResultSettings = Field(default_factory=ResultSettings, description="Result records of all cameras.")
    alerts: AlertSettings = Field(default_factory=AlertSettings, description="Alerts of all cameras.")
    channels: ChannelSettings = Field(
        default_factory=ChannelSettings, description="Channels of session events and alerts."
    )
    viewer: ViewerSettings = Field(default_factory=ViewerSettings, description="The viewer.")
    cameras: tuple[Camera, ...] = Field(default=(), description="Settings of streams; the first that matches applies.")

    @classmethod
    def empty(cls) -> Self:
        """One that sets nothing. Not validated: functions without a document build none of its validators."""
        return cls.model_construct({"schema_version"}, schema_version=1)

    @classmethod
    def parse(cls, text: str) -> "ConfigurationDocument":
        """Parses and validates a document. Raises InvalidConfigurationError with the line and path of each problem."""
        try:
            value = parse_json(text)
        except InvalidJsonError as error:
            raise InvalidConfigurationError(f"not valid JSON: {error}") from error
        document, problems = cls.check(value)
        if document is None or problems:
            raise InvalidConfigurationError(*(f"line {line_of(text, path)}: {said}" for path, said in problems))
        return document

    @classmethod
    def check(cls, value: Any) -> tuple["ConfigurationDocument | None", list["Problem"]]:
        """The document, if its parts are valid, and what is wrong with it."""
        try:
            document = cls.model_validate(value)
        except ValidationError as error:
            return None, [_problem(*_cause(one)) for one in _causes(error)]
        return document, [_problem(*one) for one in document._further_problems()]

    @property
    def uses_tags(self) -> bool:
        """Whether tags of streams decide which camera applies."""
        return any(camera.stream_tags for camera in self.cameras)

    def camera(self, stream_name: str, tags: Mapping[str, str]) -> Camera | None:
        """Returns the first camera that matches the stream, its name case-sensitively, or None."""
        for camera in self.cameras:
            selection = camera.selection
            if selection.matches_name(stream_name) or selection.matches_tags(tags):
                return camera
        return None

    def definition(self, name: str) -> DetectorDefinition | None:
        """Returns the detector that `detectors` define under this name, or else the catalogue's of this name."""
        if name in self.detectors:
            return self.detectors[name]
        return catalogue_definition(name)

    def not_permitted(self, permitted: Mapping[str, Any]) -> Iterator["Problem"]:
        """Problems of detectors that the stack's parameters do not permit. `permitted`: their values, by field."""
        for name, definition in self.detectors.items():
            for field, said in definition.not_permitted(permitted):
                alias = type(definition).model_fields[field].alias or field
                yield _problem(("detectors", name, alias), said)
        for path, name in self._named_detectors():
            if name not in self.detectors and name in DETECTORS:
                for _, said in DEFINITIONS[name].model_validate({"type": name}).not_permitted(permitted):
                    yield _problem(path, said)

    def _further_problems(self) -> Iterator[tuple[Sequence[str | int], str]]:
        """What cannot be seen in one part alone."""
        yield from ((("defaults",), said) for said in self.defaults.problems())
        for index, camera in enumerate(self.cameras):
            yield from ((("cameras", index), said) for said in overlay(self.defaults, camera).problems())
        for path, name in self._named_detectors():
            if self.definition(name) is None:
                known = ", ".join([*self.detectors, *DETECTORS])
                yield path, f"there is no detector {name!r}; there are {known}"

    def _named_detectors(self) -> Iterator[tuple[Sequence[str | int], str]]:
        """The names of detectors in cameras and defaults, each with its place."""
        layers: list[tuple[Sequence[str | int], CameraSettings]] = [(("defaults",), self.defaults)]
        layers += [(("cameras", index), one) for index, one in enumerate(self.cameras)]
        for path, camera in layers:
            if camera.detector is not None and "detector" in camera.model_fields_set:
                yield (*path, "detector"), camera.detector
            if camera.follow_up is not None:
                yield (*path, "followUp", "detector"), camera.follow_up.detector


Problem = tuple[Sequence[str | int], str]
"""Where in the document, and what, with that place in words."""


def catalogue_definition(name: str) -> DetectorDefinition | None:
    """A definition that sets nothing but its type."""
    return DetectorDefinition.model_construct({"type"}, type=name) if name in DETECTORS else None


def _causes(error: ValidationError) -> list[Any]:
    """Returns the errors, without those that a list is too short only because its items are invalid."""
    found = error.errors()
    inside = {one["loc"][:length] for one in found for length in range(len(one["loc"]))}
    return [one for one in found if one["type"] != "too_short" or one["loc"] not in inside]


def _cause(error: Mapping[str, Any]) -> tuple[Sequence[Any], str]:
    match error["type"]:
        case "union_tag_not_found":
            return (*error["loc"], "type"), "Field required"
        case "union_tag_invalid":
            return (*error["loc"], "type"), f"there is no such type; there are {', '.join(DETECTORS)}"
    return error["loc"], str(error["msg"])


def _problem(place: Sequence[Any], message: str) -> Problem:
    path = [part for part in place if isinstance(part, str | int)]
    if path[:1] == ["detectors"] and path[2:3] and path[2] in DETECTORS:
        del path[2]  # pydantic names the type that it validated as
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return path, f"{where or 'the document'}: {message.removeprefix('Value error, ')}"
