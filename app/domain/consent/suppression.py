"""The suppression list: addresses that are not written to, whatever path asks.

Who opted out gets no marketing, but messages about his account; a complaint, an address that does not exist, the law or a
hand stop everything.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from app.core import clock, phone
from app.core.actor import Actor, require
from app.core.db import live
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, mark
from app.core.page import Ask, Page, fetch
from app.core.text import email as normal_email
from app.core.text import masked_email
from app.core.unit import actor_of
from app.documents.csv import harmless
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.audit import trail
from app.domain.consent.models import ADDRESS_KIND, CHANNELS, SUPPRESSION_REASONS, Suppression
from app.domain.contacts.identifiers import normal_address
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.contacts.person import person_of

OPT_OUT, LEGAL = "opt_out", "legal"
MOST_AT_ONCE = 100_000
REFUSED = ("opt_out", "complaint")  # the owner of the address said so himself
_AT_ONCE = 1_000


def suppress(session: Session, address: str, *, channel: str, reason: str, source: str) -> bool:
    """Put an address on the list; False, and nothing happens, if it stands there already. Raises Invalid."""
    _check(channel, reason)
    clean = normal_address(session, ADDRESS_KIND[channel], address)
    if clean is None:
        raise Invalid.field("address", mark("This is not a valid address for this channel."))
    made = _put(session, [(channel, clean)], reason, source)
    _record(session, made, channel, reason)
    return bool(made)


def suppress_blind(session: Session, blind: bytes, *, channel: str, reason: str, source: str) -> None:
    """Put the address with this blind index on the list, whoever has it by now.

    Where no contact has it any more it cannot be read, but still nobody writes to it. Raises Invalid.
    """
    _check(channel, reason)
    address = (channel, blind, _in_clear(session, channel, blind))
    _record(session, _put_blind(session, [address], reason, source), channel, reason)


def is_refused(session: Session, blind: bytes, channel: str) -> bool:
    """Whether the owner of the address with this blind index has refused marketing, and that stands."""
    query = select(Suppression.id).where(
        Suppression.channel == channel,
        Suppression.blind == blind,
        Suppression.lifted_at.is_(None),
        Suppression.is_refused,
    )
    return session.execute(query.limit(1)).first() is not None


def _in_clear(session: Session, channel: str, blind: bytes) -> str:
    holders = live(ContactAddress).c
    ids = select(holders.contact_id).where(holders.kind == ADDRESS_KIND[channel], holders.blind == blind).limit(1)
    contact = session.execute(select(Contact).where(Contact.id.in_(ids))).scalar_one_or_none()
    if contact is None:
        return ""
    vault, person = vault_of(session), person_of(session, contact)
    return next((a for a in (*person.phones, *person.emails) if vault.blind(ADDRESS_KIND[channel], a) == blind), "")


def _record(session: Session, made: Iterable[UUID], channel: str, reason: str) -> None:
    for suppression_id in made:
        after = {"channel": channel, "reason": reason}
        trail.record(session, actor_of(session), "suppression.added", ("suppression", suppression_id), after=after)


def _check(channel: str, reason: str) -> None:
    if channel not in CHANNELS:
        raise Invalid.field("channel", mark("Choose SMS or e-mail."))
    if reason not in SUPPRESSION_REASONS:
        raise Invalid.field("reason", mark("Choose one of the reasons offered."))


def _put(session: Session, addresses: Iterable[tuple[str, str]], reason: str, source: str) -> list[UUID]:
    """Add normal addresses, each (channel, address); the ids of those that were not there."""
    vault = vault_of(session)
    blinds = ((channel, vault.blind(ADDRESS_KIND[channel], address), address) for channel, address in addresses)
    return _put_blind(session, blinds, reason, source)


def _put_blind(session: Session, addresses: Iterable[tuple[str, bytes, str]], reason: str, source: str) -> list[UUID]:
    """Add addresses, each (channel, blind index, address in clear)."""
    by, vault = actor_of(session), vault_of(session)
    shared = {
        "organisation_id": by.organisation_id,
        "reason": reason,
        "is_refused": reason in REFUSED,
        "source": source,
        "at": clock.now(),
        "added_by": by.id,
    }
    rows = []
    for channel, blind, address in addresses:
        sealed = vault.seal(address.encode(), f"suppressions|{channel}|{blind.hex()}")
        rows.append({**shared, "channel": channel, "blind": blind, "address": sealed})
    made: list[UUID] = []
    for start in range(0, len(rows), _AT_ONCE):
        made += session.execute(_put_some(rows[start : start + _AT_ONCE])).scalars()
    return made


def _put_some(rows: list[dict[str, Any]]) -> ReturningInsert[UUID]:
    """The statement that adds rows; what stands there already gives way only to what stops more."""
    statement = insert(Suppression).values(rows)
    new = statement.excluded
    grows = or_(
        and_(Suppression.reason == OPT_OUT, new.reason != OPT_OUT),
        and_(Suppression.reason != LEGAL, new.reason == LEGAL),  # it cannot be lifted
    )
    changed = {
        "reason": case((grows, new.reason), else_=Suppression.reason),
        "source": case((grows, new.source), else_=Suppression.source),
        "at": case((grows, new.at), else_=Suppression.at),
        "is_refused": or_(Suppression.is_refused, new.is_refused),
    }
    return statement.on_conflict_do_update(
        index_elements=[Suppression.organisation_id, Suppression.channel, Suppression.blind],
        index_where=Suppression.lifted_at.is_(None),
        set_=changed,
        where=or_(grows, and_(new.is_refused, ~Suppression.is_refused)),
    ).returning(Suppression.id)


def add(session: Session, address: str, *, channel: str, reason: str, by: Actor) -> bool:
    """Suppress an address by hand; False if it was so already. Raises Invalid, Forbidden."""
    require(by, "suppressions:write")
    return suppress(session, address, channel=channel, reason=reason, source="by hand")


@dataclass(frozen=True)
class Taken:
    """What became of a list: `added` are new, `known` stood there already, `bad` are the numbers of bad lines."""

    added: int
    known: int
    bad: list[int]


def add_file(session: Session, content: bytes, *, channel: str, reason: str, by: Actor) -> Taken:
    """Suppress a list, one address a line, in the first column or in one headed "address".

    A column headed "channel" wins over `channel`, so that an exported list can be read again.

    Raises:
        Invalid (not text, nothing in it, too long), Forbidden.
    """
    require(by, "suppressions:write")
    _check(channel, reason)
    good: dict[tuple[str, str], int] = {}
    bad: list[int] = []
    region = organisation_of(session).region
    for number, kind, address in _lines(content, channel):
        clean = None
        if kind in CHANNELS:
            clean = normal_email(address) if kind == "email" else phone.parse(address, region)
        if clean is None:
            bad.append(number)
        else:
            good.setdefault((kind, clean), number)
    if not good and not bad:
        raise Invalid.field("file", mark("The file is empty."))
    added = len(_put(session, good, reason, "list"))
    after = {"reason": reason, "rows": added}
    trail.record(session, by, "suppression.added", ("organisation", by.organisation_id), after=after)
    return Taken(added, len(good) - added, bad)


def _lines(content: bytes, channel: str) -> Iterator[tuple[int, str, str]]:
    """Line number, channel and address of every line that holds something."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Invalid.field(
            "file", mark("The file is not text in UTF-8. Save it as CSV UTF-8 and try again.")
        ) from None
    if len(lines) > MOST_AT_ONCE:
        raise Invalid.field("file", mark("At most %(most)s lines at once."), most=MOST_AT_ONCE)
    place, kind_place = 0, -1
    try:
        for number, row in enumerate(csv.reader(lines), start=1):
            heads = [cell.strip().lower() for cell in row]
            if number == 1 and "address" in heads:
                place, kind_place = heads.index("address"), heads.index("channel") if "channel" in heads else -1
            elif len(row) > place and (address := row[place].strip().lstrip("'")):
                yield number, heads[kind_place] if 0 <= kind_place < len(row) else channel, address
    except csv.Error:
        raise Invalid.field(
            "file", mark("The file is not a list of lines. Save it as CSV UTF-8 and try again.")
        ) from None


