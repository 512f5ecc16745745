"""Ports of the sessions."""

from collections.abc import Mapping
from typing import Any, Protocol

from kinesight.domain.sessions.tracker import Session
from kinesight.domain.sessions.video import SessionRef, SessionClip


class SessionStore(Protocol):
    """Keeps what is known of sessions, for people who look them up."""

    def put(self, session: Session) -> None:
        """The newest state; its video stays as it is. Raises StorageBusyError."""


class SessionClips(Protocol):
    """Keeps what the archive has of sessions, beside what is known of them."""

    def load(self, session: SessionRef) -> SessionClip | None:
        """None where there is none. Raises StorageBusyError."""

    def save(self, session: SessionRef, video: SessionClip) -> bool:
        """False, and nothing saved, if the session is gone or has a video of more pictures. Raises StorageBusyError."""


class SessionChannel(Protocol):
    """Tells programs of sessions."""

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """Raises DeliveryError, ChannelRefusedError."""
