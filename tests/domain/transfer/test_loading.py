"""Imports from upload to end: what becomes of rows, dedupe rules, consent, bad rows."""

import io
import threading
import time
from concurrent.futures import Future
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.domain.consent import ledger
from app.domain.contacts import identifiers, profile
from app.domain.contacts.person import seal_into
from app.domain.contacts.profile import ContactInput
from app.domain.transfer import imports, loading
from app.domain.transfer.mapping import ImportOptions
from tests.domain.transfer.loads import HEAD, ONE, Bank, numbers


def test_a_row_becomes_a_contact(ours: Bank) -> None:
    row = ours.load(ONE)
    assert (row.state, numbers(row)) == ("completed", (1, 1, 0, 0, 0))
    with ours.unit() as session:
        contact = identifiers.resolve(session, "phone", "+972522000001")
        person = profile.person_of(session, contact)
        assert (contact.external_id, contact.city, contact.properties) == ("1", "Haifa", {"balance": 1500})
        assert (person.first_name, person.emails) == ("Noa", ("noa@mail.example",))
        assert identifiers.resolve(session, "email", "noa@mail.example").id == contact.id


def test_the_same_file_again_changes_nothing(ours: Bank) -> None:
    ours.load(ONE)
    before = ours.all("SELECT id, version, updated_at FROM live.contacts")
    assert numbers(ours.load(ONE)) == (1, 0, 0, 1, 0)
    assert ours.all("SELECT id, version, updated_at FROM live.contacts") == before


@pytest.mark.parametrize(
    ("dedupe", "city", "first_name", "email", "counted"),
    [
        ("update", "Acre", "Noa", "new@mail.example", (1, 0, 1, 0, 0)),
        ("fill", "Haifa", "Noa", "noa@mail.example", (1, 0, 1, 0, 0)),
        ("skip", "Haifa", "Noa", "noa@mail.example", (1, 0, 0, 1, 0)),
    ],
)
def test_dedupe(ours: Bank, dedupe: str, city: str, first_name: str, email: str, counted: tuple[int, ...]) -> None:
    ours.load(ONE)
    row = ours.load(HEAD + "1,,new@mail.example,,Acre,\n", dedupe=dedupe)
    assert numbers(row) == counted
    with ours.unit() as session:
        contact = identifiers.resolve(session, "external_id", "1")
        person = profile.person_of(session, contact)
        assert (contact.city, contact.properties) == (city, {"balance": 1500})
        assert (person.first_name, person.emails, person.phones) == (first_name, (email,), ("+972522000001",))
        assert identifiers.resolve(session, "email", email).id == contact.id


