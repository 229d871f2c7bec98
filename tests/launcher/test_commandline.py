"""The command line, addresses and ports, and sentences instead of tracebacks."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ops.launcher.address import Address, free_port, must_be_free
from ops.launcher.environment import digest
from ops.launcher.options import parse
from ops.launcher.problem import ROOT, Problem, reason
from ops.launcher.test import stages


@pytest.mark.parametrize(
    ("host", "base_url", "public"),
    [
        ("127.0.0.1", "", False),
        ("localhost", "", False),
        ("::1", "", False),
        ("0.0.0.0", "", True),
        ("127.0.0.1", "https://mail.example", True),
        ("127.0.0.1", "http://localhost:8000", False),
    ],
)
def test_who_can_reach_it(host: str, base_url: str, public: bool) -> None:
    assert Address.of(host, 8000, base_url).public is public


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        with pytest.raises(Problem, match=f"Port {port} is used by another program"):
            must_be_free("127.0.0.1", port)
        assert free_port(port) != port


def test_words_for_pytest_keep_their_order() -> None:
    options = parse(["test", "tests/core", "-k", "money and not slow", "--fast", "-x"])
    assert options.rest == ("tests/core", "-k", "money and not slow", "-x")
    assert options.fast


def test_fast_leaves_browser_and_stories_out() -> None:
    assert [name for name, _ in stages(fast=True)] == ["tests"]
    words = stages(fast=True)[0][1]
    assert {"--ignore=tests/stories", "--ignore=tests/browser", "--ignore=tests/speed"} <= set(words)


def test_stories_and_browser_come_last_and_no_file_is_divided() -> None:
    first, second, last = (words for _, words in stages(fast=False))
    assert "--ignore=tests/stories" in first
    assert second[:6] == ["-n", "2", "--dist", "loadfile", "tests/stories", "tests/browser"]
    assert second[6:] == [f"--ignore={story}" for story in last]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Traceback\n  File x\nValueError: no such month\n", "no such month"),
        ("a.b.OperationalError: (psycopg) refused\nIs it running?\n", "(psycopg) refused"),
        ("\nonly this\n", "only this"),
        ("", "it said nothing"),
    ],
)
def test_a_traceback_becomes_its_reason(said: str, why: str) -> None:
    assert reason(said) == why


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["up", "--port", "none"], "none is not a port"),
        (["up", "--data", "/dev/null"], "The data folder /dev/null cannot be used"),
        (["dance"], "invalid choice"),
        (
            ["organisation", "--name", "First Bank"],
            "the following arguments are required: --email, --admin, --second-email, --second-admin",
        ),
    ],
)
def test_mistakes_are_answered_with_a_sentence(words: list[str], sentence: str) -> None:
    done = subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_organisation_needs_something_that_runs(tmp_path: Path) -> None:
    words = ["organisation", "--name", "First Bank", "--email", "admin@bank.example", "--admin", "Dana Levi"]
    words += ["--second-email", "second@bank.example", "--second-admin", "Noa Mizrahi"]
    command = [sys.executable, "manage.py", *words, "--data", str(tmp_path / "my var")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"start it with python3 manage.py up --no-demo --data '{tmp_path}/my var'" in done.stderr


def test_every_requirement_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert len(digest(name)) == 64
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        for line in (line for line in lines if line and not line.startswith(("#", "-r"))):
            assert "==" in line, line
            assert "#" in line, line
