"""One flow: what runs, drawn with its numbers, its versions and what changed between them, its history."""

from itertools import pairwise
from typing import Any
from uuid import UUID

from flask import g, render_template
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.access import users
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.flows import draft_state, drafts, results
from app.domain.flows.definition import parse
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.models import Flow
from app.http.auth import allow
from app.web import audit_labels, paging
from app.web.flows import changes, drawn, words
from app.web.flows.blueprint import bp
from app.web.render import page_or_part


@bp.get("/<uuid:flow_id>")
@allow("flows:read")
def show(flow_id: UUID) -> ResponseReturnValue:
    """What runs, with its numbers; of a flow that never ran, the draft."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    return page_or_part("flows/show.html", "flows/_running.html", tab="overview", **_overview(flow))


def _overview(flow: Flow) -> dict[str, Any]:
    session = db.session()
    head = drawn.head(flow)
    version = head["version"]
    chart = parse(version.definition if version else flow.definition)
    speaker = words.speaker(chart)
    newer = draft_state.newer_texts(session, version) if version else []
    approval = draft_state.approval_of(session, flow)
    whole = results.numbers(session, flow, by=g.actor) if version else None
    people = [flow.created_by, *flow.editors, *([approval.decided_by] if approval and approval.decided_by else [])]
    return {
        **head,
        **drawn.canvas(chart),
        "numbers": whole.steps.get(version.id, {}) if whole and version else {},
        "whole": whole,
        "newer": [(speaker.name_of(one.step), one.template) for one in newer],
        "is_changed": draft_state.is_changed(session, flow) if version else False,
        "is_old": draft_state.is_old(session, flow),
        "renew_by": draft_state.renew_by(session, flow) if draft_state.is_due(session, flow) else None,
        "approval": approval,
        "names": users.names(session, people),
    }


@bp.get("/<uuid:flow_id>/versions")
@allow("flows:read")
def versions(flow_id: UUID) -> ResponseReturnValue:
    """Every version that ran, with what it changed; at the top what the draft would."""
    session = db.session()
    flow = drafts.get(session, flow_id, by=g.actor)
    kept = drafts.versions(session, flow)
    charts = [parse(flow.definition), *(parse(one.definition) for one in kept)]
    steps = [changes.between(old, new) for new, old in pairwise(charts)]
    rows = [(version, steps[n + 1] if n + 1 < len(steps) else None) for n, version in enumerate(kept)]
    return render_template(
        "flows/versions.html",
        tab="versions",
        rows=rows,
        of_draft=steps[0] if kept else None,
        names=users.names(session, [one.created_by for one in kept]),
        **drawn.head(flow),
    )


@bp.get("/<uuid:flow_id>/history")
@allow("flows:read")
def history(flow_id: UUID) -> ResponseReturnValue:
    """Everything that was done with it, and every decision with its note."""
    session = db.session()
    flow = drafts.get(session, flow_id, by=g.actor)
    page = trail.entries(session, paging.asked(), by=g.actor, subject=(SUBJECT, str(flow.id)))
    notes = {str(one.id): one for one in decisions.of_subject(session, (SUBJECT, flow.id))}
    values = {**drawn.head(flow), "acts": audit_labels.drawn(page.items), "notes": notes}
    return page_or_part("flows/history.html", "flows/_history.html", tab="history", page=page, **values)
