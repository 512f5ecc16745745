"""The service's timeouts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The defaults are the service's; tests use shorter ones. All in seconds.

    `idle_s`: a silent PutMedia connection gets an IDLE acknowledgement after each such period, three at most.
    `connection_s`: the maximum duration of a PutMedia connection; AWS's SDKs open a new one after 45 minutes.
    `live_edge_timeout_s`: GetMedia ends after this time at the live edge if no fragment is arriving.
    """

    idle_s: float = 10.0
    connection_s: float = 3600.0
    live_edge_timeout_s: float = 3.0
