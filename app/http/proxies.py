"""Who a request comes from behind proxies: X-Forwarded-For and -Proto are believed only where a trusted one says them."""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network
Environ = dict[str, Any]
PROTOCOLS = frozenset({"http", "https"})


def client(environ: Environ, trusted: Iterable[Network]) -> tuple[str, str]:
    """The address and the scheme of whoever asks: the last address in the chain that is not one of our own proxies."""
    address, scheme = str(environ.get("REMOTE_ADDR", "")), str(environ.get("wsgi.url_scheme", "http"))
    networks = tuple(trusted)
    if not _within(address, networks):
        return address, scheme
    said = str(environ.get("HTTP_X_FORWARDED_PROTO", "")).rpartition(",")[2].strip().lower()
    for hop in reversed(str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        if not _is_address(hop.strip()):
            break
        address = hop.strip()
        if not _within(address, networks):
            break
    return address, said if said in PROTOCOLS else scheme


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _within(text: str, networks: tuple[Network, ...]) -> bool:
    if not networks or not _is_address(text):
        return False
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in networks)


class Behind:
    """A WSGI application that sees its clients instead of its proxies."""

    def __init__(self, app: Callable[..., Iterable[bytes]], trusted: tuple[Network, ...]) -> None:
        """Wrap it."""
        self.app, self.trusted = app, trusted

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Hand the request on."""
        environ["REMOTE_ADDR"], environ["wsgi.url_scheme"] = client(environ, self.trusted)
        return self.app(environ, start)
