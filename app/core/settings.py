"""Settings, read once from the environment; a bad value stops the start and names itself."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ENVIRONMENTS = ("production", "demo", "test")
APP_ROLE = "carillon_app"
OWNER_ROLE = "carillon_owner"
_RELAY = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")


class BadSetting(ValueError):
    """A setting is missing or cannot be used; the message names it and the way out."""


@dataclass(frozen=True)
class Settings:
    """Everything the environment decides. Immutable; passed down, never read again."""

    database_url: str
    redis_url: str
    data: Path
    master_key: bytes = field(repr=False)
    master_key_file: Path = Path()
    base_url: str = "http://127.0.0.1:8000"
    environment: str = "demo"
    database_owner_url: str = ""
    allowed_recipients: tuple[str, ...] = ()
    sandbox_url: str = ""
    sandbox_smtp: str = ""
    core_bank_url: str = ""
    core_bank_secret: str = field(default="", repr=False)
    staff_smtp: str = ""
    staff_sender: str = "carillon@localhost"
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    rate_api: int = 2000
    rate_login: int = 100
    rate_public: int = 6000
    rate_inbound: int = 12000
    rate_track: int = 60000
    rate_page: int = 1200
    behaviour_days: int = 400
    audit_anchors: Path | None = None

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def owner_url(self) -> str:
        """Where migrations and partitions are made; the app's own address unless told otherwise."""
        return self.database_owner_url or self.database_url

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings.

        Raises:
            BadSetting: values are missing or cannot be used; a line for each.
        """
        read = _Reader(os.environ if env is None else env)
        values: dict[str, Any] = {
            "database_url": read(_database, "DATABASE_URL"),
            "redis_url": read(_required, "REDIS_URL"),
            "data": read(_path, "CARILLON_DATA"),
            "master_key": read(_master_key, "CARILLON_MASTER_KEY_FILE"),
            "master_key_file": Path(read.env.get("CARILLON_MASTER_KEY_FILE", "").strip()),
            "base_url": read(_base_url, "CARILLON_BASE_URL"),
            "environment": read(_environment, "CARILLON_ENVIRONMENT"),
            "database_owner_url": read(_database, "DATABASE_OWNER_URL") if read.env.get("DATABASE_OWNER_URL") else "",
            "allowed_recipients": tuple(_listed(read.env, "CARILLON_ALLOWED_RECIPIENTS")),
            "sandbox_url": read.env.get("CARILLON_SANDBOX_URL", "").rstrip("/"),
            "sandbox_smtp": read(_relay, "CARILLON_SANDBOX_SMTP"),
            "core_bank_url": read(_core_bank, "CARILLON_CORE_BANK_URL"),
            "core_bank_secret": read(_core_bank_secret, "CARILLON_CORE_BANK_SECRET"),
            "staff_smtp": read(
                _relay, "CARILLON_STAFF_SMTP" if "CARILLON_STAFF_SMTP" in read.env else "CARILLON_SANDBOX_SMTP"
            ),
            "staff_sender": read.env.get("CARILLON_STAFF_SENDER", cls.staff_sender),
            "trusted_proxies": read(_networks, "CARILLON_TRUSTED_PROXIES"),
            "audit_anchors": Path(anchors) if (anchors := read.env.get("CARILLON_AUDIT_ANCHORS", "").strip()) else None,
        }
        values["behaviour_days"] = read(_days, "CARILLON_BEHAVIOUR_DAYS", cls.behaviour_days)
        for name in ("rate_api", "rate_login", "rate_public", "rate_inbound", "rate_track", "rate_page"):
            values[name] = read(_number, f"CARILLON_{name.upper()}", getattr(cls, name))
        read.stop_if_bad()
        return cls(**values)


class _Reader:
    """Reads one value after the other and remembers what is wrong, so that all of it is said at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.bad: list[str] = []

    def __call__(self, kind: Callable[..., Any], name: str, *more: Any) -> Any:
        try:
            return kind(self.env, name, *more)
        except BadSetting as bad:
            self.bad.append(str(bad))
            return None

    def stop_if_bad(self) -> None:
        """Raise BadSetting with every sentence once."""
        if self.bad:
            raise BadSetting("\n".join(dict.fromkeys(self.bad)))


