"""A session and its video, for several contract tests."""

from kinesight.domain.model import from_epoch_ms
from kinesight.domain.sessions.clip import ClipFragment, MissingPart, SessionClip, SessionRef
from kinesight.domain.sessions.model import BestImage, Session, Severity

from tests.builders import NOON_MS

BEST = BestImage("r" * 32, NOON_MS, "123", "Person", 97.5, Severity.ALERT)


SESSION = Session(
    "s" * 32, "front-door", Severity.ALERT, NOON_MS, NOON_MS, NOON_MS, 1, {"Person": 97.5}, ("default",), (), BEST
)


REF = SessionRef(SESSION.stream_name, SESSION.opened_ms, SESSION.session_id)


VIDEO = SessionClip(
    images=1,
    selector="PRODUCER_TIMESTAMP",
    started_at=from_epoch_ms(NOON_MS - 5000),
    ended_at=from_epoch_ms(NOON_MS + 5000),
    complete=True,
    fragments=(
        ClipFragment(number="123", date="unknown"),
        ClipFragment(number="124", date="2026-01-01", started_at=from_epoch_ms(NOON_MS), length_ms=2000),
    ),
    missing=(
        MissingPart(reason="EXPIRED", started_at=from_epoch_ms(NOON_MS - 5000), ended_at=from_epoch_ms(NOON_MS)),
        MissingPart(reason="4000 Fragment not found", fragments=("122",)),
    ),
)
