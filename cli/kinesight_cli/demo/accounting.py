"""Compares the counts of a demo run with what they must be. Pure."""

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord

from kinesight_cli.estimate.call_comparison import CallComparison


@dataclass(frozen=True, slots=True)
class Waiting:
    """Images that are neither analyzed nor lost: KVS still delivers them, or they are in the queue, or a function has
    them or will retry them."""

    undelivered: int = 0
    queued: int = 0
    in_flight: int = 0

    def __bool__(self) -> bool:
        return self.images > 0

    @property
    def images(self) -> int:
        return self.undelivered + self.queued + self.in_flight

    def __str__(self) -> str:
        counts = {"not delivered by KVS": self.undelivered, "in the queue": self.queued, "in flight": self.in_flight}
        return ", ".join(f"{count} {where}" for where, count in counts.items() if count)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that can be counted from outside the stack, at one moment."""

    fragments_sent: int
    images_generated: int
    image_failures: int
    records: tuple[ResultRecord, ...]
    evidence: Set[str]
    """Keys in the evidence bucket."""
    alerted: Set[str]
    """Result ids that an alert was sent for."""
    alerts: int
    dead_letters: int
    waiting: Waiting = Waiting()


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a run. `lost` counts what is missing and what is there twice; `problems` describes each in words. An
    image that waits is not lost."""

    fragments_sent: int
    images_generated: int
    results: int
    matched: int
    fragments_archived: int
    alerts: int
    lost: int
    labels: dict[str, int]
    waiting: int = 0
    problems: list[str] = field(default_factory=list)
    calls: tuple[CallComparison, ...] = ()
    repeated_calls: int = 0

    def document(self) -> dict[str, object]:
        """Returns the content of summary.json."""
        return {
            "fragmentsSent": self.fragments_sent,
            "imagesGenerated": self.images_generated,
            "results": self.results,
            "matched": self.matched,
            "fragmentsArchived": self.fragments_archived,
            "alerts": self.alerts,
            "waiting": self.waiting,
            "lost": self.lost,
            "labels": self.labels,
            "repeatedCalls": self.repeated_calls,
            "calls": {
                one.call: {
                    "counted": one.counted,
                    "estimated": round(one.estimated, 3),
                    "differencePercent": round(one.difference_percent, 3),
                }
                for one in self.calls
            },
        }


def summarize(observed: Observed) -> Summary:
    """Counts, and compares each count with what it must be."""
    by_id = {record.result_id: record for record in observed.records}
    matched = [record for record in by_id.values() if record.matched]
    problems = {
        "images that could not be generated or delivered": observed.image_failures,
        "images without a result": max(0, observed.images_generated - len(by_id) - observed.waiting.images),
        "results that were published twice": len(observed.records) - len(by_id),
        "evidence objects that are missing": len(_expected_evidence(matched) - observed.evidence),
        "matched results without an alert": len({record.result_id for record in matched} - observed.alerted),
        "alerts that were sent twice": observed.alerts - len(observed.alerted),
        "messages in the dead-letter queues": observed.dead_letters,
    }
    return Summary(
        fragments_sent=observed.fragments_sent,
        images_generated=observed.images_generated,
        results=len(by_id),
        matched=len(matched),
        fragments_archived=sum(key.startswith("archive/") for key in observed.evidence),
        alerts=observed.alerts,
        lost=sum(problems.values()),
        labels=_labels(by_id.values()),
        waiting=observed.waiting.images,
        problems=[f"{count} {what}" for what, count in problems.items() if count],
    )


def _expected_evidence(matched: Iterable[ResultRecord]) -> set[str]:
    expected: set[str] = set()
    for record in matched:
        keys = evidence_keys(record)
        expected |= {keys.result, keys.annotated} | ({keys.archive} if keys.archive else set())
    return expected


def _labels(records: Iterable[ResultRecord]) -> dict[str, int]:
    """Returns the number of images with each label, the most frequent first."""
    counts = Counter(label for record in records for label in {one.label for one in record.detections})
    return dict(counts.most_common())
