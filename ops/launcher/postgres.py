"""The embedded PostgreSQL 18: a cluster with passwords, reached by a unix socket only."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from ops.launcher.account import Account
from ops.launcher.kernel import look, send, wait_until
from ops.launcher.problem import ROOT, Problem, last_line, run, say
from ops.launcher.processes import Child

SUPERUSER = "postgres"
OWNER_LOGIN, LOGIN = "carillon", "carillon_run"
DATABASE = "carillon"
ROLES = ROOT / "ops" / "roles.sql"
RECOVERY_LIMIT = 600.0  # seconds: after a kill -9 the log of many changes is replayed
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # nothing of ours reaches the server
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "jit": "off",
    "random_page_cost": "1.1",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "shared_preload_libraries": "pg_stat_statements",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "1d"}


@dataclass(frozen=True)
class Postgres:
    """Where one cluster lies, who runs it and with which passwords."""

    programs: Path  # the folder with bin/, readable by the account
    own_programs: Path  # the same in .venv, for psql, which runs as us
    cluster: Path
    socket_folder: Path
    account: Account
    superuser_password: str = field(repr=False)
    login_password: str = field(repr=False)
    throw_away: bool = False

    def url(self, database: str = DATABASE) -> str:
        """The address for web and workers: a login that may become the app's role and no other."""
        return self._address(LOGIN, self.run_password, database)

    def owner_url(self, database: str = DATABASE) -> str:
        """The address for migrations: a login that may become the owner."""
        return self._address(OWNER_LOGIN, self.login_password, database)

    def _address(self, login: str, password: str, database: str) -> str:
        return f"postgresql+psycopg://{login}:{password}@/{database}?host={quote(str(self.socket_folder))}"

    @property
    def run_password(self) -> str:
        """Made of the owner's, so that a data folder keeps one of them; nobody comes back from it to that one."""
        return hashlib.sha256(f"carillon_run {self.login_password}".encode()).hexdigest()

    def create(self) -> None:
        """Make the cluster if there is none, beside its place first, so that half of one is never taken for whole.

        Raises:
            Problem: no room, or no right to write there.
        """
        if self.cluster.exists():
            if self.account.uid is not None and self.cluster.stat().st_uid != self.account.uid:
                self.account.own(self.cluster)  # the folder came from another machine
            return
        if not self.cluster.parent.exists():
            self.cluster.parent.mkdir(parents=True)
            self.cluster.parent.chmod(0o711)
        making = self.cluster.with_name(self.cluster.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        self.account.own(making)
        self.initdb(making)
        making.rename(self.cluster)

    def initdb(self, folder: Path) -> None:
        """Run initdb with passwords for everybody, the superuser's read from a pipe that no other process sees."""
        reading, writing = os.pipe()
        os.write(writing, f"{self.superuser_password}\n".encode())
        os.close(writing)
        if self.account.uid is not None:
            os.fchown(reading, self.account.uid, -1)
        try:
            done = subprocess.run(
                [
                    *(str(self.programs / "bin" / "initdb"), f"--pgdata={folder}", f"--username={SUPERUSER}"),
                    *("--auth=scram-sha-256", f"--pwfile=/dev/fd/{reading}", "--encoding=UTF8"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"),
                    *(["--no-sync"] if self.throw_away else []),
                ],
                check=False,
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=[reading],
                **self.account.popen(),  # type: ignore[call-overload]
            )
        finally:
            os.close(reading)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise Problem(
                f"PostgreSQL could not make its files in {self.cluster}: {last_line(done.stdout)} - "
                "check the room on the disk and who may write there, or choose another folder with --data"
            )

    def child(self, log: Path) -> Child:
        """The server as a child of the launcher; SIGINT is its fast and orderly stop."""
        values = {**SETTINGS, "shared_buffers": shared_buffers(), "unix_socket_directories": str(self.socket_folder)}
        if self.throw_away:
            values |= THROW_AWAY | {"shared_buffers": "128MB"}
        options = [word for name, value in values.items() for word in ("-c", f"{name}={value}")]
        return Child(
            name="PostgreSQL",
            command=[self.programs / "bin" / "postgres", "-D", self.cluster, *options],
            env=ENVIRONMENT,
            log=log,
            account=self.account,
            stop_signal=signal.SIGINT,
            patience=30.0,
            cwd=Path("/"),
        )

    def wait(self, child: Child) -> None:
        """Wait until the server takes connections; as long as it recovers, but not for ever.

        Raises:
            Problem: it ended, or was not ready in time.
        """
        if wait_until(lambda: self.ready(child) or not child.running, 5.0, 0.02) is False:
            say("PostgreSQL is putting its files in order after an abrupt end ...")
            wait_until(lambda: self.ready(child) or not child.running, RECOVERY_LIMIT, 0.2)
        child.must_run()
        if not self.ready(child):
            raise Problem(f"PostgreSQL was not ready within {RECOVERY_LIMIT:.0f} seconds: see {child.log}, start again")

    def ready(self, child: Child) -> bool:
        """Whether the server says in its pid file that it is ready, as pg_ctl asks it."""
        lines = self.pid_file()
        return child.process is not None and lines[:1] == [str(child.process.pid)] and lines[7:8] == ["ready"]

    def pid_file(self) -> list[str]:
        """The lines of postmaster.pid, stripped."""
        with contextlib.suppress(OSError):
            return [line.strip() for line in (self.cluster / "postmaster.pid").read_text().splitlines()]
        return []

    def clear_remains(self) -> None:
        """End a server that outlived its launcher, and remove the pid files of one that did not.

        A number in a stale file may belong to another program by now; PostgreSQL would refuse to start.
        """
        lines = self.pid_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        if look(pid) is not None and str(self.cluster) in command_line(pid):
            send([pid], signal.SIGINT)
            if not wait_until(lambda: look(pid) is None, 60.0):
                send([pid], signal.SIGQUIT)
                wait_until(lambda: look(pid) is None, 10.0)
        for stale in (self.cluster / "postmaster.pid", *self.socket_folder.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Make the roles and the database; what is there already stays."""
        self.sql(ROLES.read_text(encoding="utf-8"))
        self.sql(f"ALTER ROLE {OWNER_LOGIN} PASSWORD '{self.login_password}'")
        self.sql(f"ALTER ROLE {LOGIN} PASSWORD '{self.run_password}'")
        if DATABASE not in self.sql("SELECT datname FROM pg_database").split():
            self.sql(f"CREATE DATABASE {DATABASE} OWNER carillon_owner")

    def schema_version(self) -> str:
        """The version of the schema in the product's database; empty before the first migration."""
        there = self.sql("SELECT to_regclass('public.alembic_version') IS NOT NULL", DATABASE).strip() == "t"
        return self.sql("SELECT version_num FROM public.alembic_version", DATABASE).strip() if there else ""

    def sql(self, statements: str, database: str = "postgres") -> str:
        """Run SQL as the superuser, whose password only this launcher knows; what it answers, unaligned.

        Raises:
            Problem: PostgreSQL refused.
        """
        env: Mapping[str, str] = {**ENVIRONMENT, "PGPASSWORD": self.superuser_password}
        words = ["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket_folder), "-U", SUPERUSER]
        psql = self.own_programs / "bin" / "psql"
        done = run([psql, *words, "-d", database], env=env, stdin=statements, timeout=120)
        if done.returncode:
            raise Problem(
                f"PostgreSQL refused to prepare its database: {last_line(done.stdout)} - "
                "if the data folder was mended by hand, restore it from a backup or choose a new one with --data"
            )
        return done.stdout


def command_line(pid: int) -> str:
    """The words a process was started with."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


def shared_buffers() -> str:
    """An eighth of the machine's memory, between 128 MB and 1 GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    return f"{max(128, min(1024, memory // 8))}MB"
