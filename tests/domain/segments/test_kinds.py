"""A new kind of condition is one class: read, counted, explained and said by everybody who meets a definition."""

from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from app.core.errors import Invalid, mark
from app.domain.access.models import Organisation
from app.domain.segments import encryption, explain, fields, membership, saying, words
from app.domain.segments.check import check
from app.domain.segments.condition import Condition, Dependencies, Unfit
from app.domain.segments.context import CompileContext, Predicate, contact
from app.domain.segments.fields import Catalogue
from app.domain.segments.kinds import KINDS
from app.domain.segments.saying import Names, Said
from tests.factories import people


class EndsWith(Condition):
    """Whose customer number ends with a digit."""

    kind: Literal["digit"] = "digit"
    digit: int = Field(ge=0, le=9)
    has_value: ClassVar[bool] = True

    def checked(self, known: Catalogue) -> "EndsWith":
        if self.digit == 4:
            raise Unfit("digit", mark("There is no such field."))
        return self

    def compile(self, _around: CompileContext) -> Predicate:
        return contact.c.external_id.endswith(str(self.digit))

    def held(self, _around: CompileContext, row: RowMapping) -> Any:
        return row["external_id"]

    @property
    def needs(self) -> Dependencies:
        return Dependencies(fields=frozenset({"external_id"}))

    def words(self, _names: Names) -> Said:
        return Said("the number ends with %(digit)s", {"digit": self.digit})


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "digit", EndsWith)


@pytest.mark.usefixtures("kind")
def test_a_new_kind_is_one_class(session: Session, organisation: Organisation) -> None:
    made = people.contacts(session, 12)
    raw = {"where": {"any": [{"kind": "digit", "digit": 1}, {"not": {"kind": "digit", "digit": 2}}]}}
    definition = check(session, raw)
    assert definition.dump()["where"] == raw["where"]
    assert encryption.readable(session, encryption.sealed(session, definition)) == definition
    found = membership.numbers(session, definition)
    assert (found.matched, found.by_condition) == (11, {"where.any[0]": 2, "where.any[1].not": 1})
    first, second = explain.judge(session, definition, made[2]).verdicts
    assert (first.holds, second.holds, second.value) == (False, True, "2")
    said = words.sentence(definition, Names(fields.catalogue(session)))
    assert (
        saying.spoken(said, str)
        == "Everybody for whom the number ends with 1 or it is not true that the number ends with 2."
    )
    for digit, path in ((10, "where.digit"), (4, "where.digit"), (None, "where.digit")):
        with pytest.raises(Invalid) as refused:
            check(session, {"where": {"kind": "digit", "digit": digit}})
        assert [issue.field for issue in refused.value.details] == [path]


def test_what_is_not_registered_is_no_kind(session: Session, organisation: Organisation) -> None:
    with pytest.raises(Invalid):
        check(session, {"where": {"kind": "digit", "digit": 1}})
