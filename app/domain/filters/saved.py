"""Filters that are kept: saved, shared, renamed, deleted by whoever saved them, and opened with by whom they suit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock, nouns, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, mark
from app.core.nouns import Filtered, Noun
from app.domain.audit import trail
from app.domain.filters.models import OpensWith, SavedFilter

SUBJECT = "saved_filter"
USE = "filters:use"
MOST = 50  # of one person and list
MISSING = mark("There is no such filter.")
COLLEAGUES = mark("It is a colleague's filter. Save one of your own.")


class FilterChange(BaseModel):
    """What it is called, whether colleagues see it, and whether the list opens with it for whoever asks."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=60)
    is_shared: bool = False
    is_default: bool = False


class FilterInput(FilterChange):
    """A filter of a list: the names and values that stand in its address."""

    of_list: str
    narrows: dict[str, str]


@dataclass(frozen=True)
class Shown:
    """A filter as somebody sees it."""

    row: SavedFilter
    is_default: bool
    is_own: bool

    @property
    def is_usable(self) -> bool:
        """False if the list is no longer narrowed by what was kept: opened, it would show everybody."""
        return narrowing(self.row.of_list, self.row.narrows) == self.row.narrows


def narrowing(of_list: str, given: Mapping[str, str]) -> dict[str, str]:
    """Of an address's query what may be kept: never what people were searched by. Raises NotFound."""
    known = _list(of_list).values
    return {name: given[name] for name in known if given.get(name) in known[name]}


def listed(session: Session, of_list: str, *, by: Actor) -> list[Shown]:
    """One's own filters of a list and those that are shared, by name. Raises NotFound, Forbidden."""
    require(by, USE)
    require(by, _list(of_list).permission)
    opens = select(OpensWith.filter_id).where(OpensWith.user_id == by.id, OpensWith.of_list == of_list)
    default = session.execute(opens).scalar_one_or_none()
    seen = SavedFilter.is_shared | (SavedFilter.created_by == by.id)
    query = select(SavedFilter).where(SavedFilter.of_list == of_list, seen)
    found = session.execute(query.order_by(func.lower(SavedFilter.name), SavedFilter.id)).scalars()
    return [Shown(row, row.id == default, row.created_by == by.id) for row in found]


def save(session: Session, new: FilterInput, *, by: Actor) -> Shown:
    """Keep a filter.

    Raises NotFound (no such list), Invalid (nothing is narrowed, the name is taken), Conflict (too many), Forbidden.
    """
    require(by, USE)
    require(by, _list(new.of_list).permission)
    if by.id is None:
        raise Forbidden(mark("A filter is somebody's."))
    if not new.narrows or narrowing(new.of_list, new.narrows) != new.narrows:
        raise Invalid.field("narrows", mark("Choose something the list can be narrowed to."))
    _check_name(session, new.of_list, new.name, by.id)
    own = select(func.count()).where(SavedFilter.created_by == by.id, SavedFilter.of_list == new.of_list)
    if session.execute(own).scalar_one() >= MOST:
        raise Conflict(mark("These are too many filters. Delete some first."))
    row = SavedFilter(
        organisation_id=by.organisation_id, of_list=new.of_list, name=new.name, narrows=new.narrows,
        is_shared=new.is_shared, created_by=by.id, created_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    trail.record(session, by, "saved_filter.saved", (SUBJECT, row.id), after=_plain(row))
    _open_with(session, row, is_default=new.is_default, by=by)
    return Shown(row, new.is_default, is_own=True)


def change(session: Session, filter_id: UUID, new: FilterChange, *, by: Actor) -> Shown:
    """Rename it, share it or keep it to oneself, open the list with it; of a colleague's only the last.

    Raises NotFound, Invalid (the name is taken), Forbidden (it is a colleague's).
    """
    require(by, USE)
    row = _seen(session, filter_id, by)
    before = _plain(row)
    if (new.name, new.is_shared) != (row.name, row.is_shared):
        if row.created_by != by.id:
            raise Forbidden(COLLEAGUES)
        _check_name(session, row.of_list, new.name, row.created_by, row.id)
        row.name, row.is_shared = new.name, new.is_shared
        if not row.is_shared:
            others = OpensWith.filter_id == row.id, OpensWith.user_id != by.id
            session.execute(delete_rows(OpensWith).where(*others))
        trail.record(session, by, "saved_filter.changed", (SUBJECT, row.id), before=before, after=_plain(row))
    _open_with(session, row, is_default=new.is_default, by=by)
    session.flush()
    return Shown(row, new.is_default, row.created_by == by.id)


def delete(session: Session, filter_id: UUID, *, by: Actor) -> None:
    """Forget it, for everybody; a shared one also by whoever keeps the users, because authors leave.

    Raises NotFound, Forbidden (it is a colleague's).
    """
    require(by, USE)
    row = _seen(session, filter_id, by)
    if row.created_by != by.id and not by.may("users:write"):
        raise Forbidden(COLLEAGUES)
    trail.record(session, by, "saved_filter.deleted", (SUBJECT, row.id), before=_plain(row))
    session.delete(row)
    session.flush()


def one(session: Session, filter_id: UUID, *, by: Actor) -> Shown:
    """One filter. Raises NotFound, Forbidden."""
    require(by, USE)
    row = _seen(session, filter_id, by)
    return next(shown for shown in listed(session, row.of_list, by=by) if shown.row.id == row.id)


def _seen(session: Session, filter_id: UUID, by: Actor) -> SavedFilter:
    """Any of one's own; a colleague's if it is shared. Raises NotFound, Forbidden."""
    seen = SavedFilter.is_shared | (SavedFilter.created_by == by.id)
    row = rows.one_for_update(session, SavedFilter, filter_id, MISSING, seen)
    require(by, _list(row.of_list).permission)
    return row


def _check_name(session: Session, of_list: str, name: str, author: UUID, own: UUID | None = None) -> None:
    same = (
        SavedFilter.of_list == of_list,
        SavedFilter.created_by == author,
        func.lower(SavedFilter.name) == name.lower(),
    )
    if session.execute(select(SavedFilter.id).where(*same, SavedFilter.id != own)).first():
        raise Invalid.field("name", mark("There is a filter of this name already."))


def _open_with(session: Session, row: SavedFilter, *, is_default: bool, by: Actor) -> None:
    key = {"user_id": by.id, "of_list": row.of_list}
    if is_default:
        made = insert(OpensWith).values(organisation_id=by.organisation_id, filter_id=row.id, **key)
        session.execute(made.on_conflict_do_update(index_elements=list(key), set_={"filter_id": row.id}))
    else:
        mine = OpensWith.user_id == by.id, OpensWith.filter_id == row.id
        session.execute(delete_rows(OpensWith).where(*mine))


def _list(of_list: str) -> Filtered:
    try:
        return nouns.named(_lists)[of_list]
    except KeyError:
        raise NotFound(mark("There is no such list.")) from None


def _lists(noun: Noun) -> Mapping[str, Filtered]:
    return noun.lists


def _plain(row: SavedFilter) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("of_list", "name", "narrows", "is_shared")}
