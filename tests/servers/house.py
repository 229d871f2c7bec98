"""The whole product as real processes: web, workers, sandbox, on a database of its own, with the demonstration bank."""

import json
import os
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
from uuid import uuid4

from ops.launcher.processes import Child, Family
from tests.conftest import NUMBER
from tests.servers.sandbox import SECRET, Sandbox, free_port, running
from tests.servers.throwaway import Servers

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class House:
    """Where everything is, and who may come in."""

    base_url: str
    sandbox: Sandbox
    access: dict[str, Any]
    env: dict[str, str]
    web: Child

    @property
    def web_pid(self) -> int:
        """The process that started the web's workers."""
        assert self.web.process
        return self.web.process.pid

    def call(self, role: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """One REST call with a role's key: (status, JSON or bytes)."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.access[role]['secret_key']}", "Content-Type": "application/json"}
        if method == "POST":
            sent["Idempotency-Key"] = uuid4().hex
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.base_url}/api/v1{path}", data=data, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _read(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, _read(refused)


def _read(answer: Any) -> Any:
    raw = answer.read()
    is_json = answer.headers.get_content_type() == "application/json"
    return json.loads(raw) if raw and is_json else raw


def wait_for(what: str, seconds: float, look: Any) -> Any:
    """The first true answer of `look`, asked again and again; fails when the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


@contextmanager
def whole(
    servers: Servers, name: str, folder: Path, *, workers: int = 1, empty: bool = True, entry: str = "asgi:app"
) -> Iterator[House]:
    """Start everything, with so many web workers, and stop it afterwards; `empty` leaves out customers and campaigns."""
    servers.copy(name)
    port = free_port()
    logs = folder / "logs"
    logs.mkdir(parents=True)
    with running(folder / "sandbox") as sandbox:
        env = {
            **os.environ,
            **servers.env(name, redis=9 + NUMBER),
            "DATABASE_OWNER_URL": "",  # as `up` starts it
            "CARILLON_BASE_URL": f"http://127.0.0.1:{port}",
            "CARILLON_ENVIRONMENT": "demo",
            "CARILLON_ALLOWED_RECIPIENTS": "+97252*,*@mail.example,*@bank.example",
            "CARILLON_SANDBOX_URL": sandbox.url,
            "CARILLON_SANDBOX_SMTP": f"127.0.0.1:{sandbox.smtp_port}",
            "CARILLON_CORE_BANK_URL": sandbox.url,
            "CARILLON_CORE_BANK_SECRET": SECRET,
            "CARILLON_DATA": str(folder / "data"),
        }
        access = folder / "demo-access.json"
        flask = [sys.executable, "-m", "flask", "--app", "wsgi", "seed-demo", "--access-file", str(access)]
        subprocess.run(flask + ["--empty"] * empty, cwd=ROOT, env=env, check=True, capture_output=True)
        web = ["granian", "--interface", "asginl", "--host", "127.0.0.1", "--port", str(port)]
        size = ["--workers", str(workers), "--backpressure", "4096", "--http", "1", "--no-ws"]
        server = Child("web", [sys.executable, "-m", *web, *size, entry], env, logs / "web.log")
        house = House(f"http://127.0.0.1:{port}", sandbox, json.loads(access.read_text()), env, server)
        keys = {"public_key": house.access["public_key"], "secret_key": house.access["operator"]["secret_key"]}
        (folder / "sandbox" / "site.json").write_text(json.dumps({"carillon": house.base_url, **keys}))
        family = Family()
        try:
            family.start(server)
            family.start(Child("workers", [sys.executable, "-m", "jobs.worker"], env, logs / "workers.log"))
            wait_for("the web to be ready", 120, lambda: _ready(house))
            if empty:
                _allow_all_hours(house)
            yield house
        finally:
            family.stop(together=("web", "workers"))


def _allow_all_hours(house: House) -> None:
    """Tests run at night and on Saturdays: two owners let marketing go out at any time."""
    week = {str(day): {"opens": "00:00", "closes": "23:59"} for day in range(7)}
    status, asked = house.call("owner", "PUT", "/calendars", {"week": week, "holidays": "", "days": []})
    assert status == 202, asked
    status, done = house.call("second_owner", "POST", f"/approvals/{asked['data']['id']}/approve", {})
    assert status == 200, done


def _ready(house: House) -> bool:
    try:
        with urllib.request.urlopen(f"{house.base_url}/readyz", timeout=5) as answer:
            return bool(json.loads(answer.read())["status"] == "ok")
    except (urllib.error.URLError, OSError):
        return False
