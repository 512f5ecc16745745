"""A viewer's outside world in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class FakeEvidenceReader:
    """A bucket: objects by key. `others` are buckets that it may copy from, by their names."""

    objects: dict[str, bytes] = field(default_factory=dict)
    name: str = "evidence"
    others: dict[str, "FakeEvidenceReader"] = field(default_factory=dict)

    def sizes_between(self, prefix: str, first: str, last: str, most: int) -> Mapping[str, int]:
        found = [key for key in sorted(self.objects) if key.startswith(prefix) and first <= key <= last]
        return {key: len(self.objects[key]) for key in found[:most]}

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def each(self, keys: Iterable[str], ahead: int) -> Iterator[tuple[str, bytes | None]]:
        return ((key, self.objects.get(key)) for key in keys)

    def link(self, key: str) -> str:
        return f"https://{self.name}.example/{key}?signed"

    def copy(self, keys: Sequence[str], folder: str, bucket: str | None = None) -> None:
        source = self.others[bucket].objects if bucket is not None else self.objects
        self.objects |= {folder + key: source[key] for key in keys if key in source}

    def remove(self, folder: str) -> None:
        self.objects = {key: body for key, body in self.objects.items() if not key.startswith(folder)}
