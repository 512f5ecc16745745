"""How long the service waits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The service's own figures, in seconds; tests may wait less.

    `idle_s`: a silent PutMedia connection gets three IDLE acknowledgements, each after so long.
    `connection_s`: how long a PutMedia connection may live; AWS's SDKs begin a new one after 45 minutes.
    `patience_s`: how long a GetMedia reader at the tip is kept without anything on its way.
    """

    idle_s: float = 10.0
    connection_s: float = 3600.0
    patience_s: float = 3.0
