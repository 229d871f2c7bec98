"""Long work that was asked for, imports and reports in one list, and how far it is."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Conflict, NotFound, mark
from app.core.page import Ask, Page, fetch
from app.domain.reports import runs
from app.domain.reports.models import ReportRun
from app.domain.transfer import imports
from app.domain.transfer.models import Import

Work = Import | ReportRun
KINDS: dict[str, type[Import] | type[ReportRun]] = {"import": Import, "report": ReportRun}
_PERMISSION = {"import": "imports:read", "report": "reports:read"}


def kind_of(work: Work) -> str:
    """The word for this kind of work."""
    return "import" if isinstance(work, Import) else "report"


def listed(session: Session, ask: Ask, *, by: Actor, kind: str = "") -> Page[Work]:
    """A page of work, the newest first; only of the kinds the actor may see."""
    seen = [name for name in KINDS if by.may(_PERMISSION[name]) and kind in ("", name)]
    if not seen:
        return Page([])
    both = union_all(*[select(KINDS[name].id, literal(name).label("kind")) for name in seen]).subquery()
    page = fetch(session, select(both.c.id), [both.c.id], ask, descending=True)
    return Page(_in_order(session, page.items), page.next, page.prev, page.total, page.per_page)


def get(session: Session, work_id: UUID, *, by: Actor) -> Work:
    """One import or report. Raises NotFound, Forbidden."""
    if session.get(Import, work_id):
        return imports.get(session, work_id, by=by)
    if session.get(ReportRun, work_id):
        return runs.get(session, work_id, by=by)
    raise NotFound(mark("There is no such job."))


def cancel(session: Session, work_id: UUID, *, by: Actor) -> Work:
    """Stop an import. Raises NotFound, Forbidden, Conflict (it is over, or a report: they take seconds)."""
    if isinstance(get(session, work_id, by=by), ReportRun):
        raise Conflict(mark("A report cannot be stopped; it is ready in a moment."))
    return imports.cancel(session, work_id, by=by)


def _in_order(session: Session, ids: Sequence[UUID]) -> list[Work]:
    files = session.execute(select(Import).where(Import.id.in_(ids))).scalars()
    reports = session.execute(select(ReportRun).where(ReportRun.id.in_(ids))).scalars()
    found: dict[UUID, Work] = {row.id: row for row in (*files, *reports)}
    return [found[i] for i in ids if i in found]
