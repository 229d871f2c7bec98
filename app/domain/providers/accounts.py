"""Accounts with providers: kept, tested, opened."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core import clock, money, rows
from app.core.actor import Actor, require, system
from app.core.errors import Invalid, Issue, NotFound, mark
from app.core.text import clean, email, name_and_address
from app.core.unit import act_as, settings_of
from app.domain.access.keyring import vault_of
from app.domain.audit import trail
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Channel, Unavailable
from app.gateways.channels.registry import KINDS, Kind

PROBE_SECONDS = 10
IN_USE_ORDER = (ProviderAccount.channel.desc(), ProviderAccount.priority, ProviderAccount.name)
_OWNER_OF = text("SELECT organisation_id FROM find_account(:id)")
_TELLS_SECRET = ("base_url", "host", "port", "security", "username")
_SMS_SENDER = re.compile(r"[A-Za-z0-9]{1,11}|\+?[0-9]{3,15}")

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


def create(session: Session, new: AccountInput, *, account_id: UUID | None = None, by: Actor) -> ProviderAccount:
    """Keep an account; its secret is sealed. Raises Invalid: a setting, sender or cost that cannot be, a name that is taken.

    A person proposes it (changes.py); here it is carried out.
    """
    require(by, "providers:write")
    check(session, new)
    account = ProviderAccount(
        **({"id": account_id} if account_id else {}),
        organisation_id=by.organisation_id,
        name=new.name,
        kind=new.kind,
        channel=new.channel,
        config=new.config,
        secret=b"",
        sender=_sender(new),
        priority=new.priority,
        cost=money.parse(new.cost),
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    account.secret = vault_of(session).seal(new.secret.encode(), f"provider_accounts|secret|{account.id}")
    account.config = _config(session, new, account.id)
    trail.record(session, by, "provider.created", ("provider", account.id), after={"kind": new.kind, "name": new.name})
    return account


def update(session: Session, account_id: UUID, new: AccountInput, *, by: Actor) -> ProviderAccount:
    """Change an account; an empty secret leaves the one that is kept. What its provider last said is forgotten.

    Raises:
        NotFound, Invalid (a setting, sender or cost that cannot be, a name that is taken).
    """
    require(by, "providers:write")
    account = get(session, account_id)
    check(session, new, account)
    changed = differences(session, account, new)
    before = {name: getattr(account, name) for name in changed}
    for name, value in changed.items():
        setattr(account, name, value)
    if new.secret:
        account.secret = vault_of(session).seal(new.secret.encode(), f"provider_accounts|secret|{account.id}")
    if changed or new.secret:
        account.last_error = None
        after = {**changed, **({"secret": "replaced"} if new.secret else {})}
        trail.record(session, by, "provider.changed", ("provider", account.id), before=before, after=after)
    return account


def differences(session: Session, account: ProviderAccount, new: AccountInput) -> dict[str, object]:
    """What a change would make different, by column; a new secret is not among it."""
    values = {
        "name": new.name,
        "config": _config(session, new, account.id),
        "sender": _sender(new),
        "priority": new.priority,
        "cost": money.parse(new.cost),
    }
    return {name: value for name, value in values.items() if getattr(account, name) != value}


def check(session: Session, new: AccountInput, present: ProviderAccount | None = None) -> None:
    """Raise Invalid for an account that cannot be: a setting, a sender, a cost, a name, a secret that is missing."""
    kind = KINDS.get(new.kind)
    if kind is None or kind.channel != new.channel or (present is not None and present.kind != new.kind):
        raise Invalid.field("kind", mark("There is no such kind of provider for this channel."))
    try:
        kind.config.model_validate(new.config)
    except ValidationError as broke:
        issues = tuple(Issue(str(e["loc"][0]), mark("This value cannot be used here.")) for e in broke.errors())
        raise Invalid(mark("Some settings are not right."), details=issues) from None
    _sender(new)
    if not new.secret:
        _check_secret(session, kind, new, present)
    try:
        cost = money.parse(new.cost)
    except ValueError:
        raise Invalid.field("cost", mark("This is not an amount.")) from None
    if not 0 <= cost < 1000:
        raise Invalid.field("cost", mark("A message costs between 0 and 1,000."))
    taken = select(ProviderAccount.id).where(func.lower(ProviderAccount.name) == new.name.lower())
    if present is not None:
        taken = taken.where(ProviderAccount.id != present.id)
    if session.execute(taken).first():
        raise Invalid.field("name", mark("There is an account with this name already."))


def _check_secret(session: Session, kind: Kind, new: AccountInput, present: ProviderAccount | None) -> None:
    if present is None and kind.needs_secret:
        raise Invalid.field("secret", mark("This field is required."))
    if present is not None and _leads_elsewhere(present, new) and secret_of(session, present):
        raise Invalid.field(
            "secret", mark("Give the secret again: the one that is kept is told only to the server it was given for.")
        )


def _leads_elsewhere(account: ProviderAccount, new: AccountInput) -> bool:
    """True if the secret would be told to another server, in another name or less protected."""
    return any(account.config.get(name) != new.config.get(name) for name in _TELLS_SECRET)


def _config(session: Session, new: AccountInput, account_id: UUID) -> dict[str, object]:
    """The settings; receipts come to this installation's own address where no other is given."""
    if "callback_url" not in KINDS[new.kind].config.model_fields or new.config.get("callback_url"):
        return new.config
    inbound = f"{settings_of(session).base_url}/api/v1/inbound/{new.kind}/{account_id}/receipts"
    return {**new.config, "callback_url": inbound}


