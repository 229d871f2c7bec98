"""The launcher and the real product: one at a time, back after a kill, nobody left behind."""

import contextlib
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pyotp
import pytest

from ops.launcher.address import free_port
from ops.launcher.problem import ROOT

AGAIN_LIMIT = 10.0  # seconds a second start may take
READY = "Stop with Ctrl-C."
SETTINGS = ("DATABASE_", "REDIS_", "CARILLON_")


class Up(NamedTuple):
    """A launcher that runs."""

    process: subprocess.Popen[str]
    words: str
    seconds: float


def up(data: Path, port: int, *words: str) -> Up:
    """Start the product and wait for its last line."""
    began = time.monotonic()
    env = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--data", str(data), "--port", str(port), *words],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if READY in line:
            return Up(process, said, time.monotonic() - began)
    pytest.fail(f"manage.py up ended with {process.wait()}: {said}")


def family(data: Path) -> list[psutil.Process]:
    """Every process that works for a data folder: the launcher's children and theirs, and the database server."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline()) + process.environ().get("CARILLON_DATA", "")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if str(data) in told:
            found.append(process)
    return found


def kill(processes: list[psutil.Process]) -> None:
    """kill -9 of each; who ends because another one did may be gone first."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; whatever still runs on it at the end is killed."""
    folder = tmp_path / "var"
    yield folder
    kill(family(folder))


def stop(started: Up, number: signal.Signals, data: Path) -> None:
    """Stop a launcher with a signal and see that nobody is left."""
    started.process.send_signal(number)
    assert started.process.wait(60) == 0
    assert started.process.stdout is not None
    assert started.process.stdout.read().endswith("Stopped.\n")
    assert family(data) == []


def test_up_and_down_and_up_again(data: Path) -> None:
    port = free_port(0)
    first = up(data, port)
    base = f"http://127.0.0.1:{port}"
    assert f"Carillon is ready: {base}" in first.words
    assert httpx.get(f"{base}/readyz").json()["status"] == "ok"
    access = data / "demo-access.json"
    logins = json.loads(access.read_text(encoding="utf-8"))
    assert stat.S_IMODE(access.stat().st_mode) == 0o600
    assert logins["base_url"] == base
    for role in ("owner", "admin", "marketer", "bank_officer", "operator", "auditor", "viewer"):
        assert logins[role]["password"] in first.words

    second = subprocess.run(
        [sys.executable, "manage.py", "up", "--data", str(data)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"already running on {data} (process {first.process.pid}, {base})" in second.stderr

    stop(first, signal.SIGTERM, data)
    seconds = []
    for _ in range(2):  # the machine may be busy with something else once
        again = up(data, port)
        seconds.append(again.seconds)
        stop(again, signal.SIGINT, data)
        if again.seconds < AGAIN_LIMIT:
            break
    assert min(seconds) < AGAIN_LIMIT


def test_a_killed_launcher_is_recovered_from(data: Path) -> None:
    port = free_port(0)
    first = up(data, port, "--empty")
    first.process.kill()
    kill(family(data))
    first.process.wait()
    again = up(data, port)
    assert httpx.get(f"http://127.0.0.1:{port}/readyz").json()["status"] == "ok"
    command = [sys.executable, "manage.py", "stop", "--data", str(data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("Stopped.\n")
    assert again.process.wait(5) == 0
    assert family(data) == []


def test_a_bank_of_ones_own_begins_with_its_administrator(data: Path) -> None:
    port = free_port(0)
    first = up(data, port, "--no-demo", "--no-sandbox")
    (advice,) = re.findall(r"^  (python3 manage.py organisation .*)$", first.words, re.MULTILINE)
    command = [sys.executable, *shlex.split(advice)[1:]]
    made = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    password = made.stdout.partition("shown only now: ")[2].split()[0]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as browser:
        told = {"email": "owner@bank.example", "password": password}
        page = browser.post("/login", data=told | token(browser.get("/login").text)).text
        (secret,) = re.findall(r"\b[A-Z2-7]{32}\b", page)
        entered = browser.post("/login/code", data={"code": pyotp.TOTP(secret).now()} | token(page))
        assert entered.status_code == 200
        assert "Dana Levi" in browser.get("/settings/users").text

    again = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "This address is taken already. Nothing was made." in again.stderr
    stop(first, signal.SIGTERM, data)


def token(page: str) -> dict[str, str]:
    """The token a form sends back."""
    (found,) = set(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page))
    return {"csrf_token": found}
