"""Who a visitor is: said by the bank's own server, or by a page with a token of it; and what pages merely say of him."""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock, jsontext
from app.core.actor import Actor, require
from app.core.errors import Forbidden, Invalid, NotFound, mark
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.access import keys
from app.domain.access.keyring import vault_of
from app.domain.access.models import ApiKey, User
from app.domain.access.permissions import of_key
from app.domain.contacts import identifiers, profile
from app.domain.contacts.models import Contact
from app.domain.contacts.profile import ContactInput
from app.domain.events import interest
from app.domain.events.models import Visitor
from app.domain.events.said import Whose, check_properties, wrong
from app.domain.events.tracking import FRESH, Erased, visitor_blind

_SQL = load("events/queries.sql")
TOKEN_LIFE = timedelta(hours=1)
BAD_TOKEN = mark("This token is not right, or too old.")


class IdentifyInput(BaseModel):
    """A contact by one of his names, what is known of him, and the anonymous id under which he was seen."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    contact: Whose
    traits: ContactInput = ContactInput()

    @field_validator("contact")
    @classmethod
    def _is_named(cls, whose: Whose) -> Whose:
        if not whose.is_one or not whose.named:
            raise wrong(mark("Name the contact once: by id, external_id, email or phone."))
        return whose


class PageIdentifyInput(BaseModel):
    """What a page says of its visitor. With a token of the bank's server it is true, otherwise it is what was said."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    contact: Whose
    token: str | None = Field(default=None, max_length=2000)
    traits: dict[str, Any] = {}

    @field_validator("contact")
    @classmethod
    def _is_visitor(cls, whose: Whose) -> Whose:
        if not whose.anonymous_id:
            raise wrong(mark("Name the visitor by his anonymous_id."))
        return whose

    @field_validator("traits")
    @classmethod
    def _fits(cls, traits: dict[str, Any]) -> dict[str, Any]:
        check_properties(traits)
        return traits


@dataclass(frozen=True)
class Known:
    """Who it was, whether he was made for it, and how many events of the visitor are his now."""

    contact_id: UUID | None
    is_new: bool = False
    events: int = 0


def identify(session: Session, said: IdentifyInput, *, by: Actor) -> Known:
    """Say who somebody is, with a secret key: he is made if he is not known, changed as the traits say, and takes over the visitor.

    Raises:
        NotFound (an id that is nobody's), Ambiguous (an address that several share), Erased, Invalid (a trait), Forbidden
        (also without the right to write contacts, where one would be made or changed).
    """
    require(by, "events:track")
    if by.kind == "public":
        raise Forbidden(mark("You may not do this."))  # what a page says is no proof: see `say`
    named = said.contact.named
    assert named is not None
    contact, is_new = _contact(session, named, said.traits, by)
    events = tie(session, said.contact.anonymous_id, contact.id) if said.contact.anonymous_id else 0
    return Known(contact.id, is_new, events)


def say(session: Session, said: PageIdentifyInput, *, by: Actor) -> Known:
    """Take what a page says of its visitor: kept sealed beside him, not verified, and nothing else is changed by it.

    A token that the bank's server made names the contact truly. Raises Invalid (the token), NotFound, Ambiguous, Forbidden.
    """
    require(by, "events:track")
    anonymous_id = said.contact.anonymous_id
    assert anonymous_id is not None
    named = said.contact.named
    traits = {**said.traits, **({named[0]: named[1]} if named else {})}
    if traits:
        _keep(session, anonymous_id, traits)
    if said.token is None:
        return Known(None)
    contact = identifiers.resolve(session, *_opened(session, said.token))
    return Known(contact.id, False, tie(session, anonymous_id, contact.id))


def tie(session: Session, anonymous_id: str, contact_id: UUID) -> int:
    """From now on the visitor's events are the contact's, and so are those that were nobody's; how many these are.

    What somebody else did who was known under the same id (a shared computer) stays his.
    """
    now = clock.now()
    values = {
        "organisation": actor_of(session).organisation_id, "blind": visitor_blind(session, anonymous_id),
        "contact": contact_id, "now": now, "fresh": now - FRESH,
    }  # fmt: skip
    told = session.execute(_SQL["tie"], values).one()
    interest.ring(session, told.consumers or ())
    return int(told.events)