def _sender(new: AccountInput) -> str:
    """What recipients see, as it is kept. Raises Invalid: no relay and no carrier would take anything else."""
    if new.channel == "sms":
        if not _SMS_SENDER.fullmatch(new.sender):
            raise Invalid.field(
                "sender", mark("Give up to 11 English letters or digits without spaces, or a telephone number.")
            )
        return new.sender
    name, address = name_and_address(" ".join(clean(new.sender).split()))
    good = email(address)
    if good is None:
        raise Invalid.field(
            "sender", mark("Give an e-mail address, with or without a name before it: Your Bank <news@bank.example>.")
        )
    return f"{name} <{good}>" if name else good


def probe(session: Session, account_id: UUID, open_channel: OpenChannel, *, by: Actor) -> str | None:
    """Reach the provider without sending anything; None if it answered, else why not. Kept as the account's health."""
    require(by, "providers:write")
    account = get(session, account_id)
    error = asyncio.run(_reach(open_channel(account.kind, account.config, secret_of(session, account))))
    note_health(session, account_id, error)
    trail.record(session, by, "provider.tested", ("provider", account.id), after={"answered": error is None})
    return error


async def _reach(channel: Channel) -> str | None:
    try:
        async with asyncio.timeout(PROBE_SECONDS), channel:
            await channel.reach()
    except TimeoutError:
        return mark("no answer within ten seconds")
    except Unavailable as refusal:
        return refusal.reason
    return None


def called(session: Session, kind: str, account_id: UUID, *, correlation_id: str | None = None) -> ProviderAccount:
    """The account that a provider of this kind calls; the session works for its organisation from here on.

    Nobody is known before that, so the organisation comes from a definer function. Raises NotFound.
    """
    found = session.execute(_OWNER_OF, {"id": account_id}).scalar_one_or_none()
    if found is not None:
        act_as(session, system(found, correlation_id))
    account = session.get(ProviderAccount, account_id) if found is not None else None
    if account is None or account.kind != kind:
        raise NotFound(mark("There is no such provider account."))
    return account


def read(session: Session, account_id: UUID, *, by: Actor) -> ProviderAccount:
    """One account, for whoever may read providers. Raises NotFound, Forbidden."""
    require(by, "providers:read")
    return get(session, account_id)


def get(session: Session, account_id: UUID) -> ProviderAccount:
    """One account. Raises NotFound."""
    return rows.one(session, ProviderAccount, account_id, mark("There is no such provider account."))


def listed(session: Session, *, by: Actor) -> list[ProviderAccount]:
    """All accounts, in the order in which they are used."""
    require(by, "providers:read")
    return list(session.execute(select(ProviderAccount).order_by(*IN_USE_ORDER)).scalars())


def in_order(session: Session, channel: str) -> list[ProviderAccount]:
    """The enabled accounts of a channel, the first choice first."""
    query = (
        select(ProviderAccount)
        .where(ProviderAccount.channel == channel, ProviderAccount.is_enabled)
        .order_by(ProviderAccount.priority, ProviderAccount.id)
    )
    return list(session.execute(query).scalars())


def destination(account: ProviderAccount) -> str:
    """The server an account leads to, for people."""
    config = account.config
    host = f"{config.get('host')}:{config.get('port')}" if config.get("host") else ""
    return str(config.get("base_url") or host or account.kind)


def fingerprint(account: ProviderAccount) -> str:
    """SHA-256 of where an account leads and whom it names: kind, settings, sender. Another one needs another approval."""
    said = {"kind": account.kind, "config": account.config, "sender": account.sender}
    return sha256(json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


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


def names_itself(account: ProviderAccount) -> bool:
    """True if its sender says who it is; a number does not."""
    return any(sign.isalpha() for sign in account.sender)
