"""Ports of the sessions."""

from collections.abc import Mapping
from typing import Any, Protocol

from kinesight.domain.sessions.clip import SessionClip, SessionRef
from kinesight.domain.sessions.model import Session


class SessionStore(Protocol):
    """Stores sessions for the viewer."""

    def put(self, session: Session) -> None:
        """Stores the newest state; the clip stays as it is. Raises StorageBusyError."""


class SessionClips(Protocol):
    """Stores the archived clips of sessions."""

    def load(self, session: SessionRef) -> SessionClip | None:
        """The stored clip, or None. Raises StorageBusyError."""

    def save(self, session: SessionRef, video: SessionClip) -> bool:
        """Stores the clip; False if the session is gone or has a clip of more images. Raises StorageBusyError."""


class SessionChannel(Protocol):
    """Publishes session events to other software."""

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """Publishes one event. Raises DeliveryError, ChannelRefusedError."""
