"""python3 manage.py organisation: make an organisation with its first two owners, in what `up` runs on a data folder."""

import os
import shlex
from pathlib import Path

from ops.launcher import embedded, environment
from ops.launcher.datafolder import DataFolder, read
from ops.launcher.foreground import foreground
from ops.launcher.options import Options
from ops.launcher.problem import Problem

EXAMPLE = [
    "--name", "First Bank", "--email", "owner@bank.example", "--admin", "Dana Levi",
    "--second-email", "second-owner@bank.example", "--second-admin", "Noa Mizrahi",
]  # fmt: skip


def organisation(options: Options) -> int:
    """Make it; the product's own command asks for a password, or makes one.

    Raises:
        Problem: nothing runs on the folder, or it runs on servers that the environment does not name.
    """
    folder = DataFolder(options.data)
    if folder.launcher() is None:
        raise Problem(
            f"Carillon does not run on {folder.path}: start it with python3 manage.py up --no-demo{place(folder.path)}, "
            "then do this in another terminal"
        )
    env = surroundings(folder)
    words = ["--name", options.name, "--email", options.email, "--admin", options.admin]
    words += ["--second-email", options.second_email, "--second-admin", options.second_admin]
    return foreground([environment.PYTHON, "-m", "flask", "--app", "wsgi", "create-organisation", *words], env)


def surroundings(folder: DataFolder) -> dict[str, str]:
    """The settings of what runs on the folder, as far as a command needs them; the environment's own come first."""
    env = {
        "CARILLON_DATA": str(folder.path),
        "CARILLON_ENVIRONMENT": "demo",  # what the command does is the same in each
        "CARILLON_BASE_URL": str(read(folder.note).get("address", "")),
        "CARILLON_MASTER_KEY_FILE": str(folder.path / "master.key"),
    } | os.environ
    if not env.get("DATABASE_URL"):
        if folder.recall("postgres") is None:
            raise Problem("It runs on a database of your own: set DATABASE_URL here as you did for up, and try again")
        env |= {"DATABASE_URL": embedded.postgres(folder.path, folder.secrets()).url(), "DATABASE_OWNER_URL": ""}
    if not env.get("REDIS_URL"):
        env["REDIS_URL"] = embedded.valkey(folder.path).url
    return env


def place(data: Path) -> str:
    """The words that name a data folder; none for the usual one."""
    return "" if data == Options.data.resolve() else f" --data {shlex.quote(str(data))}"


def command(data: Path) -> str:
    """The command that makes the first organisation, with names to be replaced."""
    return f"python3 manage.py organisation {shlex.join(EXAMPLE)}{place(data)}"
