"""python3 manage.py up: everything the product needs, started in order, watched, and stopped in the opposite order."""

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.launcher import embedded, environment, organisation, system
from ops.launcher.address import Address, free_port, must_be_free
from ops.launcher.datafolder import DataFolder, read, write
from ops.launcher.kernel import wait_until
from ops.launcher.options import Options
from ops.launcher.postgres import Postgres
from ops.launcher.problem import ROOT, Problem, reason, run, say, warn
from ops.launcher.processes import Child, Family
from ops.launcher.signals import StopAsked, stop_on_signals

READY_LIMIT = 60.0  # seconds from the start of the web to a green /readyz
WEB, BACKGROUND, SANDBOX = "The web server", "The background work", "The sandbox"
HOW_TO_BECOME_PRODUCTION = """
This is not production: only these are written to: {recipients}. To write to your customers, start with
  CARILLON_ENVIRONMENT=production       nothing else holds messages back then
  CARILLON_BASE_URL=https://...         the public address, links in messages begin with it
  CARILLON_STAFF_SMTP=host:port         the relay for mail to staff, and CARILLON_STAFF_SENDER
and --no-sandbox. flask --app wsgi doctor says what else makes it unsafe.
"""
SANDBOX_SECRET = "sandbox-secret"  # noqa: S105 - what the sandbox takes, and no secret
DEMO_RECIPIENTS = "+97252*,*@*.example"  # .example reaches nobody; numbers go to the sandbox


def up(options: Options) -> int:
    """Start Carillon, keep it running until Ctrl-C or SIGTERM, stop it.

    Raises:
        Problem: it cannot be started.
    """
    with stop_on_signals() as asked:
        start = Start(options)
        try:
            start.everything()
            start.watch()
        except StopAsked:
            say("Stopping ...")
        finally:
            asked.stopping = True  # from now on a signal means: faster
            start.family.stop(together=(WEB, BACKGROUND), hurry=asked.again)
            start.folder.close()
    say("Stopped.")
    return 0


