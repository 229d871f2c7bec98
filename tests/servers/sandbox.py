"""The sandbox as a real process, for tests that send over real HTTP and SMTP."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECRET = "sandbox-secret"


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
    """Start a sandbox on free ports and stop it afterwards."""
    sandbox = Sandbox(free_port(), free_port())
    ports = ["--http-port", str(sandbox.http_port), "--smtp-port", str(sandbox.smtp_port)]
    process = subprocess.Popen([sys.executable, "-m", "sandbox", *ports, "--data", str(data)], cwd=ROOT)
    try:
        _wait(sandbox, process)
        yield sandbox
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(sandbox: Sandbox, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            sandbox.call("GET", "/healthz")
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, "the sandbox did not start"
            time.sleep(0.05)
    raise AssertionError("the sandbox did not answer")
