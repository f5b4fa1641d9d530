"""Which addresses of the internet may be reached. In: an address as text. Out: whether it is a public one."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Final

_REFUSED_V4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/3",
    )
)
"""Beside what Python calls not global, which differs by its version."""
_GIVEN_OUT_V6: Final = IPv6Network("2000::/3")
"""All that was given out for use on the internet. Outside are loopback, link-local (with the metadata
service), unique local (with its address of EC2, fd00:ec2::254), multicast, and IPv4 addresses in disguise:
::a.b.c.d, ::ffff:a.b.c.d and, behind a NAT64, 64:ff9b::a.b.c.d."""
_REFUSED_V6: Final = tuple(
    IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
"""Teredo and others that carry IPv4, documentation, 6to4."""


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public internet, and not another one in disguise."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global or parsed.is_multicast:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _REFUSED_V4)
    return (
        parsed.scope_id is None
        and parsed in _GIVEN_OUT_V6
        and not any(parsed in network for network in _REFUSED_V6)
    )


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask for the addresses of a host, best first. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