def of_contact(session: Session, contact_id: UUID, *, by: Actor) -> dict[str, Any]:
    """What pages said of a contact, not verified: for who may see personal data."""
    require(by, "contacts:reveal")
    vault, told = vault_of(session), dict[str, Any]()
    query = select(Visitor).where(Visitor.contact_id == contact_id, Visitor.said.is_not(None)).order_by(Visitor.seen_at)
    for visitor in session.execute(query).scalars():
        assert visitor.said is not None
        told |= json.loads(vault.open(visitor.said, _bound(visitor.blind)))
    return told


def _contact(session: Session, named: tuple[str, str], traits: ContactInput, by: Actor) -> tuple[Contact, bool]:
    """The contact of a name, made if he is new, with what is known of him."""
    given = {name: getattr(traits, name) for name in traits.model_fields_set}
    # two servers that say the same at once make one contact
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": "|".join(named)})
    try:
        contact = identifiers.resolve(session, *named)
    except NotFound:
        if named[0] == "id":
            raise
        made = ContactInput.model_validate({**traits.model_dump(exclude_unset=True), named[0]: named[1]})
        return profile.create(session, made, by=by), True
    if contact.status == "erased":
        raise Erased(mark("This person was erased: nothing is kept of him any more."))
    if given:
        present = profile.input_of(session, profile.one_for_update(session, contact.id))
        given["properties"] = {**present.properties, **traits.properties}
        profile.update(session, contact.id, present.model_copy(update=given), by=by)
    return contact, False


def _keep(session: Session, anonymous_id: str, traits: dict[str, Any]) -> None:
    """Put what was said beside the visitor; the newest word counts, and the bag does not grow for ever."""
    vault, blind = vault_of(session), visitor_blind(session, anonymous_id)
    values = {"organisation": actor_of(session).organisation_id, "blind": blind, "now": clock.now()}
    before = session.execute(_SQL["see"], values).scalar_one()
    if before is not None:
        traits = {**json.loads(vault.open(before, _bound(blind))), **traits}
    try:
        check_properties(traits)
    except ValueError as broke:
        raise Invalid.field("traits", str(broke)) from None
    sealed = vault.seal(json.dumps(traits).encode(), _bound(blind))
    session.execute(_SQL["say"], {"blind": blind, "said": sealed})


def _bound(blind: bytes) -> str:
    return f"visitors|said|{blind.hex()}"


def _opened(session: Session, token: str) -> tuple[str, str]:
    """Whom a token names: `<prefix of a secret key>.<JSON in base64url>.<HMAC-SHA256 of it in hexadecimal>`.

    The key of the HMAC is the SHA-256 of the key's secret; the JSON holds one name of a contact and `until` (Unix seconds,
    an hour ahead at most). Raises Invalid.
    """
    prefix, _, rest = token.partition(".")
    payload, _, mac = rest.partition(".")
    row = session.execute(
        select(ApiKey, User)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.prefix == prefix, ApiKey.kind == "secret")
    ).one_or_none()
    if row is None or not keys.is_live(*row) or "events:track" not in of_key(row.User.role, row.ApiKey.scopes):
        raise Invalid.field("token", BAD_TOKEN)
    if not hmac.compare_digest(hmac.new(row.ApiKey.secret_hash, payload.encode(), "sha256").hexdigest(), mac):
        raise Invalid.field("token", BAD_TOKEN)
    try:
        told = jsontext.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        until, whose = told.pop("until"), Whose.model_validate(told)
        left = until - clock.now().timestamp()
    except (ValueError, TypeError, AttributeError, KeyError, binascii.Error):
        raise Invalid.field("token", BAD_TOKEN) from None
    if not 0 < left <= TOKEN_LIFE.total_seconds() or not whose.is_one or whose.named is None:
        raise Invalid.field("token", BAD_TOKEN)
    return whose.named
