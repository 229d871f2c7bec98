"""Children of the launcher: they are started again, they leave nobody behind, they die with the launcher."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from ops.launcher import processes
from ops.launcher.kernel import alive, end_session, look, members, wait_until
from ops.launcher.options import Options
from ops.launcher.problem import ROOT, Problem
from ops.launcher.processes import Child, Family
from ops.launcher.up import Start

DEAF = "import os, signal, time; os.fork(); signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
SLEEP = "time.sleep(60)"
SOON = 30  # seconds at most: a loaded machine takes its time to start a process


def python(name: str, code: str, folder: Path, patience: float = 5.0) -> Child:
    return Child(name, [sys.executable, "-c", code], dict(os.environ), folder / f"{name}.log", patience=patience)


def test_a_child_that_dies_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PAUSES", (0.1,))
    family = Family()
    child = family.start(python("one", f"import time; {SLEEP}", tmp_path))
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not child.running, SOON)
    assert wait_until(lambda: family.tend() or child.running, SOON)
    assert child.process.pid != first
    family.stop()
    assert look(first) is None


def test_a_child_that_keeps_dying_is_started_later_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = Family()
    child = family.start(python("two", "print('out of paper')", tmp_path))
    pauses = []
    for _ in range(3):
        wait_until(lambda: not child.running, SOON)
        now = time.monotonic()
        with monkeypatch.context() as still:
            still.setattr(processes.time, "monotonic", partial(float, now))
            family.tend()
            assert child.due is not None
            pauses.append(round(child.due - now))
        child.start()
    wait_until(lambda: not child.running, SOON)
    family.stop()
    assert pauses == [1, 2, 5]
    assert child.said() == "out of paper"


def test_stopping_ends_offspring_that_does_not_listen(tmp_path: Path) -> None:
    family = Family()
    child = family.start(python("deaf", DEAF + SLEEP, tmp_path, patience=0.2))
    assert wait_until(lambda: child.said() == "up", SOON)
    assert child.process is not None
    session = child.process.pid
    assert len(members(session)) == 2
    family.stop()
    assert members(session) == []


def test_a_child_that_ends_at_its_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = python("The web server", "raise SystemExit('no such port')", tmp_path)
    child.start()
    wait_until(lambda: not child.running, SOON)
    with pytest.raises(Problem, match="The web server stopped while it was starting: no such port"):
        child.must_run()
    child.stop()


def test_children_die_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    launcher = f"""
import sys, time
from functools import partial
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from ops.launcher.options import Options
from ops.launcher.processes import Child, Family
log = Path({str(tmp_path / "log")!r})
child = Family().start(Child("x", [sys.executable, "-c", "import time; {SLEEP}"], {{}}, log))
Path({str(note)!r}).write_text(str(child.process.pid))
{SLEEP}
"""
    parent = subprocess.Popen([sys.executable, "-c", launcher])
    assert wait_until(lambda: note.exists() and note.read_text() != "", SOON)
    child = int(note.read_text())
    parent.kill()
    parent.wait()
    assert wait_until(lambda: look(child) is None, SOON)


def test_orphans_of_a_session_are_found_and_ended() -> None:
    code = "import os, time\nif os.fork():\n    os._exit(0)\ntime.sleep(60)"
    leader = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    leader.wait()
    assert len(members(leader.pid)) == 1
    end_session(leader.pid, number=signal.SIGTERM, patience=2.0)
    assert members(leader.pid) == []


def test_a_number_that_was_given_away_again_is_somebody_else() -> None:
    ours = look(os.getpid())
    assert ours is not None
    assert alive(ours.pid, ours.started)
    assert not alive(ours.pid, ours.started - 1)


def test_who_gets_which_login_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://carillon@db/carillon")
    monkeypatch.setenv("DATABASE_URL", "postgresql://carillon_run@db/carillon")
    start = Start(Options("up", data=tmp_path / "data"))
    start.env |= {"CARILLON_MASTER_KEY_FILE": "/key", "REDIS_URL": "redis://x"}
    work, sandbox = start.env_of_work(), start.env_of_sandbox()
    assert (work["DATABASE_URL"], work["DATABASE_OWNER_URL"]) == ("postgresql://carillon_run@db/carillon", "")
    assert not [name for name in sandbox if name.startswith(("DATABASE", "REDIS", "CARILLON", "PG"))]
    assert sandbox["PATH"]


def test_the_sandbox_is_the_core_bank_unless_another_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("CARILLON_CORE_BANK_URL", "CARILLON_CORE_BANK_SECRET")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "data").mkdir()
    start = Start(Options("up", data=tmp_path / "data"))
    start.settings()
    assert [start.env[name] for name in names] == [start.env["CARILLON_SANDBOX_URL"], "sandbox-secret"]
    monkeypatch.setenv("CARILLON_CORE_BANK_URL", "https://core.bank.example")
    other = Start(Options("up", data=tmp_path / "data"))
    other.settings()
    assert other.env["CARILLON_CORE_BANK_URL"] == "https://core.bank.example"
    assert "CARILLON_CORE_BANK_SECRET" not in other.env
    monkeypatch.delenv("CARILLON_CORE_BANK_URL")
    monkeypatch.setenv("CARILLON_ENVIRONMENT", "production")
    real = Start(Options("up", data=tmp_path / "data"))
    real.settings()
    assert not [name for name in names if name in real.env]
    monkeypatch.delenv("CARILLON_ENVIRONMENT")
    without = Start(Options("up", data=tmp_path / "data", no_sandbox=True, no_demo=True))
    without.settings()
    assert not [name for name in names if name in without.env]