def get(session: Session, suppression_id: UUID, *, by: Actor) -> Suppression:
    """One standing suppression. Raises NotFound, Forbidden."""
    require(by, "suppressions:read")
    row = session.get(Suppression, suppression_id)
    if row is None or row.lifted_at:
        raise NotFound(mark("This address is not on the list."))
    return row


def of_contact(session: Session, contact_id: UUID) -> list[Suppression]:
    """The standing suppressions of a contact's own addresses."""
    addresses, rows = live(ContactAddress).c, live(Suppression).c
    ids = (
        select(rows.id)
        .join_from(live(ContactAddress), live(Suppression), rows.blind == addresses.blind)
        .where(addresses.contact_id == contact_id, rows.lifted_at.is_(None))
        .where(or_(*(and_(rows.channel == c, addresses.kind == kind) for c, kind in ADDRESS_KIND.items())))
    )
    return list(session.execute(select(Suppression).where(Suppression.id.in_(ids)).order_by(Suppression.at)).scalars())


def takes_two(row: Suppression) -> bool:
    """True if its owner refused, whatever else is the reason by now: one person alone does not lift that."""
    return row.is_refused or row.reason in REFUSED


def lift(session: Session, suppression_id: UUID, *, reason: str, second: UUID | None = None, by: Actor) -> Suppression:
    """Take an address off the list, with a reason; a legal one stays. Raises NotFound, Invalid, Conflict, Forbidden.

    One that its owner refused takes two people: `second` is who proposed it (reopening.py).
    """
    if second is None:
        require(by, "suppressions:write")
    row = get(session, suppression_id, by=by)
    if takes_two(row) and not by.is_system and second in (None, by.id):
        raise Forbidden(
            mark("This person refused: that he may be written to again takes evidence and a second person.")
        )
    if row.reason == "legal":
        raise Conflict(mark("A legal suppression cannot be lifted here."))
    if not reason.strip():
        raise Invalid.field("reason", mark("Say why the address may be written to again."))
    row.lifted_at, row.lifted_by, row.lift_reason = clock.now(), by.id, reason.strip()
    trail.record(session, by, "suppression.lifted", ("suppression", row.id), after={"reason": reason.strip()})
    return row


