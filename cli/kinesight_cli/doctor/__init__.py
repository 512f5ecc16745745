"""Why there is no picture: a deployed stack and its streams, checked in the order of the road that a picture takes.

Nothing here prints. Facts are looked up (`looking_at_…`), judged by pure functions (`judging_…`) and told as findings.
"""

from kinesight.domain.health.facts import HealthThresholds
from kinesight.domain.health.findings import Cause, Finding, Outcome, Verdict

from kinesight_cli.doctor.asking import CannotLookError
from kinesight_cli.doctor.examining import Examination, Report, StreamHealth

__all__ = [
    "CannotLookError",
    "Cause",
    "Examination",
    "Finding",
    "HealthThresholds",
    "Outcome",
    "Report",
    "StreamHealth",
    "Verdict",
]