def _environment(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if value in ENVIRONMENTS:
        return value
    said = f"not {value!r}" if value else "and is not set"
    raise BadSetting(
        f"{name} must be production, demo or test, {said}. Only production writes to everybody; "
        "demo and test write to whom CARILLON_ALLOWED_RECIPIENTS names."
    )


def _base_url(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, Settings.base_url).rstrip("/")
    if not value.startswith(("http://", "https://")):
        raise BadSetting(f"{name} must begin with http:// or https://.")
    return value


def _core_bank(env: Mapping[str, str], name: str) -> str:
    """Where balances are asked for; nothing stays nothing. What was given is not repeated: a password may stand in it."""
    value = env.get(name, "").strip().rstrip("/")
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise BadSetting(f"{name} must be an address such as https://core.bank.com.") from None
    if not is_address or "@" in value or parts.query or parts.fragment or not value.isprintable():
        raise BadSetting(
            f"{name} must be an address such as https://core.bank.com, without password and question mark."
        )
    if parts.scheme != "https" and env.get("CARILLON_ENVIRONMENT", "").strip() == "production":
        raise BadSetting(f"{name} must begin with https:// in production: balances and the secret would go in clear.")
    return value


def _core_bank_secret(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise BadSetting(f"{name} must be one line of ASCII characters: it goes into a header.")
    is_needed = env.get("CARILLON_CORE_BANK_URL", "").strip()
    if not value and is_needed and env.get("CARILLON_ENVIRONMENT", "").strip() == "production":
        raise BadSetting(f"{name} is not set, and CARILLON_CORE_BANK_URL names a core bank.")
    return value


def _path(env: Mapping[str, str], name: str) -> Path:
    return Path(_required(env, name))


def _listed(env: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in env.get(name, "").split(",") if part.strip()]


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise BadSetting(
            f"{name} is not set. `python3 manage.py up` sets it by itself; in production put it in the unit file."
        )
    return value


def _networks(env: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part) for part in _listed(env, name))
    except ValueError as bad:
        raise BadSetting(f"{name} must be addresses or networks, such as 10.0.0.5,10.1.0.0/16 ({bad}).") from None


def _number(env: Mapping[str, str], name: str, usual: int) -> int:
    value = env.get(name, "").strip() or str(usual)
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
        raise BadSetting(f"{name} must be a whole number from 1, not {value!r}.")
    return int(value)


def _days(env: Mapping[str, str], name: str, usual: int) -> int:
    """A time something is kept for: no less than a month, since whole months are dropped."""
    days = _number(env, name, usual)
    if not 31 <= days <= 36500:
        raise BadSetting(f"{name} must be from 31 to 36500 days, not {days}.")
    return days


def _database(env: Mapping[str, str], name: str) -> str:
    """The address with the psycopg 3 driver named, whichever of the usual spellings was given."""
    url = _required(env, name)
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    if not url.startswith("postgresql+psycopg://"):
        raise BadSetting(f"{name} must be a PostgreSQL address: postgresql://user:password@host/name.")
    return url


def _relay(env: Mapping[str, str], name: str) -> str:
    """A mail relay as host:port; the port is 25 unless said, and nothing stays nothing."""
    value = env.get(name, "").strip()
    if not value:
        return ""
    match = _RELAY.fullmatch(value)
    port = int(match.group(2) or 25) if match else 0
    if match is None or not 0 < port < 65536:
        raise BadSetting(f"{name} must be the address of a mail relay, such as mail.bank.com:25, not {value!r}.")
    return f"{match.group(1)}:{port}"


def _master_key(env: Mapping[str, str], name: str) -> bytes:
    path = Path(_required(env, name))
    try:
        key = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise BadSetting(f"CARILLON_MASTER_KEY_FILE names {path}, which does not exist.") from None
    except (OSError, ValueError) as broke:
        raise BadSetting(f"CARILLON_MASTER_KEY_FILE: {path} cannot be read as a hexadecimal key ({broke}).") from None
    if len(key) != 32:
        raise BadSetting(f"CARILLON_MASTER_KEY_FILE: {path} must hold 32 bytes in hexadecimal, not {len(key)}.")
    return key
