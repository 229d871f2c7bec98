"""Long work that was asked for – imports, reports, balances, months – in one list, and how far it is."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, literal, select, union_all
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import Conflict, NotFound, mark
from app.core.page import Ask, Page, fetch
from app.domain.bank.models import BalanceCheck, QualificationRun
from app.domain.reports import catalogue, runs
from app.domain.reports.models import ReportRun
from app.domain.transfer import imports
from app.domain.transfer.models import Import

Work = Import | ReportRun | BalanceCheck | QualificationRun
KINDS: dict[str, type[Import] | type[ReportRun] | type[BalanceCheck] | type[QualificationRun]] = {
    "import": Import,
    "report": ReportRun,
    "balances": BalanceCheck,
    "run": QualificationRun,
}
_PERMISSION = {"import": "imports:read", "report": "reports:read", "balances": "bank:read", "run": "bank:read"}


def kind_of(work: Work) -> str:
    """The word for this kind of work."""
    return next(kind for kind, model in KINDS.items() if isinstance(work, model))


def listed(session: Session, ask: Ask, *, by: Actor, kind: str = "") -> Page[Work]:
    """A page of work, the newest first; only of the kinds the actor may see."""
    seen = [name for name in KINDS if by.may(_PERMISSION[name]) and kind in ("", name)]
    if not seen:
        return Page([])
    both = union_all(*[_of(name, by) for name in seen]).subquery()
    page = fetch(session, select(both.c.id), [both.c.id], ask, descending=True)
    return Page(_in_order(session, page.items), page.next, page.prev, page.total, page.per_page)


def _of(name: str, by: Actor) -> Select[UUID, str]:
    query = select(KINDS[name].id, literal(name).label("kind"))
    return query.where(ReportRun.name.in_(catalogue.readable(by))) if name == "report" else query


def get(session: Session, work_id: UUID, *, by: Actor) -> Work:
    """One import or report. Raises NotFound, Forbidden."""
    if session.get(Import, work_id):
        return imports.get(session, work_id, by=by)
    if session.get(ReportRun, work_id):
        return runs.get(session, work_id, by=by)
    for kind, model in (("balances", BalanceCheck), ("run", QualificationRun)):
        if found := session.get(model, work_id):
            require(by, _PERMISSION[kind])
            assert isinstance(found, BalanceCheck | QualificationRun)
            return found
    raise NotFound(mark("There is no such job."))


def cancel(session: Session, work_id: UUID, *, by: Actor) -> Work:
    """Stop an import. Raises NotFound, Forbidden, Conflict (it is over, or a report: they take seconds)."""
    if not isinstance(get(session, work_id, by=by), Import):
        raise Conflict(mark("Only an import can be stopped; the others are ready in a moment."))
    return imports.cancel(session, work_id, by=by)


def _in_order(session: Session, ids: Sequence[UUID]) -> list[Work]:
    found: dict[UUID, Work] = {}
    for model in KINDS.values():
        rows: Any = session.execute(select(model).where(model.id.in_(ids))).scalars()
        found |= {row.id: row for row in rows}
    return [found[i] for i in ids if i in found]
