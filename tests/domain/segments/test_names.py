"""Segments that ask for names: exact, at once when a name changes, and never about somebody whose names are not known yet."""

from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Forbidden
from app.domain.contacts import profile, unread
from app.domain.contacts.models import ContactName
from app.domain.contacts.profile import ContactInput
from app.domain.segments import encryption, explain, fields, library, membership, saying, words
from tests.domain.contacts.test_names import forget
from tests.domain.segments.kept import by, catch_up, change, field, inside, inside_of, made, matching, moves
from tests.factories import people

__all__ = ["by"]

DANA = field("first_name", "eq", "dana")


def called(session: Session, by: Actor, first: str | None, last: str | None = None) -> Any:
    new = ContactInput(external_id=f"{first} {last}", first_name=first, last_name=last, city="Haifa")
    return profile.create(session, new, by=by).id


def test_a_name_is_compared_whole_and_by_its_beginning(session: Session, by: Actor) -> None:
    dana, dan = called(session, by, "Dana", "Levi"), called(session, by, "Dan", "Dana")
    nobody = called(session, by, None)
    asked: dict[str, tuple[dict[str, Any], set[Any]]] = {
        "is": (DANA, {dana}),
        "is not": (field("first_name", "neq", "DANA"), {dan, nobody}),
        "one of": (field("first_name", "in", ["dan", "dana"]), {dan, dana}),
        "none of": (field("first_name", "not_in", ["dan", "dana"]), {nobody}),
        "starts": (field("first_name", "starts_with", "da"), {dan, dana}),
        "last": (field("last_name", "starts_with", "da"), {dan}),
        "known": (field("last_name", "is_set"), {dan, dana}),
        "unknown": (field("last_name", "is_not_set"), {nobody}),
        "not": ({"not": DANA}, {dan, nobody}),
    }
    for name, (where, expected) in asked.items():
        assert matching(session, made(session, by, name, where)) == expected, name


def test_an_edit_of_a_name_moves_a_contact_at_once(session: Session, by: Actor) -> None:
    one, segment = called(session, by, "Dana"), made(session, by, "Danas", DANA)
    haifa = made(session, by, "Haifa", field("city", "eq", "Haifa"))
    catch_up(session)
    assert (segment.reads, inside(session, segment)) == (["field:first_name"], {one})
    contact = profile.one_for_update(session, one)
    profile.update(session, one, profile.input_of(session, contact).model_copy(update={"first_name": "Dina"}), by=by)
    catch_up(session)
    assert (inside(session, segment), inside(session, haifa)) == (set(), {one})
    assert moves(session, segment)[-1] == (one, False, "data", 1)


def test_whoever_was_not_read_yet_is_in_nothing_that_asks_for_names(session: Session, by: Actor) -> None:
    dana, dan = called(session, by, "Dana"), called(session, by, "Dan")
    danas = made(session, by, "Danas", DANA)
    others = {
        "neq": field("first_name", "neq", "dana"),
        "no last name": field("last_name", "is_not_set"),
        "not": {"not": DANA},
        "not of a group": {"not": {"any": [DANA, field("city", "eq", "Eilat")]}},
        "twice not": {"not": {"all": [{"not": field("first_name", "eq", "dan")}]}},
        "not of a segment": {"not": inside_of(danas)},
        "without a segment": inside_of(danas, "not_in"),
    }
    segments = {name: made(session, by, name, where) for name, where in others.items()}
    city = made(session, by, "city", {"not": field("city", "eq", "Eilat")})
    for name, segment in segments.items():
        assert dan in matching(session, segment), name
    session.execute(delete(ContactName).where(ContactName.contact_id.in_([dana, dan])))
    for name, segment in segments.items():
        assert matching(session, segment) == set(), name
    assert matching(session, city) == {dana, dan}
    left_out = membership.audience(session, [city.id], [danas.id])
    assert session.execute(left_out).all() == [], "nor is he written to who might have to be left out"


def test_when_the_names_of_an_import_are_read_those_segments_are_gone_through(session: Session, by: Actor) -> None:
    segment = made(session, by, "Danas", field("first_name", "starts_with", "Dana"))
    haifa = made(session, by, "Haifa", field("city", "eq", "Haifa"))
    catch_up(session)
    ids = people.contacts(session, 3)
    forget(session, *ids)
    catch_up(session)
    assert inside(session, segment) == set()
    counted = haifa.refreshed_at
    assert unread.read_some(session)
    catch_up(session)
    assert inside(session, segment) == set(ids)
    assert moves(session, segment)[-1][2] == "import"
    assert haifa.refreshed_at == counted, "who asks for no names is left alone"


def test_a_name_in_a_condition_is_sealed_and_masked(session: Session, by: Actor) -> None:
    one = called(session, by, "Dana", "Levi")
    segment = made(session, by, "Danas", {"all": [DANA, field("last_name", "in", ["Levi", "לוי"])]})
    assert "dana" not in str(segment.definition)
    assert "Levi" not in str(segment.definition)
    shown = encryption.masked(library.definition_of(session, segment))["where"]["all"]
    assert [part["value"] for part in shown] == ["d•••", ["L•••", "ל•••"]]
    said = words.sentence(library.definition_of(session, segment), saying.Names(fields.catalogue(session)))
    assert saying.spoken(said, str) == "Everybody for whom First name is “d•••” and Last name is one of “L•••”, “ל•••”."
    viewer = people.staff(session, "viewer")
    with pytest.raises(Forbidden):
        library.revealed(session, segment, by=viewer)
    why = explain.explain(session, segment, one, by=by)
    assert [(verdict.holds, verdict.value) for verdict in why.verdicts] == [(True, "D•••"), (True, "L•••")]
    change(session, by, segment, DANA)
    assert matching(session, segment) == {one}
