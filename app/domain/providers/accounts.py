"""Accounts with providers: kept, tested, opened."""

from collections.abc import Callable, Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.domain.access.keyring import vault_of
from app.domain.audit import trail
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Channel

# How a door opens a channel: kind, configuration, secret -> channel (registry.open_channel behind the environment's guard).
OpenChannel = Callable[[str, Mapping[str, object], str], Channel]


class AccountInput(BaseModel):
    """A provider account to be made or changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=80)
    kind: str
    channel: str = Field(pattern="^(sms|email)$")
    config: dict[str, object]
    secret: str = ""
    sender: str = Field(min_length=1, max_length=200)
    priority: int = Field(default=100, ge=1, le=1000)
    cost: str = "0"


def create(session: Session, new: AccountInput, *, by: Actor) -> ProviderAccount:
    """Keep an account; its secret is sealed."""
    require(by, "providers:write")
    account = ProviderAccount(
        organisation_id=by.organisation_id,
        name=new.name,
        kind=new.kind,
        channel=new.channel,
        config=new.config,
        secret=b"",
        sender=new.sender,
        priority=new.priority,
        cost=new.cost,
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    account.secret = vault_of(session).seal(new.secret.encode(), f"provider_accounts|secret|{account.id}")
    trail.record(session, by, "provider.created", ("provider", account.id), after={"kind": new.kind, "name": new.name})
    return account


def get(session: Session, account_id: UUID) -> ProviderAccount:
    """One account. Raises NotFound."""
    account = session.get(ProviderAccount, account_id)
    if account is None:
        raise NotFound(mark("There is no such provider account."))
    return account


def listed(session: Session, *, by: Actor) -> list[ProviderAccount]:
    """All accounts, in the order in which they are used."""
    require(by, "providers:read")
    order = (ProviderAccount.channel.desc(), ProviderAccount.priority, ProviderAccount.name)
    return list(session.execute(select(ProviderAccount).order_by(*order)).scalars())


def in_order(session: Session, channel: str) -> list[ProviderAccount]:
    """The enabled accounts of a channel, the first choice first."""
    query = (
        select(ProviderAccount)
        .where(ProviderAccount.channel == channel, ProviderAccount.is_enabled)
        .order_by(ProviderAccount.priority, ProviderAccount.id)
    )
    return list(session.execute(query).scalars())


def set_enabled(session: Session, account_id: UUID, enabled: bool, *, by: Actor) -> ProviderAccount:
    """Switch an account on or off."""
    require(by, "providers:write")
    account = get(session, account_id)
    account.is_enabled = enabled
    trail.record(session, by, "provider.enabled" if enabled else "provider.disabled", ("provider", account.id))
    return account


def secret_of(session: Session, account: ProviderAccount) -> str:
    """The account's secret in clear, for opening its channel only."""
    return vault_of(session).open(account.secret, f"provider_accounts|secret|{account.id}").decode()


def note_health(session: Session, account_id: UUID, error: str | None) -> None:
    """Keep when an account was last used and what it said, for the page of providers."""
    account = get(session, account_id)
    account.checked_at = clock.now()
    account.last_error = error
