"""Where the web listens and how the world calls it; whether that is a public place; whether a port is free."""

import contextlib
import errno
import http.client
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from ops.launcher.problem import Problem


@dataclass(frozen=True)
class Address:
    """The web's address."""

    host: str
    port: int
    base_url: str

    @classmethod
    def of(cls, host: str, port: int, base_url: str) -> "Address":
        """The address for a listening host and port, and the public one if the environment gives it."""
        if not base_url:
            named = socket.gethostname() if host in ("0.0.0.0", "::") else host
            base_url = f"http://{f'[{named}]' if ':' in named else named}:{port}"
        return cls(host, port, base_url.rstrip("/"))

    @property
    def public(self) -> bool:
        """Whether others than this machine can reach it."""
        return not (loopback(self.host) and loopback(urlsplit(self.base_url).hostname or ""))

    def answer(self, path: str) -> tuple[int, str]:
        """Status and text of a GET, straight to where the web listens; 0 when nobody answers."""
        local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        line = http.client.HTTPConnection(local, self.port, timeout=10)
        with contextlib.closing(line):
            try:
                line.request("GET", path, headers={"Host": urlsplit(self.base_url).netloc})
                response = line.getresponse()
                return response.status, response.read(4000).decode("utf-8", "replace")
            except (OSError, http.client.HTTPException):
                return 0, ""


def loopback(host: str) -> bool:
    """Whether a host name or number means this machine only."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def must_be_free(host: str, port: int, hint: str = "Choose another one with --port") -> None:
    """Raise a Problem when nobody can listen on this port."""
    try:
        try_port(host, port)
    except OSError as taken:
        if taken.errno == errno.EADDRINUSE:
            sentence = f"Port {port} is used by another program. {hint}, or stop that program"
        elif taken.errno == errno.EACCES:
            sentence = f"Port {port} is reserved for root. Choose one above 1023 with --port"
        else:
            sentence = f"Nobody can listen on {host}:{port} here ({taken.strerror}). Choose another --host or --port"
        raise Problem(sentence) from taken


def free_port(wanted: int) -> int:
    """This port on loopback if it is free, otherwise any other."""
    with contextlib.suppress(OSError, OverflowError):
        return try_port("127.0.0.1", wanted)
    return try_port("127.0.0.1", 0)


def try_port(host: str, port: int) -> int:
    """Listen for a moment; the port's number."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        return int(door.getsockname()[1])
