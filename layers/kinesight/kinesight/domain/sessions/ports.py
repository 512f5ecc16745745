"""Ports of the sessions."""

from collections.abc import Mapping
from typing import Any, Protocol

from kinesight.domain.sessions.tracker import Session
from kinesight.domain.sessions.video import SessionClip, SessionRef


class SessionStore(Protocol):
    """Stores sessions for the viewer."""

    def put(self, session: Session) -> None:
        """Stores the newest state and keeps the session's video. Raises StorageBusyError."""


class SessionClips(Protocol):
    """Stores the archived video of sessions."""

    def load(self, session: SessionRef) -> SessionClip | None:
        """Returns None if there is none. Raises StorageBusyError."""

    def save(self, session: SessionRef, video: SessionClip) -> bool:
        """Saves the video. Returns False, and saves nothing, if the session is gone or its video covers more images.

        Raises StorageBusyError.
        """


class SessionChannel(Protocol):
    """Publishes sessions to programs."""

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """Raises DeliveryError, ChannelRefusedError."""
