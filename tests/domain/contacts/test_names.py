"""Names as tokens: kept by everybody who writes a person, and found by how they begin."""

import ast
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.db import live
from app.core.page import Ask
from app.core.unit import act_as, actor_of
from app.domain.access import users
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.contacts import changing, names, profile, search, unread
from app.domain.contacts.models import Contact, ContactName, UnreadNames
from app.domain.contacts.person import NOBODY, person_of, seal_into
from app.domain.contacts.profile import ContactInput
from app.domain.contacts.search import Filter
from tests.factories import people

APP = Path(__file__).parents[3] / "app"


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


def called(session: Session, by: Actor, first: str | None, last: str | None = None) -> Contact:
    new = ContactInput(email=f"{uuid4().hex}@mail.example", first_name=first, last_name=last)
    return profile.create(session, new, by=by)


def rename(session: Session, by: Actor, contact: Contact, **changed: Any) -> Contact:
    return profile.update(session, contact.id, profile.input_of(session, contact).model_copy(update=changed), by=by)


def kept(session: Session, contact_id: UUID) -> tuple[Any, ...] | None:
    """The tokens that are there, those of beginnings in their order."""
    row = session.get(ContactName, contact_id, populate_existing=True)
    return (row.first_name, row.last_name, sorted(row.beginnings)) if row else None


def due(session: Session, contact: Contact) -> tuple[Any, ...]:
    """The tokens that have to be there, by the person who is opened."""
    person = person_of(session, contact)
    found = names.tokens(vault_of(session), person.first_name, person.last_name)
    return found.first_name, found.last_name, sorted(found.beginnings)


def as_new(session: Session, by: Actor) -> Contact:
    return called(session, by, "Dana", "Levi-Cohen")


def renamed(session: Session, by: Actor) -> Contact:
    return rename(session, by, as_new(session, by), first_name="Dina")


def without_a_name(session: Session, by: Actor) -> Contact:
    return rename(session, by, as_new(session, by), first_name=None, last_name=None)


def moved(session: Session, by: Actor) -> Contact:
    contact = as_new(session, by)
    changing.set_fields(session, [contact.id], {"city": "Haifa"}, source=("test", contact.id))
    return contact


def deleted_and_back(session: Session, by: Actor) -> Contact:
    contact = as_new(session, by)
    profile.delete(session, contact.id, by=by)
    return profile.restore(session, contact.id, by=by)


def erased(session: Session, by: Actor) -> Contact:
    contact = as_new(session, by)
    seal_into(session, contact, NOBODY)
    return contact


def by_the_set(session: Session, by: Actor) -> Contact:
    contact = as_new(session, by)
    forget(session, contact.id)
    assert unread.read_some(session)
    return contact


WRITERS: list[Callable[[Session, Actor], Contact]] = [
    as_new, renamed, without_a_name, moved, deleted_and_back, erased, by_the_set,
]  # fmt: skip


@pytest.mark.parametrize("writer", WRITERS)
def test_whoever_writes_a_person_keeps_his_names(
    session: Session, by: Actor, writer: Callable[[Session, Actor], Contact]
) -> None:
    contact = writer(session, by)
    assert kept(session, contact.id) == due(session, contact)
    assert (kept(session, contact.id) == (None, None, [])) is (writer in (without_a_name, erased))


# Who puts a person into the database, and where it is seen that his names go with him.
SEALED_BY = {
    "domain/contacts/person.py": "seal_into, above",
    "domain/contacts/profile.py": "create seals nobody first, then by seal_into, above",
    "domain/transfer/blocks.py": "imports, tests/domain/transfer/test_names.py",
}
WRITTEN_BY = {
    "domain/transfer/queries.sql": "by what blocks.py has sealed",
    "domain/privacy/queries.sql": "erasure, tests/domain/privacy/test_erasure.py",
}
_WRITES = re.compile(r"(?:INSERT INTO|UPDATE) contacts\b[^;]*?\bperson\b")


def writes_a_person(node: ast.AST) -> bool:
    """Sealing one, setting the column of a contact, or changing it by the set."""
    if isinstance(node, ast.Call):
        by_the_set = isinstance(node.func, ast.Attribute) and node.func.attr == "values"
        return by_the_set and any(keyword.arg == "person" for keyword in node.keywords)
    if not isinstance(node, ast.Attribute):
        return False
    is_set = node.attr in ("key", "person") and isinstance(node.ctx, ast.Store)
    return node.attr == "seal_person" or (is_set and ast.unparse(node.value).endswith("contact"))


def test_nobody_else_writes_a_person() -> None:
    sources = {str(path.relative_to(APP)): ast.parse(path.read_text(encoding="utf-8")) for path in APP.rglob("*.py")}
    assert {path for path, source in sources.items() if any(map(writes_a_person, ast.walk(source)))} == set(SEALED_BY)
    written = {str(path.relative_to(APP)) for path in APP.rglob("*.sql") if _WRITES.search(path.read_text())}
    assert written == set(WRITTEN_BY)


@pytest.mark.parametrize(
    "source",
    ["vault.seal_person(i, {})", "contact.person = b''", "a_contact.key = b''", "update(Contact).values(person=b'')"],
)
def test_what_counts_as_writing_a_person(source: str) -> None:
    assert any(map(writes_a_person, ast.walk(ast.parse(source))))


