"""The sandbox as a real process, for tests that send over real HTTP and SMTP."""

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.launcher.kernel import wait_until
from ops.launcher.processes import Child

SECRET = "sandbox-secret"
SOON = 60  # seconds at most: a loaded machine takes its time to start a process


@dataclass(frozen=True)
class Sandbox:
    """Where a running sandbox is."""

    http_port: int
    smtp_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the sandbox's own API; its JSON, or None."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None

    def faults(self, **orders: Any) -> None:
        """Order faults; none: good behaviour."""
        self.call("PUT", "/faults", orders)

    def received(self, kind: str, **query: Any) -> Any:
        """What was accepted, newest first."""
        words = "&".join(f"{name}={value}" for name, value in query.items())
        return self.call("GET", f"/received/{kind}?{words}")


@contextmanager
def running(data: Path) -> Iterator[Sandbox]:
    """Start a sandbox on free ports and end it afterwards, whatever it is doing then."""
    with started(data) as (sandbox, _):
        yield sandbox


@contextmanager
def started(data: Path) -> Iterator[tuple[Sandbox, Child]]:
    """A sandbox and its process, which ends with the block: also when it never answered, and when it does not listen."""
    sandbox = Sandbox(free_port(), free_port())
    ports = ["--http-port", str(sandbox.http_port), "--smtp-port", str(sandbox.smtp_port)]
    command = [sys.executable, "-m", "sandbox", *ports, "--data", str(data)]
    data.mkdir(parents=True, exist_ok=True)
    child = Child("The sandbox", command, os.environ, data / "sandbox.log", patience=10)
    child.start()
    try:
        assert wait_until(lambda: _answers(sandbox, child), SOON), f"the sandbox does not answer: {child.said()}"
        yield sandbox, child
    finally:
        child.stop()


def _answers(sandbox: Sandbox, child: Child) -> bool:
    child.must_run()
    try:
        sandbox.call("GET", "/healthz")
    except (urllib.error.URLError, OSError):
        return False
    return True


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
