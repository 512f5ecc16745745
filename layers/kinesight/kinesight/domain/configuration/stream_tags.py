"""The tags of streams, beside the document: functions that analyze know a stream's name alone."""

from dataclasses import dataclass

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kinesight.domain.configuration.configuration import TagsByStream
from kinesight.domain.ports import WorkStore

TAGS_KEY = "configuration/stream-tags.json"
"""Key of the tags, which configure_streams keeps current if the document matches streams by tags."""
TAGS = TypeAdapter(dict[str, dict[str, str]], config=ConfigDict(defer_build=True))


@dataclass(frozen=True, slots=True)
class StreamTagsFile:
    """The streams' tags in the store of the document."""

    store: WorkStore

    def load(self) -> TagsByStream:
        """Returns what was saved last; a file that cannot be read is none. Raises StorageBusyError."""
        body = self.store.read(TAGS_KEY)
        try:
            return {} if body is None else TAGS.validate_json(body)
        except ValidationError:
            return {}

    def save(self, tags: TagsByStream) -> None:
        """Replaces the file. Raises StorageBusyError."""
        self.store.write(TAGS_KEY, TAGS.dump_json({name: dict(one) for name, one in tags.items()}), "application/json")
