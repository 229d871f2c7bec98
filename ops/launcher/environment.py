"""The .venv beside manage.py: made once, filled from the lock files, left alone while they stay the same."""

import contextlib
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ops.launcher.problem import ROOT, Problem, run, say
from ops.launcher.system import apt_install, may_install

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "carillon-requirements.json"
RUNTIME = "requirements.lock"  # made of requirements.txt by `manage.py lock`: everything, with its hash
DEVELOPMENT = "requirements-dev.lock"


def ensure(*, development: bool = False) -> None:
    """Make .venv hold what the lock files name, and nothing that has another hash; a second call finds the stamp and does nothing.

    Raises:
        Problem: no venv module, no network, no room, or a folder that may not be written.
    """
    wanted = [RUNTIME, DEVELOPMENT] if development else [RUNTIME]
    if up_to_date(wanted):
        return
    with one_at_a_time():
        if up_to_date(wanted):
            return
        make()
        install(wanted)


def up_to_date(names: list[str]) -> bool:
    """Whether .venv was filled from exactly these files, by a Python that still works."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    # exists() follows the link: a Python that was removed from the machine leaves a dead one
    return PYTHON.exists() and all(stamp.get(name) == digest(name) for name in names)


def digest(name: str) -> str:
    """The fingerprint of a lock file."""
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def site_packages() -> Path:
    """Where .venv keeps its packages."""
    found = sorted(VENV.glob("lib/python3.*/site-packages"))
    if not found:
        raise Problem(f"The folder {VENV} is broken: remove it and start again")
    return found[-1]


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let two launchers that start together fill .venv one after the other."""
    with (ROOT / RUNTIME).open("rb") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        yield


def make() -> None:
    """Create .venv, or mend one whose Python is gone."""
    if PYTHON.exists() and run([PYTHON, "-m", "pip", "--version"]).returncode == 0:
        return
    if not os.access(ROOT, os.W_OK):
        raise Problem(f"The folder {ROOT} may not be written by you: copy the checkout to a place of your own")
    say("Making .venv ...")
    done = run([sys.executable, "-m", "venv", "--clear", VENV])
    if done.returncode and may_install():
        # Debian and Ubuntu ship the module without ensurepip
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        apt_install([f"python{version}-venv"])
        done = run([sys.executable, "-m", "venv", "--clear", VENV])
    if done.returncode and "ensurepip" in done.stdout:
        raise Problem("This Python lacks its venv module: as root, run apt-get install python3-venv, then start again")
    if done.returncode:
        raise Problem(f"Python could not make {VENV}: {sentence(done.stdout)} - mend that and start again")


def install(names: list[str]) -> None:
    """Install with pip what the lock files name and remember which ones."""
    say(f"Installing {' and '.join(names)} into .venv (the first time takes a minute) ...")
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    log = VENV / "pip.log"
    done = run([PYTHON, "-m", "pip", "install", *quiet, "--require-hashes", "-r", names[-1]], log=log)
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR:")]
        raise Problem(
            f"pip could not install {names[-1]}: {errors[-1][7:] if errors else sentence(done.stdout)}. "
            f"Check the network and the room on the disk, and start again; all pip said is in {log}"
        )
    stamp = {name: digest(name) for name in names}
    STAMP.write_text(json.dumps(stamp, indent=1), encoding="utf-8")


def sentence(output: str) -> str:
    """What a failed Python step said, in one line."""
    return " ".join(output.split())[-300:] or "nothing"
