"""A PostgreSQL and a Valkey for one run: started, migrated once, copied per test process, thrown away.

Standard library only: the launcher starts them before pytest runs.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ops.launcher import embedded, environment
from ops.launcher.postgres import DATABASE, Postgres
from ops.launcher.problem import Problem, last_line, run
from ops.launcher.processes import Family

VARIABLE = "CARILLON_TEST_SERVERS"  # where the servers are, for the processes of one run
MIGRATE = (
    "from app.cli import migrate_database; from app.core.settings import Settings; "
    "migrate_database(Settings.from_env())"
)
RECIPIENTS = "+97252*,*@*.example"


@dataclass(frozen=True)
class Servers:
    """Servers that run, as every process of the run sees them."""

    place: Path
    secrets: embedded.Secrets
    family: Family | None = field(default=None, repr=False, compare=False)  # only for whoever started them

    def restart_postgres(self, *, crash: bool = False) -> None:
        """Stop PostgreSQL in the middle of whatever it does, or kill it, and start it again."""
        assert self.family is not None
        child = next(child for child in self.family.children if child.name == "PostgreSQL")
        assert child.process is not None
        child.process.send_signal(signal.SIGKILL if crash else signal.SIGINT)
        child.process.wait(30)
        time.sleep(0.5)  # its orphans see that it is gone
        self.postgres.clear_remains()
        child.start()
        self.postgres.wait(child)

    def describe(self) -> str:
        """Everything another process needs to use them."""
        return json.dumps([str(self.place), asdict(self.secrets)])

    @classmethod
    def described(cls, text: str) -> "Servers":
        """The servers somebody else has started."""
        place, kept = json.loads(text)
        return cls(Path(place), embedded.Secrets(**kept))

    @property
    def postgres(self) -> Postgres:
        """The cluster, to make databases in."""
        return embedded.postgres(self.place, self.secrets, throw_away=True)

    def copy(self, name: str) -> None:
        """Make a database out of the migrated one, replacing an earlier one of that name."""
        cluster = self.postgres
        cluster.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cluster.sql(f'CREATE DATABASE "{name}" TEMPLATE {DATABASE} OWNER carillon_owner')

    def env(self, name: str = DATABASE, redis: int = 0) -> dict[str, str]:
        """The settings of the product for one database and one of Valkey's sixteen."""
        files = self.place / "data" / name
        files.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {
            "DATABASE_URL": self.postgres.url(name),
            "DATABASE_OWNER_URL": self.postgres.owner_url(name),
            "REDIS_URL": f"{embedded.valkey(self.place).url}?db={redis % 16}",
            "CARILLON_DATA": str(files),
            "CARILLON_MASTER_KEY_FILE": str(self.place / "master.key"),
            "CARILLON_BASE_URL": "http://127.0.0.1:8000",
            "CARILLON_ENVIRONMENT": "test",
            "CARILLON_ALLOWED_RECIPIENTS": RECIPIENTS,
            "CARILLON_RATE_LOGIN": "100000",  # all tests sign in from one address
            "CARILLON_RATE_API": "100000",
            "CARILLON_RATE_TRACK": "1000000",
        }


@contextlib.contextmanager
def servers(*, durable: bool = False) -> Iterator[Servers]:
    """Run servers for a while, the schema in database `carillon`; durable ones write to disk like real ones.

    Raises:
        Problem: they do not start, or the migrations fail.
    """
    place = Path(tempfile.mkdtemp(prefix="carillon-test-"))
    place.chmod(0o711)  # the database's system user must pass through, when we are root
    family = Family()
    kept = embedded.Secrets.fresh()
    cluster = embedded.postgres(place, kept, throw_away=not durable)
    try:
        embedded.start_postgres(cluster, family, place / "postgres.log")
        embedded.start_valkey(embedded.valkey(place, throw_away=not durable), family, place / "valkey.log")
        (place / "master.key").write_text(secrets.token_hex(32))
        ours = Servers(place, replace(kept, cluster=str(cluster.cluster)), family)
        migrate(ours.env())
        yield ours
    finally:
        family.stop()
        for folder in {cluster.cluster.parent, cluster.socket_folder, place}:
            shutil.rmtree(folder, ignore_errors=True)


def migrate(env: Mapping[str, str]) -> None:
    """Make the schema as the owner, by what the product's own command does, without the web around it."""
    done = run([environment.PYTHON, "-c", MIGRATE], env={**os.environ, **env})
    if done.returncode:
        raise Problem(f"The migrations failed: {last_line(done.stdout)}\n{done.stdout}")


@contextlib.contextmanager
def found_or_started() -> Iterator[Servers]:
    """The servers of this run: those the environment names, or new ones that end with the block."""
    text = os.environ.get(VARIABLE)
    if text:
        yield Servers.described(text)
        return
    with servers() as ours:
        yield ours
