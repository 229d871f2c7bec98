"""The suppression list: addresses nobody may write to, whatever path asks (A7)."""

import csv
import io
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock, phone
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, NotFound, mark
from app.core.page import Ask, Page, fetch
from app.core.text import email as normal_email
from app.core.text import masked_email
from app.core.unit import actor_of
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.audit import trail
from app.domain.consent.models import CHANNELS, SUPPRESSION_REASONS, Suppression

KIND = {"sms": "phone", "email": "email"}
MOST_AT_ONCE = 100_000


def normal(session: Session, address: str, channel: str) -> str | None:
    """The address as it is compared: E.164, or an e-mail in lower case; None if it is neither."""
    if channel == "email":
        return normal_email(address)
    return phone.parse(address, organisation_of(session).region)


def suppress(session: Session, address: str, *, channel: str, reason: str, source: str) -> None:
    """Put an address on the list; nothing happens if it stands there already. Raises Invalid."""
    if channel not in CHANNELS:
        raise Invalid.field("channel", mark("Choose SMS or e-mail."))
    if reason not in SUPPRESSION_REASONS:
        raise Invalid.field("reason", mark("Choose one of the reasons offered."))
    clean = normal(session, address, channel)
    if clean is None:
        raise Invalid.field("address", mark("This is not a valid address for this channel."))
    by, vault = actor_of(session), vault_of(session)
    blind = vault.blind(KIND[channel], clean)
    made = session.execute(
        insert(Suppression)
        .values(
            organisation_id=by.organisation_id,
            channel=channel,
            blind=blind,
            address=vault.seal(clean.encode(), f"suppressions|{channel}|{blind.hex()}"),
            reason=reason,
            source=source,
            at=clock.now(),
            added_by=by.id,
        )
        .on_conflict_do_nothing()
        .returning(Suppression.id)
    ).scalar_one_or_none()
    if made:
        trail.record(session, by, "suppression.added", ("suppression", made), after={"channel": channel, "reason": reason})


def add(session: Session, address: str, *, channel: str, reason: str, by: Actor) -> None:
    """Suppress an address by hand. Raises Invalid, Forbidden."""
    require(by, "suppressions:write")
    suppress(session, address, channel=channel, reason=reason, source="by hand")


def add_file(session: Session, content: bytes, *, channel: str, reason: str, by: Actor) -> tuple[int, list[int]]:
    """Suppress a list, one address a line (first column); how many lines were taken, and the numbers of bad ones.

    Raises Invalid (not text, too long), Forbidden.
    """
    require(by, "suppressions:write")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Invalid.field("file", mark("The file is not text in UTF-8. Save it as CSV UTF-8 and try again.")) from None
    if len(lines) > MOST_AT_ONCE:
        raise Invalid.field("file", mark("At most %(most)s lines at once."), most=MOST_AT_ONCE)
    taken, bad = 0, []
    for number, row in enumerate(csv.reader(lines), start=1):
        if not row or not row[0].strip():
            continue
        try:
            suppress(session, row[0], channel=channel, reason=reason, source="list")
            taken += 1
        except Invalid:
            bad.append(number)
    return taken, bad


def lift(session: Session, suppression_id: UUID, *, reason: str, by: Actor) -> Suppression:
    """Take an address off the list, with a reason; a legal one stays. Raises NotFound, Invalid, Conflict, Forbidden."""
    require(by, "suppressions:write")
    row = session.get(Suppression, suppression_id)
    if row is None or row.lifted_at:
        raise NotFound(mark("This address is not on the list."))
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
        wanted = [(c, normal(session, address, c)) for c in CHANNELS]
        query = query.where(Suppression.blind.in_([vault.blind(KIND[c], clean) for c, clean in wanted if clean]))
    return fetch(session, query, [Suppression.__table__.c.id], ask, descending=True)


def shown(session: Session, row: Suppression) -> str:
    """The address of a suppression in clear."""
    return vault_of(session).open(row.address, f"suppressions|{row.channel}|{row.blind.hex()}").decode()


def masked(session: Session, rows: Iterable[Suppression]) -> dict[UUID, str]:
    """The addresses as anybody may see them."""
    return {
        row.id: masked_email(shown(session, row)) if row.channel == "email" else phone.masked(shown(session, row)) for row in rows
    }


def export(session: Session, *, by: Actor) -> bytes:
    """The whole list as CSV, addresses in clear; audited."""
    require(by, "suppressions:write")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["channel", "address", "reason", "source", "at"])
    rows = session.execute(select(Suppression).where(Suppression.lifted_at.is_(None)).order_by(Suppression.id)).scalars()
    number = 0
    for row in rows:
        # A spreadsheet takes +972... for a formula: the apostrophe keeps it text.
        writer.writerow([row.channel, f"'{shown(session, row)}", row.reason, row.source, row.at.isoformat()])
        number += 1
    trail.record(session, by, "suppression.exported", ("organisation", by.organisation_id), after={"rows": number})
    return out.getvalue().encode("utf-8-sig")