class Start:
    """One start of the product on one data folder."""

    def __init__(self, options: Options) -> None:
        """Take what the command line said."""
        self.options = options
        self.folder = DataFolder(options.data)
        self.address = Address.of(options.host, options.port, os.environ.get("CARILLON_BASE_URL", ""))
        self.family = Family(changed=self.note)
        self.env = dict(os.environ)
        self.cluster: Postgres | None = None

    def everything(self) -> None:
        """Start all there is, in order, and print where it is."""
        self.folder.open()
        self.folder.write_note(self.address.base_url, [])
        self.with_demo()
        must_be_free(self.options.host, self.options.port)
        environment.ensure()
        self.libraries()
        self.servers()
        self.settings()
        self.migrate()
        self.sandbox()
        self.demo()
        self.product()
        self.wait_until_ready()
        self.tell()

    def note(self, family: Family) -> None:
        """Write down who runs, for whoever comes after a kill."""
        self.folder.write_note(self.address.base_url, [child.record() for child in family.children if child.running])

    def libraries(self) -> None:
        """Install or name what PDFs need; without it everything else works."""
        try:
            missing = system.ensure_libraries()
        except Problem as problem:
            missing = f"PDFs cannot be made yet. {problem}"
        if missing:
            warn(missing)

    def servers(self) -> None:
        """Start PostgreSQL and Valkey, unless the environment names servers that run elsewhere."""
        if not os.environ.get("DATABASE_URL"):
            say("Starting PostgreSQL ...")
            kept = self.folder.secrets()
            server = embedded.postgres(self.folder.path, kept)
            self.folder.keep_secrets(kept, server.cluster)
            self.cluster = server
            embedded.start_postgres(server, self.family, self.log("postgres"))
            self.env |= {"DATABASE_URL": server.url(), "DATABASE_OWNER_URL": server.owner_url()}
        if not os.environ.get("REDIS_URL"):
            say("Starting Valkey ...")
            redis = embedded.valkey(self.folder.path)
            embedded.start_valkey(redis, self.family, self.log("valkey"))
            self.env["REDIS_URL"] = redis.url

    def log(self, name: str) -> Path:
        """The log of one child."""
        return self.folder.path / "log" / f"{name}.log"

    def settings(self) -> None:
        """Give the product its settings; what the environment says already stays."""
        sandbox = self.sandbox_ports()
        values = {
            "CARILLON_DATA": str(self.folder.path),
            "CARILLON_BASE_URL": self.address.base_url,
            "CARILLON_ENVIRONMENT": "demo",  # production is somebody's decision, never a default
            "CARILLON_ALLOWED_RECIPIENTS": DEMO_RECIPIENTS,
            "CARILLON_SANDBOX_URL": f"http://127.0.0.1:{sandbox[0]}",
            "CARILLON_SANDBOX_SMTP": f"127.0.0.1:{sandbox[1]}",
            "PYTHONUNBUFFERED": "1",
        }
        if not os.environ.get("CARILLON_MASTER_KEY_FILE"):
            values["CARILLON_MASTER_KEY_FILE"] = str(self.folder.master_key())
        if self.options.no_sandbox and not self.with_demo():
            del values["CARILLON_SANDBOX_URL"], values["CARILLON_SANDBOX_SMTP"]
        elif not self.env.get("CARILLON_CORE_BANK_URL") and self.env.get("CARILLON_ENVIRONMENT") != "production":
            self.env["CARILLON_CORE_BANK_URL"] = values["CARILLON_SANDBOX_URL"]
            self.env["CARILLON_CORE_BANK_SECRET"] = SANDBOX_SECRET
        self.env = values | self.env

    def sandbox_ports(self) -> tuple[int, int]:
        """The ports of the sandbox, the same at every start, because provider accounts name them."""
        kept = self.folder.recall("sandbox_ports")
        if kept is None:
            kept = [free_port(self.options.port + 1), free_port(self.options.port + 2)]
            self.folder.remember(sandbox_ports=kept)
        return kept[0], kept[1]

    def with_demo(self) -> bool:
        """Whether this start has the demo organisation, loaded now or earlier.

        Raises:
            Problem: it was loaded, and is now to be shown to the world.
        """
        if self.options.no_demo and not self.folder.recall("demo"):
            return False
        return self.refusal() is None

    def refusal(self) -> str | None:
        """Why the demo organisation is not loaded although nobody declined it."""
        if os.environ.get("DATABASE_URL"):
            return "DATABASE_URL names a database of your own"
        if self.address.public:
            if self.folder.recall("demo"):
                raise Problem(
                    f"{self.folder.path} holds the demo organisation, which is not shown on a public address: "
                    "choose a new folder with --data"
                )
            return f"{self.address.base_url} is a public address"
        if self.folder.recall("demo") is False:
            return "this data folder was first started without it; choose a new one with --data to have it"
        return None

    def migrate(self) -> None:
        """Bring the database to the newest version; asked of our own server first, because the command takes seconds."""
        newest = newest_version()
        if self.cluster is not None and newest and self.cluster.schema_version() == newest:
            return
        say("Bringing the database up to date ...")
        self.verb("migrate", env=self.env, otherwise="The database could not be brought up to date")

    def env_of_work(self) -> dict[str, str]:
        """The environment of web and workers: without the login that may become the database's owner."""
        return self.env | {"DATABASE_OWNER_URL": ""}

    def env_of_sandbox(self) -> dict[str, str]:
        """The environment of the sandbox, which plays strangers: no database, no key, no data folder of ours."""
        ours = ("DATABASE_", "REDIS_", "CARILLON_", "PG")
        return {name: value for name, value in self.env.items() if not name.startswith(ours)}

    def verb(self, *words: str | Path, otherwise: str, env: Mapping[str, str] | None = None) -> None:
        """Run one of the product's own commands.

        Raises:
            Problem: it failed; otherwise says what that means.
        """
        log = self.log("commands")
        done = run([environment.PYTHON, "-m", "flask", "--app", "wsgi", *words], env=env or self.env_of_work(), log=log)
        if done.returncode:
            raise Problem(f"{otherwise}: {reason(done.stdout)} - mend that and start again; all it said is in {log}")

    def demo(self) -> None:
        """Load the demo organisation on the first start, and keep its page of logins right."""
        if not self.with_demo():
            reason = None if self.options.no_demo else self.refusal()
            if reason:
                say(f"Without the demo organisation: {reason}.")
            if self.folder.recall("demo") is None and not os.environ.get("DATABASE_URL"):
                self.folder.remember(demo=False)
            return
        if not self.folder.recall("demo"):
            say("Loading the demo organisation ...")
            life = ["--empty"] if self.options.empty else [] if self.options.no_sandbox else ["--months"]
            self.verb(
                *("seed-demo", "--access-file", self.folder.access),
                *life,
                otherwise="The demo organisation could not be loaded (--no-demo starts without it)",
            )
            self.folder.remember(demo=True)
        access = read(self.folder.access)
        if access and access.get("base_url") != self.address.base_url:
            write(self.folder.access, access | {"base_url": self.address.base_url})
        if access and not self.options.no_sandbox:
            self.connect_site(access)

    def connect_site(self, access: dict[str, Any]) -> None:
        """Give the bank's site, which the sandbox plays, its two keys: one for its pages, one for its server."""
        secret = access["operator"]["secret_key"]
        told = {"carillon": self.address.base_url, "public_key": access["public_key"], "secret_key": secret}
        write(self.folder.path / "sandbox" / "site.json", told)

    def sandbox(self) -> None:
        """Start the little local providers."""
        if self.options.no_sandbox:
            return
        http, smtp = self.sandbox_ports()
        for port in (http, smtp):
            must_be_free("127.0.0.1", port, "It belongs to this folder's sandbox; --no-sandbox starts without it")
        place = self.folder.path / "sandbox"
        place.mkdir(mode=0o700, exist_ok=True)
        words = ["-m", "sandbox", "--http-port", str(http), "--smtp-port", str(smtp), "--data", str(place)]
        self.family.start(self.python(SANDBOX, words, self.log("sandbox"), env=self.env_of_sandbox()))

    def product(self) -> None:
        """Start the web and the background work."""
        say("Starting the web server and the background work ...")
        place = ["--host", self.options.host, "--port", str(self.options.port)]
        size = ["--workers", "2", "--backlog", "1024", "--backpressure", "4096", "--no-ws", "--http", "1"]
        care = ["--respawn-failed-workers", "--workers-kill-timeout", "5", "--log-level", "warning"]
        slow = ["--http1-header-read-timeout", "10000"]
        web = ["-m", "granian", "--interface", "asginl", *place, *size, *slow, *care, "asgi:app"]
        self.family.start(self.python(WEB, web, self.log("web")))
        self.family.start(self.python(BACKGROUND, ["-m", "jobs.worker"], self.log("background"), patience=40.0))

    def python(
        self, name: str, words: list[str], log: Path, *, env: dict[str, str] | None = None, patience: float = 15.0
    ) -> Child:
        """A program of the product, run by .venv's Python (scripts in .venv/bin break when the checkout is moved)."""
        return Child(name, [environment.PYTHON, *words], env or self.env_of_work(), log, patience=patience)

    def wait_until_ready(self) -> None:
        """Wait until /readyz is green; when only a part is late, name it and go on.

        Raises:
            Problem: a child ended, or the web did not get ready in time.
        """

        def green() -> bool:
            for child in self.family.children:
                child.must_run()
            status, body = self.address.answer("/readyz")
            return status == 200 and verdict(body) == "ok"

        if wait_until(green, READY_LIMIT, 0.1):
            return
        status, body = self.address.answer("/readyz")
        said = " ".join(body.split())[:300]
        logs = f"the logs are in {self.folder.path / 'log'}"
        if status != 200:
            raise Problem(
                f"The web server was not ready within {READY_LIMIT:.0f} seconds: /readyz answered "
                f"{status or 'nothing'} {said} - {logs}"
            )
        warn(f"Not everything is ready after {READY_LIMIT:.0f} seconds: {said} - {logs}")

    def tell(self) -> None:
        """Print the address and the logins."""
        say(f"\nCarillon is ready: {self.address.base_url}")
        access = read(self.folder.access) if self.with_demo() else {}
        people = {role: who for role, who in access.items() if isinstance(who, dict) and "email" in who}
        if people:
            say("\nThe demo organisation's logins:")
            say(table([("role", "e-mail", "password", "second factor (secret)"), *map(row, people, people.values())]))
            say(f"\nThe same, with the API keys: {self.folder.access}")
        if not self.with_demo() and self.is_empty():
            say("\nThere is no organisation yet, so nobody can sign in. Make one, in another terminal:")
            say(f"  {organisation.command(self.folder.path)}\n")
        if not self.with_demo() and self.env["CARILLON_ENVIRONMENT"] != "production":
            say(HOW_TO_BECOME_PRODUCTION.format(recipients=self.env["CARILLON_ALLOWED_RECIPIENTS"] or "nobody"))
        if not self.options.no_sandbox:
            say(f"What was sent, instead of reaching people: {self.env['CARILLON_SANDBOX_URL']}")
            say(f"The bank's own site, whose visitors are told of: {self.env['CARILLON_SANDBOX_URL']}/site")
        say(f"Data and logs: {self.folder.path}")
        say("Stop with Ctrl-C.")

    def is_empty(self) -> bool:
        """Whether there is no organisation at all."""
        done = run([environment.PYTHON, "-m", "flask", "--app", "wsgi", "organisations"], env=self.env_of_work())
        return done.returncode == 0 and "There is no organisation." in done.stdout

    def watch(self) -> None:
        """Keep everybody running until a signal ends it."""
        while True:
            time.sleep(0.5)
            self.family.tend()


def newest_version() -> str:
    """The one migration that no other builds on; empty when there is no such one."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "migrations" / "versions").glob("*.py")]
    revisions = {match[1] for text in texts for match in re.finditer(r"^revision.*?[\"'](\w+)", text, re.MULTILINE)}
    below = {
        word
        for text in texts
        for line in re.findall(r"^down_revision.*", text, re.MULTILINE)
        for word in re.findall(r"[\"'](\w+)[\"']", line)
    }
    return next(iter(revisions - below), "") if len(revisions - below) == 1 else ""


def verdict(body: str) -> str:
    """What /readyz says of the whole: ok, degraded or unavailable."""
    try:
        return str(json.loads(body).get("status"))
    except (ValueError, AttributeError):
        return "ok" if body.strip().lower() == "ok" else "unknown"


def row(role: str, who: dict[str, str]) -> tuple[str, str, str, str]:
    """One login as a row of text."""
    return role, who["email"], who.get("password", ""), who.get("totp_secret") or "-"


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of text under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in rows)
