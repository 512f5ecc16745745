"""The settings of every stream: camera entry over the document's defaults over parameters over schema defaults."""

from collections.abc import Iterable, Mapping

from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.detector_definitions import DetectorDefinition
from kinesight.domain.configuration.document import ConfigurationDocument, Limits
from kinesight.domain.configuration.layers import overlay
from kinesight.domain.configuration.matching import CameraRules

TagsByStream = Mapping[str, Mapping[str, str]]
"""Tags of streams by name; of those that have any."""


class Configuration:
    """The configuration at one moment."""

    def __init__(
        self,
        parameters: CameraSettings,
        document: ConfigurationDocument | None = None,
        tags: TagsByStream | None = None,
    ) -> None:
        self.document = document or ConfigurationDocument.empty()
        self._defaults = overlay(parameters, self.document.defaults)
        self._tags = tags or {}
        self._prepared: dict[str, CameraRules] = {}

    @classmethod
    def of(
        cls, labels: Iterable[str], minimum_confidence: float, document: ConfigurationDocument | None = None
    ) -> "Configuration":
        """With these two parameters. Labels are stripped and empty ones ignored; no labels means every label.
        Confidence is 0 to 100."""
        stripped = [label.strip() for label in labels if label.strip()]
        parameters = {"labels": stripped, "minimumConfidence": minimum_confidence}
        return cls(CameraSettings.model_validate(parameters), document)

    @property
    def limits(self) -> Limits:
        """Limits of functions."""
        return self.document.limits

    @property
    def default(self) -> CameraSettings:
        """Settings of streams that no camera of the document matches."""
        return self._defaults.completed()

    def of_stream(self, stream_name: str) -> CameraRules:
        """Returns settings and rules of a stream, which are prepared once."""
        if stream_name not in self._prepared:
            self._prepared[stream_name] = CameraRules(self._camera(stream_name, self._tags.get(stream_name, {})))
        return self._prepared[stream_name]

    def of_tagged(self, stream_name: str, tags: Mapping[str, str]) -> CameraSettings:
        """Returns the settings of a stream whose tags the caller may know better."""
        return self._camera(stream_name, tags or self._tags.get(stream_name, {}))

    def is_analyzed(self, stream_name: str) -> bool:
        """Whether the stream has a detector."""
        return self.of_stream(stream_name).camera.detector is not None

    def detector(self, name: str) -> DetectorDefinition | None:
        """Returns the detector of this name, the document's or the catalogue's."""
        return self.document.definition(name)

    def overridden(self, labels: Iterable[str] | None, minimum_confidence: float | None) -> "Configuration":
        """Returns the configuration with the labels and confidence of one execution, where given."""
        if labels is None and minimum_confidence is None:
            return self
        least = self._defaults.minimum_confidence if minimum_confidence is None else minimum_confidence
        return Configuration.of(self._defaults.labels if labels is None else labels, least)

    def _camera(self, stream_name: str, tags: Mapping[str, str]) -> CameraSettings:
        camera = self.document.camera(stream_name, tags)
        return (self._defaults if camera is None else overlay(self._defaults, camera)).completed()
