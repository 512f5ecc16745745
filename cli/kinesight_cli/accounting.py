"""What a demo run must add up to. Pure: what was seen goes in, what is missing comes out."""

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord

from kinesight_cli.cost.counted import Check


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that can be counted from outside, at one moment."""

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


@dataclass(frozen=True, slots=True)
class Summary:
    """`lost` is what should be there and is not, and what should not be there and is."""

    fragments_sent: int
    images_generated: int
    results: int
    matched: int
    fragments_archived: int
    alerts: int
    lost: int
    labels: dict[str, int]
    problems: list[str] = field(default_factory=list)
    calls: tuple[Check, ...] = ()
    calls_sent_again: int = 0

    def document(self) -> dict[str, object]:
        """As summary.json has it."""
        return {
            "fragmentsSent": self.fragments_sent,
            "imagesGenerated": self.images_generated,
            "results": self.results,
            "matched": self.matched,
            "fragmentsArchived": self.fragments_archived,
            "alerts": self.alerts,
            "lost": self.lost,
            "labels": self.labels,
            "callsSentAgain": self.calls_sent_again,
            "calls": {
                one.call: {
                    "counted": one.counted,
                    "estimated": round(one.estimated, 3),
                    "differencePercent": round(one.difference_percent, 3),
                }
                for one in self.calls
            },
        }


def summarize(seen: Seen) -> Summary:
    """Counts, and compares each count with what it has to be."""
    by_id = {record.result_id: record for record in seen.records}
    matched = [record for record in by_id.values() if record.matched]
    problems = {
        "pictures that could not be made or delivered": seen.image_failures,
        "pictures without a result": max(0, seen.images_generated - len(by_id)),
        "results that were published twice": len(seen.records) - len(by_id),
        "pieces of evidence that are missing": len(_wanted_evidence(matched) - seen.evidence),
        "matched results without an alert": len({record.result_id for record in matched} - seen.alerted),
        "alerts that were sent twice": seen.alerts - len(seen.alerted),
        "messages in the dead-letter queues": seen.dead_letters,
    }
    return Summary(
        fragments_sent=seen.fragments_sent,
        images_generated=seen.images_generated,
        results=len(by_id),
        matched=len(matched),
        fragments_archived=sum(key.startswith("archive/") for key in seen.evidence),
        alerts=seen.alerts,
        lost=sum(problems.values()),
        labels=_labels(by_id.values()),
        problems=[f"{count} {what}" for what, count in problems.items() if count],
    )


def _wanted_evidence(matched: Iterable[ResultRecord]) -> set[str]:
    wanted: set[str] = set()
    for record in matched:
        keys = evidence_keys(record)
        wanted |= {keys.result, keys.annotated} | ({keys.archive} if keys.archive else set())
    return wanted


def _labels(records: Iterable[ResultRecord]) -> dict[str, int]:
    """In how many pictures each label was seen, the most frequent first."""
    counts = Counter(label for record in records for label in {found.label for found in record.detections})
    return dict(counts.most_common())
