"""The data folder of one installation: its lock, its secrets, what it remembers, and the note of who runs on it."""

import contextlib
import fcntl
import json
import os
import secrets
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ops.launcher.embedded import Secrets
from ops.launcher.kernel import alive, end_session, look, members
from ops.launcher.problem import Problem, say


class DataFolder:
    """Opened by one launcher at a time; the lock goes with the process, so a kill leaves none behind."""

    def __init__(self, path: Path) -> None:
        """Take the folder's path; nothing is touched yet."""
        self.path = path.expanduser().resolve()
        self.memory = self.path / "carillon.json"
        self.note = self.path / "running.json"
        self.access = self.path / "demo-access.json"
        self._lock: int | None = None

    def open(self) -> None:
        """Make the folder if need be and lock it.

        Raises:
            Problem: somebody runs on it already, or it cannot be used.
        """
        if not self.lock():
            raise Problem(
                f"Carillon is already running on {self.path}{self.who()}: stop it first with "
                f"Ctrl-C where it runs, or: python3 manage.py stop --data {self.path}"
            )
        for folder in (self.path / "log", self.path / "files"):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.end_remains()

    def lock(self) -> bool:
        """Lock the folder; False when another launcher holds it."""
        # as root the database's system user must pass through to its own part
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            if not self.path.exists():
                self.path.mkdir(mode=mode, parents=True)
                self.path.chmod(mode)
            self.belongs_to_us()
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as broke:
            raise Problem(
                f"The data folder {self.path} cannot be used ({broke.strerror}): choose another with --data"
            ) from broke
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def belongs_to_us(self) -> None:
        """Raise a Problem when another user has run on this folder: the files would become a mix of both."""
        if self.memory.exists() and self.memory.stat().st_uid != os.geteuid():
            raise Problem(
                f"The data folder {self.path} belongs to another user: start as that user or choose another with --data"
            )

    def who(self) -> str:
        """Who runs here, as far as the note tells."""
        note = read(self.note)
        return f" (process {note['launcher']['pid']}, {note['address']})" if note else ""

    def end_remains(self) -> None:
        """End children that outlived a killed launcher. PostgreSQL's are seen to by its own pid file."""
        for child in read(self.note).get("children", []):
            leader = look(child["pid"])
            if leader is not None and leader.started != child["started"]:
                continue  # the number belongs to somebody else by now
            if child["name"] != "PostgreSQL" and members(child["pid"]):
                say(f"Ending {child['name']}, left over from a start that was killed ...")
                end_session(child["pid"], number=signal.SIGTERM, patience=4.0)
        self.note.unlink(missing_ok=True)

    def launcher(self) -> int | None:
        """The number of the launcher that runs here."""
        note = read(self.note).get("launcher")
        return note["pid"] if note and alive(note["pid"], note["started"]) else None

    def write_note(self, address: str, children: list[dict[str, object]]) -> None:
        """Note who runs here, for a second launcher, for stop, and for the one after a kill."""
        ours = look(os.getpid())
        launcher = {"pid": os.getpid(), "started": ours.started if ours else 0}
        write(self.note, {"launcher": launcher, "address": address, "children": children})

    def remember(self, **values: Any) -> None:
        """Keep values between starts."""
        write(self.memory, read(self.memory) | values)

    def recall(self, name: str) -> Any:
        """A kept value, or None."""
        return read(self.memory).get(name)

    def secrets(self) -> Secrets:
        """The cluster's passwords and place; new ones on the first start.

        Raises:
            Problem: the memory is gone and the cluster is not.
        """
        kept = self.recall("postgres")
        if kept is not None:
            return Secrets(**kept)
        if (self.path / "postgres").exists():
            raise Problem(
                f"{self.memory} with the database's password is missing although {self.path / 'postgres'} is there: "
                "put it back from a backup, or choose a new folder with --data"
            )
        return Secrets.fresh()

    def keep_secrets(self, kept: Secrets, cluster: Path) -> None:
        """Remember passwords and place before the cluster is made with them."""
        place = str(cluster.relative_to(self.path)) if cluster.is_relative_to(self.path) else str(cluster)
        self.remember(postgres=asdict(kept) | {"cluster": place})

    def master_key(self) -> Path:
        """The file with the master key; made on the first start, never again.

        Raises:
            Problem: it is gone although something was encrypted with it.
        """
        path = self.path / "master.key"
        if path.exists():
            return path
        if self.recall("keyed"):
            raise Problem(
                f"The master key {path} is missing and what was encrypted with it cannot be read without it: "
                "put it back from a backup, or choose a new folder with --data"
            )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.remember(keyed=True)
        return path

    def close(self) -> None:
        """Take the note away and unlock."""
        if self._lock is not None:
            self.note.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


def read(path: Path) -> dict[str, Any]:
    """A small JSON file; empty when it is missing or half written."""
    with contextlib.suppress(OSError, ValueError):
        values = json.loads(path.read_text(encoding="utf-8"))
        return values if isinstance(values, dict) else {}
    return {}


def write(path: Path, values: dict[str, Any]) -> None:
    """Write a small JSON file that only we may read, all of it or nothing."""
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
