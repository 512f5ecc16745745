"""Checks the address that a connection has reached, before anything is sent: a name may resolve to any address, and to
another one each time."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from kinesight.domain.addresses import is_callable, is_private


class AddressRefusedError(Exception):
    """The peer has an address that must not be called. The message is without the address."""


def check_peer(connected: socket.socket, *, must_be_private: bool = False) -> None:
    """Closes the connection and raises AddressRefusedError if its peer must not be called."""
    peer = ip_address(connected.getpeername()[0])
    if not is_callable(peer):
        connected.close()
        raise AddressRefusedError("the host has a link-local, reserved or otherwise special address")
    if must_be_private and not is_private(peer):
        connected.close()
        raise AddressRefusedError("the host has no private address, so it must be called by https://")
