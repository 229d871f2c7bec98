"""Who works at the demonstration bank: somebody for each role, a second owner (rights take two), two providers in the sandbox."""

import secrets
from decimal import Decimal
from urllib.parse import urlsplit
from uuid import UUID

import pyotp
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.settings import Settings
from app.domain.access import keys, mfa, users
from app.domain.access.models import ROLE_NAMES, Organisation, User
from app.domain.access.permissions import granted_by_name, of_role
from app.domain.events import page_keys
from app.domain.providers import accounts
from app.domain.providers.accounts import AccountInput

NAMES = {
    "owner": "Olivia Or",
    "admin": "Adam Amit",
    "marketer": "Maya Levi",
    "bank_officer": "Boaz Bar",
    "operator": "Orly Oz",
    "auditor": "Anat Alon",
    "viewer": "Vered Vidal",
    "second_owner": "Oren Oren",
}
SECRET = "sandbox-secret"  # noqa: S105 - the sandbox takes this one and is no secret
_WORDS = [
    "amber", "anchor", "canyon", "cedar", "copper", "coral", "delta", "ember", "falcon", "garnet", "harbor", "indigo", "juniper",
    "lantern", "maple", "meadow", "opal", "orchid", "pebble", "quartz", "river", "saffron", "silver", "summit", "thistle", "topaz",
    "tulip", "velvet", "walnut", "willow",
]  # fmt: skip


def hire(session: Session, settings: Settings) -> tuple[UUID, dict[str, object]]:
    """Make the organisation, its people and its providers: its id, and what has to be written down."""
    organisation = users.create_organisation(session, users.NewOrganisation(name="Carillon Demo Bank", is_demo=True))
    access: dict[str, object] = {"base_url": settings.base_url, "sandbox_url": settings.sandbox_url}
    for role in ROLE_NAMES:
        access[role] = _person(session, organisation, role)
    access["second_owner"] = _person(session, organisation, "owner", "second_owner")
    access["public_key"] = _public_key(session, organisation, settings)
    _providers(session, organisation.id, settings)
    return organisation.id, access


def _person(session: Session, organisation: Organisation, role: str, who: str = "") -> dict[str, str]:
    by = system(organisation.id)
    password = "-".join(secrets.choice(_WORDS) for _ in range(5))
    email = f"{(who or role).replace('_', '-')}@bank.example"
    user = users.create_user(session, email=email, name=NAMES[who or role], role=role, password=password, by=by)
    totp = pyotp.random_base32()
    mfa.set_secret(session, user, totp)
    user.totp_confirmed_at = clock.now()
    granted = sorted(granted_by_name() & of_role(role))
    key = keys.create(session, user, name="demo", scopes=["*", *granted], by=by)
    return {"email": email, "password": password, "totp_secret": totp, "secret_key": key}


def _public_key(session: Session, organisation: Organisation, settings: Settings) -> str:
    """The key of the bank's site, which the sandbox plays."""
    marketer = session.execute(select(User).where(User.role == "marketer").order_by(User.id).limit(1)).scalar_one()
    here = settings.sandbox_url
    origins = [here, here.replace("127.0.0.1", "localhost")] if here else []
    key = page_keys.make(session, marketer, name="website", origins=origins, by=system(organisation.id))
    return str(key.shown)


def _providers(session: Session, organisation_id: UUID, settings: Settings) -> None:
    """A carrier and a mail relay, both played by the sandbox; nothing is made when there is no sandbox."""
    if not settings.sandbox_url or not settings.sandbox_smtp:
        return
    by = system(organisation_id)
    relay = urlsplit(f"//{settings.sandbox_smtp}")
    sms = AccountInput(
        name="Sandbox carrier", kind="carrier", channel="sms", sender="CARILLON", cost="0.12", secret=SECRET,
        config={"base_url": settings.sandbox_url, "settle_seconds": 60},
    )  # fmt: skip
    email = AccountInput(
        name="Sandbox mail relay", kind="smtp", channel="email", sender="Carillon Demo Bank <news@bank.example>",
        cost="0.002", secret=SECRET, config={"host": relay.hostname or "127.0.0.1", "port": relay.port or 25, "security": "none"},
    )  # fmt: skip
    for new in (sms, email):
        _with_callback(session, new, settings, by)


def _with_callback(session: Session, new: AccountInput, settings: Settings, by: Actor) -> None:
    account = accounts.create(session, new, by=by)
    account.cost = Decimal(new.cost)
    callback = f"{settings.base_url}/api/v1/inbound/{new.kind}/{account.id}/receipts"
    account.config = {**account.config, "callback_url": callback}
