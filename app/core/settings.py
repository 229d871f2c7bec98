"""Settings, read once from the environment; a bad value stops the start and names itself."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

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
    environment: str = "production"
    database_owner_url: str = ""
    allowed_recipients: tuple[str, ...] = ()
    sandbox_url: str = ""
    sandbox_smtp: str = ""
    staff_smtp: str = ""
    staff_sender: str = "carillon@localhost"
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    rate_api: int = 2000
    rate_login: int = 100
    rate_public: int = 6000
    rate_inbound: int = 12000
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
            BadSetting: a value is missing or cannot be used.
        """
        env = os.environ if env is None else env
        environment = env.get("CARILLON_ENVIRONMENT", "production")
        if environment not in ENVIRONMENTS:
            raise BadSetting(f"CARILLON_ENVIRONMENT must be one of {', '.join(ENVIRONMENTS)}, not {environment!r}.")
        base_url = env.get("CARILLON_BASE_URL", cls.base_url).rstrip("/")
        if not base_url.startswith(("http://", "https://")):
            raise BadSetting("CARILLON_BASE_URL must begin with http:// or https://.")
        return cls(
            database_url=_database(env, "DATABASE_URL"),
            redis_url=_required(env, "REDIS_URL"),
            data=Path(_required(env, "CARILLON_DATA")),
            master_key=_master_key(Path(_required(env, "CARILLON_MASTER_KEY_FILE"))),
            master_key_file=Path(_required(env, "CARILLON_MASTER_KEY_FILE")),
            base_url=base_url,
            environment=environment,
            database_owner_url=_database(env, "DATABASE_OWNER_URL") if env.get("DATABASE_OWNER_URL") else "",
            allowed_recipients=tuple(
                p.strip() for p in env.get("CARILLON_ALLOWED_RECIPIENTS", "").split(",") if p.strip()
            ),
            sandbox_url=env.get("CARILLON_SANDBOX_URL", "").rstrip("/"),
            sandbox_smtp=_relay(env, "CARILLON_SANDBOX_SMTP"),
            staff_smtp=_relay(env, "CARILLON_STAFF_SMTP" if "CARILLON_STAFF_SMTP" in env else "CARILLON_SANDBOX_SMTP"),
            staff_sender=env.get("CARILLON_STAFF_SENDER", cls.staff_sender),
            trusted_proxies=_networks(env, "CARILLON_TRUSTED_PROXIES"),
            rate_api=_number(env, "CARILLON_RATE_API", cls.rate_api),
            rate_login=_number(env, "CARILLON_RATE_LOGIN", cls.rate_login),
            rate_public=_number(env, "CARILLON_RATE_PUBLIC", cls.rate_public),
            rate_inbound=_number(env, "CARILLON_RATE_INBOUND", cls.rate_inbound),
            audit_anchors=Path(anchors) if (anchors := env.get("CARILLON_AUDIT_ANCHORS", "").strip()) else None,
        )


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise BadSetting(
            f"{name} is not set. `python3 manage.py up` sets it by itself; in production put it in the unit file."
        )
    return value


def _networks(env: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    given = [part.strip() for part in env.get(name, "").split(",") if part.strip()]
    try:
        return tuple(ip_network(part) for part in given)
    except ValueError as bad:
        raise BadSetting(f"{name} must be addresses or networks, such as 10.0.0.5,10.1.0.0/16 ({bad}).") from None


def _number(env: Mapping[str, str], name: str, usual: int) -> int:
    value = env.get(name, "").strip() or str(usual)
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
        raise BadSetting(f"{name} must be a whole number from 1, not {value!r}.")
    return int(value)


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


def _master_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise BadSetting(f"CARILLON_MASTER_KEY_FILE names {path}, which does not exist.") from None
    except (OSError, ValueError) as broke:
        raise BadSetting(f"CARILLON_MASTER_KEY_FILE: {path} cannot be read as a hexadecimal key ({broke}).") from None
    if len(key) != 32:
        raise BadSetting(f"CARILLON_MASTER_KEY_FILE: {path} must hold 32 bytes in hexadecimal, not {len(key)}.")
    return key
