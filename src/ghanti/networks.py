"""Lists of networks, as settings hold them: ``10.0.0.0/8, 192.0.2.7, fd00::/8``."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def networks(text: str) -> list[Network]:
    """The networks of a list with commas; an address alone is a network of one. Raises ValueError."""
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]


def address(text: str) -> Address:
    """An address, of IPv4 also where it is mapped into IPv6; of a link, without its name. Or ValueError."""
    found = ip_address(text.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


_CUSTOMER_BITS = 64
"""Of an IPv6 address: what one customer has (RFC 6177)."""


def customer(text: str) -> str:
    """What stands for whoever asks from an address: of IPv6 its network, since its owner has them all.

    What is no address stands for itself.
    """
    try:
        found = address(text)
    except ValueError:
        return text
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found) >> _CUSTOMER_BITS << _CUSTOMER_BITS, _CUSTOMER_BITS)))
    return str(found)