# ---- Found by how they begin


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("dana", ["Dana Levi", "Dana Cohen"]),
        ("DAN", ["Dan Peretz", "Dana Levi", "Dana Cohen"]),
        ("dana lev", ["Dana Levi"]),
        ("levi  dana", ["Dana Levi"]),
        ("lev", ["Dana Levi"]),
        ("ana", []),
        ("dana x", []),
        ("maria", ["Anna-Maria O'Hara"]),
        ("anna mar", ["Anna-Maria O'Hara"]),
        ("ohara", ["Anna-Maria O'Hara"]),
        ("o'h", ["Anna-Maria O'Hara"]),
        ("של", ["שלומית לוי"]),
        ("שלום", ["שלומית לוי"]),  # whoever types a whole word types its final letter
        ("לוי שלו", ["שלומית לוי"]),
        ("שְׁלוֹמִית", ["שלומית לוי"]),
        ("'", []),
        ("%", []),
    ],
)
def test_a_search_finds_names_by_their_beginning(session: Session, by: Actor, said: str, who: list[str]) -> None:
    for first, last in (
        ("Dana", "Cohen"), ("Dana", "Levi"), ("Dan", "Peretz"), ("Anna-Maria", "O'Hara"), ("שלומית", "לוי"),
    ):  # fmt: skip
        called(session, by, first, last)
    page = search.listed(session, Filter(q=said), Ask(), by=by)
    found = [person_of(session, contact).name for contact in page.items]
    assert found == who
    assert search.count(session, Filter(q=said), by=by) == len(who)


def test_pages_of_a_search_by_name_go_on_after_the_last_seen(session: Session, by: Actor) -> None:
    ids = people.contacts(session, 5)[::-1]
    first = search.listed(session, Filter(q="dana"), Ask(per_page=3), by=by)
    rest = search.listed(session, Filter(q="dana"), Ask(first.next, 3), by=by)
    assert [one.id for one in (*first.items, *rest.items)] == ids


def test_another_organisation_has_other_tokens_and_is_not_found(session: Session, by: Actor) -> None:
    mine = vault_of(session).token("first_name", "dana")
    called(session, by, "Dana")
    other = users.create_organisation(session, users.NewOrganisation(name="Another bank"))
    act_as(session, system(other.id))
    assert vault_of(session).token("first_name", "dana") != mine
    assert search.listed(session, Filter(q="dana"), Ask(), by=system(other.id)).items == []


def test_a_search_by_name_goes_by_the_index(session: Session, by: Actor) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))  # a table of tests is read whole sooner
    asked: list[str] = []
    execute = session.execute

    def note(statement: Any, *rest: Any, **more: Any) -> Any:
        compiled = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
        asked.extend(execute(text(f"EXPLAIN {str(compiled).replace(':', chr(92) + ':')}")).scalars())
        return execute(statement, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "execute", note)
        search.listed(session, Filter(q="dana levi"), Ask(), by=by)
    assert "Bitmap Index Scan on ix_contact_names_beginnings" in "\n".join(asked)
    assert "Seq Scan" not in "\n".join(asked)


# ---- Read afterwards


def forget(session: Session, *contact_ids: UUID, later: timedelta = timedelta()) -> None:
    """As an import leaves them."""
    session.execute(delete(ContactName).where(ContactName.contact_id.in_(contact_ids)))
    session.execute(
        insert(UnreadNames).values(
            organisation_id=actor_of(session).organisation_id,
            contact_ids=list(contact_ids),
            due_at=clock.now() + later,
        )
    )
    session.expire_all()


def test_names_are_read_part_by_part_and_told_of_with_the_last(
    session: Session, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [people.contacts(session, 3, start=3 * n) for n in range(3)]
    for part in parts:
        forget(session, *part)
    heard: list[tuple[str, ...]] = []
    monkeypatch.setattr(unread, "publish", lambda _session, said: heard.append(said.fields))
    steps = iter([False, False, True])
    unread.read_all(lambda: nullcontext(session), stopping=lambda: next(steps))
    assert ([kept(session, part[0]) is not None for part in parts], heard) == ([True, True, False], [])
    unread.read_all(lambda: nullcontext(session))
    assert heard == [names.FIELDS]
    assert not unread.are_waiting(session)
    for contact in session.execute(select(Contact)).scalars():
        assert kept(session, contact.id) == due(session, contact)


def test_what_an_import_left_waits_for_its_end_and_not_for_ever(session: Session, by: Actor) -> None:
    [one] = people.contacts(session, 1)
    forget(session, one, later=unread.PATIENCE)
    assert not unread.are_waiting(session)
    assert not unread.read_some(session)
    with clock.at(clock.now() + unread.PATIENCE):
        assert unread.are_waiting(session)
    unread.read_soon(session)
    assert unread.are_waiting(session)
    assert unread.read_some(session)
    assert kept(session, one) is not None


def test_whoever_was_changed_or_is_gone_meanwhile_keeps_what_he_has(session: Session, by: Actor) -> None:
    changed, gone = as_new(session, by), as_new(session, by)
    forget(session, changed.id, gone.id)
    rename(session, by, changed, first_name="Dina")
    seal_into(session, gone, NOBODY)
    assert unread.read_some(session)
    assert kept(session, changed.id) == due(session, changed)
    assert kept(session, gone.id) == (None, None, [])


def test_the_tokens_go_with_the_contact(session: Session, by: Actor) -> None:
    contact = as_new(session, by)
    session.execute(delete(Contact).where(Contact.id == contact.id))
    assert session.execute(select(live(ContactName))).all() == []