def listed(session: Session, ask: Ask, *, by: Actor, channel: str = "", address: str = "") -> Page[Suppression]:
    """A page of standing suppressions, newest first; one address exactly when asked."""
    require(by, "suppressions:read")
    query = select(Suppression).where(Suppression.lifted_at.is_(None))
    if channel:
        query = query.where(Suppression.channel == channel)
    if address:
        vault = vault_of(session)
        wanted = [(c, normal_address(session, ADDRESS_KIND[c], address)) for c in CHANNELS]
        query = query.where(
            Suppression.blind.in_([vault.blind(ADDRESS_KIND[c], clean) for c, clean in wanted if clean])
        )
    return fetch(session, query, [Suppression.__table__.c.id], ask, descending=True)


def shown(session: Session, row: Suppression, *, by: Actor) -> str:
    """The address of a suppression in clear; empty if nobody had it any more when it came here. Raises Forbidden."""
    require(by, "suppressions:write")
    return _opened(session, row)


def _opened(session: Session, row: Suppression) -> str:
    return vault_of(session).open(row.address, f"suppressions|{row.channel}|{row.blind.hex()}").decode()


def masked(session: Session, rows: Iterable[Suppression]) -> dict[UUID, str]:
    """The addresses as anybody may see them."""
    return {row.id: _masked(row.channel, _opened(session, row)) for row in rows}


def _masked(channel: str, address: str) -> str:
    return masked_email(address) if channel == "email" and address else phone.masked(address)


def export(session: Session, *, by: Actor) -> bytes:
    """The whole list as CSV, addresses in clear; audited."""
    require(by, "suppressions:write")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["channel", "address", "reason", "source", "at"])
    rows = session.execute(
        select(Suppression).where(Suppression.lifted_at.is_(None)).order_by(Suppression.id)
    ).scalars()
    number = 0
    for row in rows:
        # A spreadsheet takes +972... for a formula: the apostrophe keeps it text.
        writer.writerow([row.channel, harmless(_opened(session, row)), row.reason, row.source, row.at.isoformat()])
        number += 1
    trail.record(session, by, "suppression.exported", ("organisation", by.organisation_id), after={"rows": number})
    return out.getvalue().encode("utf-8-sig")
