"""Addresses that must not be called, in every way of writing them."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.adapters.aws.peer_check import AddressRefusedError, check_peer
from kinesight.domain.addresses import address_of, is_callable, is_private
from kinesight.domain.detectors.http_request import checked_url
from kinesight.domain.errors import ChannelRefusedError, InvalidSettingError
from kinesight.domain.sessions.webhook_target import parse_target

METADATA = [
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:a9fe:a9fe::1]",
    "[2001:db8::5efe:169.254.169.254]",
    "[2001:db8::200:5efe:a9fe:a9fe]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "[fd00:ec2::23]",
    "169.254.170.2",
    "169.254.169.253",
    "0.0.0.0",  # noqa: S104 - nothing binds to it
    "[::]",
    "[::ffff:0.0.0.0]",
    "224.0.0.1",
    "[ff02::1]",
    "255.255.255.255",
    "240.0.0.1",
]
OTHER_FORMS = [
    "2852039166",
    "0xA9FEA9FE",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "169.254.169.254.",
    "0169.254.169.254",
    "2130706433",
    "127.1",
    "0x7f.1",
    "0x",
]


@pytest.mark.parametrize("host", [*METADATA, *OTHER_FORMS])
@pytest.mark.parametrize("rest", ["/", "/latest/meta-data/iam", ":8080/", ""])
def test_neither_a_model_nor_a_webhook_may_be_there(host: str, rest: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(InvalidSettingError, match="HttpModelUrl"):
            checked_url(f"{scheme}://{host}{rest}")
    with pytest.raises(ChannelRefusedError, match="must not be called"):
        parse_target(f"https://{host}{rest}")


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.5",
        "192.168.1.20",
        "172.16.0.1",
        "127.0.0.1",
        "[::1]",
        "[::ffff:10.0.0.5]",
        "[fd12:3456::1]",
        "100.64.0.7",
        "localhost",
        "model.internal",
        "model.local",
    ],
)
def test_private_hosts_may_be_called_by_http(host: str) -> None:
    assert checked_url(f"http://{host}:8080/see").hostname
    assert parse_target(f"https://{host}:8443/").port == 8443


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "model.example", "3com.example"])
def test_public_hosts_may_be_called_by_https_alone(host: str) -> None:
    assert checked_url(f"https://{host}/see").hostname
    assert parse_target(f"https://{host}/").port == 443
    with pytest.raises(InvalidSettingError, match="https"):
        checked_url(f"http://{host}/see")


@given(st.integers(0, 2**16 - 1), st.sampled_from([0, 0xFFFF << 32, 0x64FF9B << 96]))
def test_no_link_local_address_is_callable_in_any_prefix(rest: int, prefix: int) -> None:
    link_local = int(IPv4Address("169.254.0.0")) + rest

    assert not is_callable(IPv4Address(link_local))
    assert not is_callable(IPv6Address(prefix + link_local))
    assert not is_callable(IPv6Address((0x2002 << 112) + (link_local << 80)))


@given(st.ip_addresses())
def test_what_is_private_is_callable(address: IPv4Address | IPv6Address) -> None:
    assert is_callable(address) or not is_private(address)
    assert address_of(str(address)) == address


class Connected:
    """A connection to any peer."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.is_closed = False

    def getpeername(self) -> tuple[str, int]:
        return self.peer, 443

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("peer", [one.strip("[]") for one in METADATA] + ["fe80::1%eth0"])
def test_a_connection_that_a_name_has_led_there_is_closed(peer: str) -> None:
    connected = Connected(peer)

    with pytest.raises(AddressRefusedError, match="special address") as caught:
        check_peer(connected)  # type: ignore[arg-type]  # what is called of a socket

    assert connected.is_closed
    assert peer not in str(caught.value)


def test_images_are_sent_unencrypted_to_private_peers_alone() -> None:
    for peer, is_near in (("10.0.0.5", True), ("::ffff:10.0.0.5", True), ("100.64.0.7", True), ("8.8.8.8", False)):
        connected = Connected(peer)
        assert is_private(ip_address(peer)) is is_near
        if is_near:
            check_peer(connected, must_be_private=True)  # type: ignore[arg-type]  # as above
        else:
            with pytest.raises(AddressRefusedError, match="https"):
                check_peer(connected, must_be_private=True)  # type: ignore[arg-type]  # as above
        assert connected.is_closed is not is_near
