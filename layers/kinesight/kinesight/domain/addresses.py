"""Which addresses may be called. Those of instance metadata and others that reach no server of the user may not,
however they are written.

An IPv6 address may stand for an IPv4 address: mapped and compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4
(RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214).
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_AWS_SERVICES = IPv6Network("fd00:ec2::/32")
"""Instance metadata, DNS and time over IPv6 ("Instance metadata", EC2 user guide)."""
_SHARED = ip_network("100.64.0.0/10")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_LAST_32_BITS = 0xFFFF_FFFF
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def address_of(host: str) -> Address | None:
    """Returns the address that a host is, None for a name. Raises ValueError for other forms of IPv4 addresses, such as
    2852039166, 0xA9FEA9FE or 0251.0376.0251.0376, which resolvers accept."""
    try:
        return ip_address(host)
    except ValueError:
        last = host.removesuffix(".").rpartition(".")[2]
        if _NUMBER.fullmatch(last):
            raise ValueError("an IPv4 address is written as four decimal numbers without leading zeros") from None
        return None


def is_callable(address: Address) -> bool:
    """Whether a server may have the address: not link-local (instance metadata), multicast, unspecified or reserved."""
    plain = _embedded(address)
    if plain.is_loopback:
        return True
    if isinstance(plain, IPv6Address) and (plain in _AWS_SERVICES or plain in _LOCAL_NAT64 or plain.teredo):
        return False
    return not (plain.is_link_local or plain.is_multicast or plain.is_unspecified or plain.is_reserved)


def is_private(address: Address) -> bool:
    """Whether the address is in a private network, or this machine's; also the shared space of RFC 6598."""
    plain = _embedded(address)
    return is_callable(address) and (plain.is_private or plain in _SHARED)


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, or else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    value = int(address)
    is_compatible = 1 < value <= _LAST_32_BITS
    if address in _NAT64 or is_compatible or value >> 32 & _LAST_32_BITS in _ISATAP:
        return IPv4Address(value & _LAST_32_BITS)
    return address