def test_the_same_person_twice_in_a_file_is_one_contact(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BLOCK", 2)
    row = ours.load(HEAD + "1,Noa,,,,1\n1,,,,Acre,2\n2,Dan,,,,\n1,,,,,3\n")
    assert numbers(row) == (4, 2, 2, 0, 0)
    assert ours.all("SELECT external_id, city, properties FROM live.contacts ORDER BY 1") == [
        ("1", "Acre", {"balance": 3}),
        ("2", None, {}),
    ]


@pytest.mark.parametrize("between", range(5))
def test_a_person_named_again_some_blocks_later_is_taken_in_the_order_of_the_file(
    ours: Bank, monkeypatch: pytest.MonkeyPatch, between: int
) -> None:
    monkeypatch.setattr(loading, "BLOCK", 1)
    others = "".join(f"{n},,,,,\n" for n in range(10, 10 + between))
    row = ours.load(HEAD + "1,Noa,,,Haifa,\n" + others + "1,,,,Acre,\n" + others + "1,,,,Eilat,\n")
    assert (row.rows, row.created, row.failed) == (3 + 2 * between, 1 + between, 0)
    assert ours.one("SELECT city FROM live.contacts WHERE external_id = '1'") == "Eilat"


def test_without_an_external_id_the_address_tells_who_it_is(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BLOCK", 1)
    head = "email,first_name\n"
    assert numbers(ours.load(head + "noa@mail.example,Noa\nNOA@mail.example,Noah\n")) == (2, 1, 1, 0, 0)
    with ours.unit() as session:
        profile.create(session, ContactInput(email="noa@mail.example"), by=ours.by)
    assert numbers(ours.load(head + "noa@mail.example,Noa\ndan@mail.example,Dan\n")) == (2, 1, 0, 0, 1)


@pytest.mark.parametrize("block", [1, 5])
@pytest.mark.parametrize(
    ("dedupe", "city", "first_name", "counted"),
    [
        ("update", "Acre", "Noah", (3, 0, 3, 0, 0)),
        ("fill", "Haifa", "Noa", (3, 0, 3, 0, 0)),
        ("skip", None, "Noa", (3, 0, 0, 3, 0)),
    ],
)
def test_rows_with_different_addresses_of_one_person_are_all_taken_in_their_order(
    ours: Bank,
    monkeypatch: pytest.MonkeyPatch,
    dedupe: str,
    city: str | None,
    first_name: str,
    counted: tuple[int, ...],
    block: int,
) -> None:
    ours.load("client_id,first_name,email,phone\n1,Noa,noa@mail.example,052-2000001\n")
    monkeypatch.setattr(loading, "BLOCK", block)
    rows = "052-2000001,,Haifa,,Noah\n,noa@mail.example,,he,\n052-2000001,,Acre,,\n"
    row = ours.load("phone,email,city,language,first_name\n" + rows, dedupe=dedupe)
    assert numbers(row) == counted
    ((found_city, language),) = ours.all("SELECT city, language FROM live.contacts")
    assert (found_city, language) == (city, None if dedupe == "skip" else "he")
    with ours.unit() as session:
        person = profile.person_of(session, identifiers.resolve(session, "external_id", "1"))
        assert (person.first_name, person.emails, person.phones) == (
            first_name,
            ("noa@mail.example",),
            ("+972522000001",),
        )


def test_a_row_that_names_the_second_address_of_a_person_takes_none_away(ours: Bank) -> None:
    ours.load("client_id,phone,email\n1,,old@mail.example\n")
    with ours.unit() as session:
        contact = identifiers.resolve(session, "external_id", "1")
        person = profile.person_of(session, contact)
        seal_into(session, contact, replace(person, emails=("first@mail.example", "second@mail.example")))
    row = ours.load("email,city,first_name\nfirst@mail.example,Haifa,Noa\nsecond@mail.example,Acre,\n")
    assert numbers(row) == (2, 0, 2, 0, 0)
    assert ours.all("SELECT city FROM live.contacts") == [("Acre",)]
    with ours.unit() as session:
        person = profile.person_of(session, identifiers.resolve(session, "external_id", "1"))
        assert (person.first_name, person.emails) == ("Noa", ("second@mail.example", "first@mail.example"))


def test_a_change_by_hand_is_written_over_by_the_next_import(ours: Bank) -> None:
    ours.load(ONE)
    with ours.unit() as session:
        contact = identifiers.resolve(session, "external_id", "1")
        profile.update(session, contact.id, ContactInput(external_id="1", city="Eilat"), by=ours.by)
    assert numbers(ours.load(ONE)) == (1, 0, 1, 0, 0)
    assert ours.one("SELECT city FROM live.contacts") == "Haifa"


def test_a_file_takes_the_mark_of_a_test_recipient_off(ours: Bank) -> None:
    """Whoever imports could lead the tests of texts to anybody."""
    ours.load(ONE)
    with ours.unit() as session:
        session.execute(text("UPDATE contacts SET is_test = true"))
    ours.load(ONE)
    ours.load(ONE.replace("Haifa", "Acre"))
    assert ours.all("SELECT is_test, city FROM live.contacts") == [(True, "Acre")], "no address has changed"
    ours.load(ONE.replace("052-2000001", "052-2999999"))
    assert ours.all("SELECT is_test FROM live.contacts") == [(False,)]


def test_a_deleted_contact_comes_back_and_an_erased_one_does_not(ours: Bank) -> None:
    ours.load(ONE)
    with ours.unit() as session:
        profile.delete(session, identifiers.resolve(session, "external_id", "1").id, by=ours.by)
    assert numbers(ours.load(ONE)) == (1, 0, 1, 0, 0)
    assert ours.one("SELECT deleted_at FROM live.contacts") is None
    with ours.unit() as session:
        session.execute(text("UPDATE contacts SET status = 'erased', content_hash = NULL"))
    assert numbers(ours.load(ONE)) == (1, 0, 0, 0, 1)


def test_somebody_who_adds_the_same_contact_meanwhile_is_noticed(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, tries = loading._copy, []

    def copied(session: object, staged: object) -> None:
        if not tries:
            with ours.unit() as other:
                profile.create(other, ContactInput(external_id="2", city="Eilat"), by=ours.by)
        tries.append(1)
        copy(session, staged)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "_copy", copied)
    assert numbers(ours.load(HEAD + "1,Noa,,,Haifa,\n2,Dan,,,Acre,\n")) == (2, 1, 1, 0, 0)
    assert ours.all("SELECT external_id, city FROM live.contacts ORDER BY 1") == [("1", "Haifa"), ("2", "Acre")]
    assert len(tries) == 2


def test_two_imports_that_hold_what_the_other_waits_for_both_end(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has written its later block first: PostgreSQL sees no deadlock, since nobody but we can commit them."""
    monkeypatch.setattr(loading, "BLOCK", 2)
    monkeypatch.setattr(loading, "LOCK_SECONDS", 1)
    write = loading._Loader._write

    def slowly(loader: loading._Loader, laid: loading._Laid) -> None:
        if laid.staged.block.rows == 4:
            time.sleep(0.5)
        write(loader, laid)

    monkeypatch.setattr(loading._Loader, "_write", slowly)
    # the first block of an import goes alone: these meet in the second and third
    one = ours.upload("client_id,city\n" + "".join(f"{n},Haifa\n" for n in (10, 11, 1, 2, 3, 4)))
    two = ours.upload("client_id,city\n" + "".join(f"{n},Acre\n" for n in (12, 13, 3, 4, 1, 2)))
    runs = [threading.Thread(target=loading.run, args=(ours.unit, import_id), daemon=True) for import_id in (one, two)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(30)
        assert not run.is_alive()
    assert [(ours.row(i).state, ours.row(i).rows) for i in (one, two)] == [("completed", 6)] * 2
    assert ours.one("SELECT count(*) FROM live.contacts") == 8
    assert ours.row(one).created + ours.row(two).created == 8


def test_a_file_grants_but_never_overrides(ours: Bank) -> None:
    ours.load(HEAD + "1,Noa,,,,\n2,Dan,,,,\n")
    with ours.unit() as session:
        noa = identifiers.resolve(session, "external_id", "1").id
        ledger.withdraw(session, noa, ["sms"], basis="phone call", source="by hand")
    row = ours.load(HEAD + "1,Noa,,,,1\n2,Dan,,,,1\n3,Gil,,,,1\n", consent=("sms", "email"), basis="signed form 12")
    states = ours.all(
        "SELECT c.external_id, s.channel, s.state FROM live.consent_states s "
        "JOIN live.contacts c ON c.id = s.contact_id ORDER BY 1, 2"
    )
    assert states == [
        ("1", "email", "granted"), ("1", "sms", "withdrawn"),
        ("2", "email", "granted"), ("2", "sms", "granted"),
        ("3", "email", "granted"), ("3", "sms", "granted"),
    ]  # fmt: skip
    assert row.updated == 2
    entry = ours.all("SELECT DISTINCT basis, source FROM live.consent_entries WHERE state = 'granted'")
    assert entry == [("signed form 12", "import people.csv")]


def test_a_column_says_who_agreed(ours: Bank) -> None:
    rows = "id,agreed\n1,yes\n2,no\n3,\n4,כן\n5,perhaps\n"
    mapping = {"id": "external_id", "agreed": "consent"}
    with pytest.raises(Invalid, match="Choose the channels"):
        ours.load(rows, mapping=mapping)
    done = ours.load(rows, mapping=mapping, consent=("sms",), basis="form")
    assert (done.created, done.failed) == (4, 1)
    granted = ours.all(
        "SELECT c.external_id, s.channel, s.state FROM consent_states AS s JOIN contacts AS c ON c.id = s.contact_id ORDER BY 1"
    )
    assert granted == [("1", "sms", "granted"), ("4", "sms", "granted")]


def test_tags_add_up(ours: Bank) -> None:
    ours.load("client_id,tags\n1,vip;staff\n")
    ours.load("client_id,tags\n1,late\n", tags=("spring",))
    assert ours.one("SELECT tags FROM live.contacts") == ["vip", "staff", "spring", "late"]


def test_one_row_upward_and_one_in_the_trail(ours: Bank) -> None:
    row = ours.load(ONE)
    assert ours.all("SELECT kind, subject_id FROM live.outbox_events") == [("contacts.changed", row.id)]
    actions = [
        a for (a,) in ours.all("SELECT action FROM live.audit_entries WHERE subject_kind = 'import' ORDER BY seq")
    ]
    assert actions == ["import.uploaded", "import.started", "import.completed"]


def test_demonstration_people_need_a_number(ours: Bank) -> None:
    row = ours.load("client_id\n1\nabc\n8000000\n10\n", demonstration=True)
    assert numbers(row) == (4, 2, 0, 0, 2)
    with ours.unit() as session:
        person = profile.person_of(session, identifiers.resolve(session, "external_id", "1"))
        assert (person.phones, person.emails) == (("+972522000001",), ("client1@mail.example",))


def test_demonstration_people_are_not_made_in_production(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "may_demonstrate", lambda _session: False)
    with pytest.raises(Invalid):
        ours.upload("client_id\n1\n", demonstration=True)


def test_an_import_starts_once_and_stops_when_told(ours: Bank) -> None:
    import_id = ours.upload(ONE)
    with ours.unit() as session, pytest.raises(Conflict):
        imports.start(session, import_id, ImportOptions(mapping={"client_id": "external_id"}), by=ours.by)
    with ours.unit() as session:
        imports.cancel(session, import_id, by=ours.by)
    loading.run(ours.unit, import_id)
    assert (ours.row(import_id).state, ours.one("SELECT count(*) FROM live.contacts")) == ("cancelled", 0)
    with ours.unit() as session, pytest.raises(Conflict):
        imports.cancel(session, import_id, by=ours.by)


def test_a_cancelled_import_stops_at_the_next_block(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BLOCK", 2)
    import_id = ours.upload("client_id\n" + "".join(f"{n}\n" for n in range(1, 8)))
    keep, calls = loading._Loader._keep, []

    def kept(loader: loading._Loader, laid: loading._Laid, written: Future[None]) -> None:
        keep(loader, laid, written)
        calls.append(1)

    find = loading._find

    def found(session: object, block: object) -> object:
        if calls == [1]:
            calls.append(2)  # once
            with ours.unit() as other:
                imports.cancel(other, import_id, by=ours.by)
        return find(session, block)  # type: ignore[arg-type]

    monkeypatch.setattr(loading._Loader, "_keep", kept)
    monkeypatch.setattr(loading, "_find", found)
    loading.run(ours.unit, import_id)
    row = ours.row(import_id)
    assert (row.state, row.created, ours.one("SELECT count(*) FROM live.contacts")) == ("cancelled", 2, 2)


def test_a_file_that_is_gone_fails_with_its_reason(ours: Bank) -> None:
    import_id = ours.upload(ONE)
    with ours.unit() as session:
        session.execute(text("UPDATE imports SET file = repeat('0', 64)"))
    loading.run(ours.unit, import_id)
    row = ours.row(import_id)
    assert (row.state, row.failure) == ("failed", "The uploaded file is not there any more.")


def test_without_the_permission_nothing_is_uploaded(ours: Bank) -> None:
    viewer = Actor(ours.by.organisation_id, kind="user", permissions=frozenset({"imports:read"}))
    with ours.unit() as session, pytest.raises(Forbidden):
        imports.upload(session, "x.csv", io.BytesIO(ONE.encode()), by=viewer)
