"""Filters of lists are kept by a name: one's own or shared, with what the list opens with, and nothing a person was searched by."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.access import users
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.filters import saved
from app.domain.filters.saved import FilterChange, FilterInput
from tests.factories import people

LIST = "bank.outcomes"


@pytest.fixture
def officer(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "bank_officer")


@pytest.fixture
def colleague(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "bank_officer", "colleague")


def near(**more: object) -> FilterInput:
    values = {"name": "Nearly", "of_list": LIST, "narrows": {"outcome": "not_qualified", "which": "near"}, **more}
    return FilterInput.model_validate(values)


def names(session: Session, by: Actor) -> list[str]:
    return [one.row.name for one in saved.listed(session, LIST, by=by)]


def test_a_filter_is_ones_own_until_it_is_shared(session: Session, officer: Actor, colleague: Actor) -> None:
    row = saved.save(session, near(), by=officer).row
    assert (names(session, officer), names(session, colleague)) == (["Nearly"], [])
    with pytest.raises(NotFound):
        saved.one(session, row.id, by=colleague)
    saved.change(session, row.id, FilterChange(name="Near misses", is_shared=True), by=officer)
    assert names(session, colleague) == ["Near misses"]
    session.commit()
    acts = session.execute(select(AuditEntry.action).where(AuditEntry.subject_kind == saved.SUBJECT)).scalars().all()
    assert acts == ["saved_filter.saved", "saved_filter.changed"]


def test_a_shared_filter_is_opened_with_by_whom_it_suits_and_changed_by_its_author(
    session: Session, officer: Actor, colleague: Actor
) -> None:
    row = saved.save(session, near(is_shared=True), by=officer).row
    saved.change(session, row.id, FilterChange(name="Nearly", is_shared=True, is_default=True), by=colleague)
    assert [one.is_default for one in saved.listed(session, LIST, by=colleague)] == [True]
    assert [one.is_default for one in saved.listed(session, LIST, by=officer)] == [False]
    with pytest.raises(Forbidden):
        saved.change(session, row.id, FilterChange(name="Mine", is_shared=True), by=colleague)
    with pytest.raises(Forbidden):
        saved.delete(session, row.id, by=colleague)
    saved.change(session, row.id, FilterChange(name="Nearly"), by=officer)
    assert names(session, colleague) == []
    saved.change(session, row.id, FilterChange(name="Nearly", is_shared=True), by=officer)
    assert [one.is_default for one in saved.listed(session, LIST, by=colleague)] == [False]
    saved.delete(session, row.id, by=officer)
    assert names(session, officer) == []


def test_the_owner_of_the_organisation_removes_what_is_shared_and_changes_nothing(
    session: Session, officer: Actor
) -> None:
    owner = people.staff(session, "owner")
    row = saved.save(session, near(is_shared=True, is_default=True), by=officer).row
    for change in (FilterChange(name="Mine", is_shared=True), FilterChange(name="Nearly")):
        with pytest.raises(Forbidden):
            saved.change(session, row.id, change, by=owner)
    assert [(one.row.name, one.is_default) for one in saved.listed(session, LIST, by=officer)] == [("Nearly", True)]
    own = saved.save(session, near(name="Private"), by=officer).row
    with pytest.raises(NotFound):
        saved.delete(session, own.id, by=owner)
    saved.delete(session, row.id, by=owner)
    assert names(session, officer) == ["Private"]


def test_another_organisation_sees_nothing(session: Session, officer: Actor) -> None:
    row = saved.save(session, near(is_shared=True), by=officer).row
    users.create_organisation(session, users.NewOrganisation(name="Another Bank"))
    stranger = people.staff(session, "bank_officer")
    assert names(session, stranger) == []
    with pytest.raises(NotFound):
        saved.change(session, row.id, FilterChange(name="Nearly", is_default=True), by=stranger)
    with pytest.raises(NotFound):
        saved.delete(session, row.id, by=stranger)


def test_a_filter_the_list_no_longer_knows_is_told_from_one_it_knows(session: Session, officer: Actor) -> None:
    row = saved.save(session, near(), by=officer).row
    assert saved.one(session, row.id, by=officer).is_usable
    row.narrows = {"which": "left over"}
    session.flush()
    assert not saved.one(session, row.id, by=officer).is_usable


def test_a_list_opens_with_one_filter_only(session: Session, officer: Actor) -> None:
    saved.save(session, near(is_default=True), by=officer)
    saved.save(session, near(name="Overridden", narrows={"which": "overridden"}, is_default=True), by=officer)
    shown = {one.row.name: one.is_default for one in saved.listed(session, LIST, by=officer)}
    assert shown == {"Nearly": False, "Overridden": True}


@pytest.mark.parametrize(
    "narrows", [{}, {"outcome": "rich"}, {"external_id": "4711"}, {"which": "near", "s": "sealed"}], ids=str
)
def test_only_what_a_list_is_narrowed_by_is_kept(session: Session, officer: Actor, narrows: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        saved.save(session, near(narrows=narrows), by=officer)
    assert refused.value.details[0].field == "narrows"


def test_a_name_is_taken_once_and_there_is_an_end(
    session: Session, officer: Actor, colleague: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.save(session, near(), by=officer)
    with pytest.raises(Invalid):
        saved.save(session, near(name="nearly"), by=officer)
    saved.save(session, near(), by=colleague)
    monkeypatch.setattr(saved, "MOST", 1)
    with pytest.raises(Conflict):
        saved.save(session, near(name="Another"), by=officer)


def test_who_may_not_see_a_list_has_no_filters_of_it(session: Session, officer: Actor) -> None:
    row = saved.save(session, near(is_shared=True), by=officer).row
    viewer = people.staff(session, "viewer")
    for refused in (
        lambda: saved.listed(session, LIST, by=viewer),
        lambda: saved.save(session, near(), by=viewer),
        lambda: saved.one(session, row.id, by=viewer),
        lambda: saved.delete(session, row.id, by=viewer),
        lambda: saved.listed(session, LIST, by=replace(officer, permissions=frozenset({"bank:read"}))),
    ):
        with pytest.raises(Forbidden):
            refused()
    with pytest.raises(NotFound):
        saved.listed(session, "bank.nothing", by=officer)
