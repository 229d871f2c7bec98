"""The audit log: who did what, whether the chain is whole, and all of it as a file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from uuid import UUID

from flask import Blueprint, Response, g, make_response, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import db
from app.core.errors import Invalid
from app.documents import csv
from app.documents.table import Column, Kind, Row
from app.domain.access import users
from app.domain.audit import chain, trail
from app.domain.audit.models import AuditEntry
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import audit_labels, paging
from app.web.audit_labels import Act, Value
from app.web.render import page_or_part
from app.web.segments.shown import versions

bp = Blueprint("audit", __name__, url_prefix="/audit")
NAMED_AT_ONCE = 500  # entries of a file


@bp.get("")
@allow("audit:read")
def index() -> ResponseReturnValue:
    """The trail, newest first."""
    wrong: dict[str, str] = {}
    try:
        wanted = _wanted()
    except Invalid as error:
        wanted, wrong = trail.Filter(), {issue.field: said(issue) for issue in error.details}
    page = trail.entries(db.session(), paging.asked(), by=g.actor, wanted=wanted)
    answer = page_or_part(
        "audit/index.html",
        "audit/_entries.html",
        page=page,
        acts=_drawn(page.items),
        actions=sorted(((key, audit_labels.said(key)) for key in audit_labels.actions()), key=lambda pair: pair[1]),
        kinds=sorted(((key, audit_labels.kind(key)) for key in audit_labels.kinds()), key=lambda pair: pair[1]),
        people=users.everyone(db.session(), by=g.actor),
        wrong=wrong,
    )
    return make_response(answer, 422 if wrong else 200)


@bp.get("/verify")
@allow("audit:read")
def verify() -> ResponseReturnValue:
    """Read the whole chain and tell whether anything was changed, removed or added."""
    verdict = chain.verify(db.session(), by=g.actor)
    return page_or_part("audit/verify.html", "audit/_verdict.html", verdict=verdict, at=clock.now())


@bp.get("/export")
@allow("audit:export")
def export() -> ResponseReturnValue:
    """Everything that was asked for as a CSV file, streamed."""
    session = db.session()  # by the time it is read, the request has another one
    entries = trail.export(session, _wanted(), by=g.actor)
    response = Response(stream_with_context(csv.stream(_columns(), _rows(session, entries))), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="audit-{clock.now():%Y-%m-%d}.csv"'
    return response


def _wanted() -> trail.Filter:
    """What was asked for. Raises Invalid: a day that is none."""
    try:
        actor_id = UUID(request.args["actor"]) if request.args.get("actor") else None
    except ValueError:
        actor_id = None
    # A NUL is in no act; the file is streamed, and by then an error could not be said any more.
    subject, action = (request.args.get(name, "").replace("\0", "") for name in ("subject", "action"))
    first, before = inputs.days(request.args.get("from", ""), request.args.get("until", ""), g.organisation.timezone)
    return trail.Filter(subject_kind=subject, action=action, actor_id=actor_id, first=first, before=before)


def _columns() -> list[Column]:
    names = (_("Number"), _("Time"), _("Who"), _("Kind of actor"), _("Act"), _("Subject"), _("Id of the subject"),
             _("Name of the subject"), _("Changes"),
             _("Address"), _("Correlation id"), _("Hash"))  # fmt: skip
    return [Column(names[0], Kind.NUMBER), *(Column(name) for name in names[1:])]


def _rows(session: Session, entries: Iterable[AuditEntry]) -> Iterator[Row]:
    left = iter(entries)
    while some := list(islice(left, NAMED_AT_ONCE)):
        names = audit_labels.names_of(session, some)
        for entry in some:
            changes = audit_labels.changes(entry.before, entry.after, names)
            yield (
                entry.seq, entry.at, entry.actor_name, entry.actor_kind, entry.action, entry.subject_kind, entry.subject_id,
                names.get(entry.subject_id, ""),
                "; ".join(f"{c.name}: {_in_file(c.before)} → {_in_file(c.after)}" for c in changes), entry.ip or "",
                entry.correlation_id or "", entry.hash.hex(),
            )  # fmt: skip


def _in_file(value: Value | None) -> str:
    if value is None:
        return "–"
    return f"{value.text} ({value.ids})" if value.ids else value.text


def _drawn(entries: Sequence[AuditEntry]) -> list[Act]:
    """Entries in words; definitions of segments as sentences for whoever may read segments."""
    if not g.actor.may("segments:read"):
        return audit_labels.drawn(entries)
    names = audit_labels.names_of(db.session(), entries)
    draws = {"segment": versions}
    return [act for entry in entries for act in draws.get(entry.subject_kind, audit_labels.drawn)([entry], names)]
