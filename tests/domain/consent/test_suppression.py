"""The suppression list: normal forms, lists at once, lifting, what a contact sees of it."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.page import Ask
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.consent import suppression
from app.domain.consent.models import Suppression
from app.domain.contacts.models import ContactAddress
from tests.factories import people


def standing(session: Session) -> int:
    return session.execute(select(func.count()).where(Suppression.lifted_at.is_(None))).scalar_one()


def test_however_it_is_written_an_address_is_on_the_list_once(session: Session, organisation: Organisation) -> None:
    for written in ("052-2345678", "+972 52 234 5678", "00972522345678"[2:]):
        suppression.suppress(session, written, channel="sms", reason="opt_out", source="test")
    for written in ("Dana@Mail.example", "dana@mail.example "):
        suppression.suppress(session, written, channel="email", reason="hard_bounce", source="test")
    assert standing(session) == 2


def test_sending_finds_it_by_the_blind_index_of_the_contact(session: Session, organisation: Organisation) -> None:
    (contact,) = people.contacts(session, 1)
    suppression.suppress(session, "0522000000", channel="sms", reason="opt_out", source="test")
    both = session.execute(
        select(ContactAddress.kind)
        .join(Suppression, Suppression.blind == ContactAddress.blind)
        .where(Suppression.channel == "sms")
    )
    assert list(both.scalars()) == ["phone"]
    assert [row.reason for row in suppression.of_contact(session, contact)] == ["opt_out"]


def test_a_list_of_many_is_taken_at_once(session: Session, organisation: Organisation) -> None:
    by = system(organisation.id)
    lines = "\n".join(f"client{n}@mail.example" for n in range(2_500))
    taken = suppression.add_file(session, f"{lines}\n\nnobody\n".encode(), channel="email", reason="manual", by=by)
    assert (taken.added, taken.known, taken.bad) == (2_500, 0, [2_502])
    again = suppression.add_file(
        session, b"client7@mail.example\nnew@mail.example", channel="email", reason="manual", by=by
    )
    assert (again.added, again.known, again.bad) == (1, 1, [])


def test_an_exported_list_is_read_again_whatever_channel_is_chosen(
    session: Session, organisation: Organisation
) -> None:
    by = system(organisation.id)
    suppression.suppress(session, "0522000000", channel="sms", reason="opt_out", source="test")
    suppression.suppress(session, "a@mail.example", channel="email", reason="complaint", source="test")
    exported = suppression.export(session, by=by)
    for row in session.execute(select(Suppression)).scalars():
        suppression.lift(session, row.id, reason="test", by=by)
    session.flush()
    taken = suppression.add_file(session, exported, channel="email", reason="manual", by=by)
    assert (taken.added, taken.bad) == (2, [])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00\x01"], ids=["empty", "blank lines", "no text"])
def test_a_list_that_is_none_is_refused(session: Session, organisation: Organisation, content: bytes) -> None:
    with pytest.raises(Invalid):
        suppression.add_file(session, content, channel="email", reason="manual", by=system(organisation.id))


def test_lifting_needs_a_reason_and_a_legal_one_stays(session: Session, organisation: Organisation) -> None:
    by = system(organisation.id)
    suppression.suppress(session, "a@mail.example", channel="email", reason="manual", source="test")
    suppression.suppress(session, "b@mail.example", channel="email", reason="legal", source="test")
    rows = {row.reason: row for row in suppression.listed(session, Ask(), by=by).items}
    with pytest.raises(Invalid):
        suppression.lift(session, rows["manual"].id, reason=" ", by=by)
    with pytest.raises(Conflict):
        suppression.lift(session, rows["legal"].id, reason="please", by=by)
    suppression.lift(session, rows["manual"].id, reason="a slip", by=by)
    with pytest.raises(NotFound):
        suppression.lift(session, rows["manual"].id, reason="a slip", by=by)
    suppression.suppress(session, "a@mail.example", channel="email", reason="complaint", source="test")
    assert standing(session) == 2


def test_the_list_is_masked_and_searched_by_the_whole_address(session: Session, organisation: Organisation) -> None:
    by = system(organisation.id)
    for n in range(3):
        suppression.suppress(session, f"dana{n}@mail.example", channel="email", reason="manual", source="test")
    page = suppression.listed(session, Ask(), by=by, address="DANA1@mail.example")
    assert list(suppression.masked(session, page.items).values()) == ["d•••@mail.example"]
    assert suppression.listed(session, Ask(), by=by, address="dana").items == []
    with pytest.raises(Forbidden):
        suppression.listed(session, Ask(), by=Actor(organisation.id, "user"))


def test_no_address_lies_in_clear(session: Session, organisation: Organisation) -> None:
    suppression.suppress(session, "dana@mail.example", channel="email", reason="manual", source="test")
    row = session.execute(select(Suppression)).scalar_one()
    assert b"dana" not in row.address
    assert row.blind == vault_of(session).blind("email", "dana@mail.example")
    assert suppression.shown(session, row, by=people.staff(session, "marketer")) == "dana@mail.example"
    with pytest.raises(Forbidden):
        suppression.shown(session, row, by=people.staff(session, "viewer"))


@pytest.mark.parametrize(
    ("reason", "refused"),
    [("opt_out", True), ("complaint", True), ("hard_bounce", False), ("manual", False), ("legal", False)],
)
def test_who_refused_himself_is_known_from_who_cannot_be_reached(
    session: Session, organisation: Organisation, reason: str, refused: bool
) -> None:
    people.contacts(session, 1)
    blind = vault_of(session).blind("phone", "+972522000000")
    assert not suppression.is_refused(session, blind, "sms")
    assert suppression.suppress(session, "052-2000000", channel="sms", reason=reason, source="test")
    assert not suppression.suppress(session, "+972522000000", channel="sms", reason=reason, source="test"), (
        "it stands there"
    )
    assert suppression.is_refused(session, blind, "sms") is refused
    assert not suppression.is_refused(session, blind, "email")
    assert not suppression.is_refused(session, b"another", "sms")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"address": "+972522000000", "channel": "fax", "reason": "manual"}, "channel"),
        ({"address": "+972522000000", "channel": "sms", "reason": "boredom"}, "reason"),
        ({"address": "12", "channel": "sms", "reason": "manual"}, "address"),
        ({"address": "+972522000000", "channel": "email", "reason": "manual"}, "address"),
    ],
)
def test_what_cannot_be_put_on_the_list_is_said_at_its_field(
    session: Session, organisation: Organisation, given: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        suppression.suppress(session, **given, source="test")
    assert [issue.field for issue in refused.value.details] == [field]


def test_what_was_put_on_the_list_is_in_the_audit_log_once(session: Session, organisation: Organisation) -> None:
    for _ in range(2):
        suppression.suppress(session, "x@mail.example", channel="email", reason="complaint", source="provider")
    row = session.execute(select(Suppression)).scalar_one()
    assert (row.channel, row.reason, row.source, row.is_refused, row.added_by) == (
        "email",
        "complaint",
        "provider",
        True,
        None,
    )
    session.commit()
    told = session.execute(select(AuditEntry).where(AuditEntry.action == "suppression.added")).scalars().all()
    assert [(one.subject_id, one.after) for one in told] == [(str(row.id), {"channel": "email", "reason": "complaint"})]
