"""Which network addresses an outgoing connection may reach: the public internet, unless told otherwise."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_V6 = ip_network("2000::/3")


def is_public(address: str) -> bool:
    """Tell whether an address (not a name) lies in the public internet.

    Addresses wrapped in IPv6 (mapped, NAT64, 6to4) are unwrapped first: `is_global` alone lets some of them pass.
    """
    found = ip_address(address.partition("%")[0])
    inner = _unwrapped(found)
    if isinstance(inner, IPv6Address) and inner not in _GLOBAL_V6:
        return False
    return inner.is_global and not inner.is_multicast


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a host to its addresses. Raises: OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def resolve_public(host: str, port: int) -> list[str]:
    """Resolve a host whose every address must be public; connect to what this returns, not to the name again.

    Raises:
        OSError: the name does not resolve.
        PermissionError: one of its addresses is not public.
    """
    addresses = await resolve(host, port)
    if not all(is_public(address) for address in addresses):
        raise PermissionError(f"{host} lies in a private network")
    return addresses
