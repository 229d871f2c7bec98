"""Putting people into a flow by hand: who is meant, what would happen to them, doing it."""

import re
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import Length

from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.contacts import profile
from app.domain.flows import by_hand, drafts
from app.domain.flows.by_hand import Look, Wanted
from app.domain.messages import masked_recipients
from app.domain.segments import library as segments
from app.http import inputs
from app.http.auth import allow
from app.web.flows import drawn
from app.web.flows.blueprint import bp
from app.web.render import leave_for

# What would happen to people who are meant, in the order in which it is told.
VERDICTS = {
    "enters": mark("Would enter"),
    "control": mark("Would enter the control group, which is sent nothing"),
    "inside": mark("Would not: are on the way in it now"),
    "again": mark("Would not: were in it before, and its rule does not let them in again"),
    "gone": mark("Would not: are deleted or erased"),
}
NAMED = 20  # people of each verdict
_BETWEEN = re.compile(r"[\n,;]+")


class PutForm(FlaskForm):  # type: ignore[misc]
    """Who is meant."""

    people = TextAreaField(
        _l("Who"),
        [Length(max=200_000)],
        description=_l("Customer numbers, ids, e-mails or phones; one a line, or with commas between. At most 1,000."),
    )
    segment = SelectField(
        _l("and everybody of the segment"), description=_l("Whoever is in it now."), validate_choice=False
    )
    key = StringField(
        _l("What they enter for"),
        [Length(max=200)],
        description=_l(
            "Left empty: for themselves. With the number of a loan, for example, one may enter once a loan."
        ),
    )


@bp.get("/put-in")
@allow("flows:start")
def choose_flow() -> ResponseReturnValue:
    """Into which flow a contact is to be put; `?who=` is his id."""
    found = by_hand.offered(db.session(), by=g.actor)
    return render_template("flows/choose.html", found=found, who=request.args.get("who", ""))


@bp.get("/<uuid:flow_id>/put-in")
@allow("flows:start")
def put_in(flow_id: UUID) -> ResponseReturnValue:
    """The form; `?who=` is the id of a contact who is meant."""
    contacts = [profile.get(db.session(), one, by=g.actor) for one in inputs.uuids([request.args.get("who", "")])]
    data = {"people": "\n".join(one.external_id or str(one.id) for one in contacts)}
    return _page(flow_id, _form(PutForm(formdata=None, data=data)))


@bp.post("/<uuid:flow_id>/put-in/look")
@allow("flows:start")
def look_at(flow_id: UUID) -> ResponseReturnValue:
    """How many of them would enter, and why others would not."""
    form = _form(PutForm())
    try:
        if form.validate():
            found = by_hand.look(db.session(), flow_id, _wanted(form), by=g.actor)
            return _page(flow_id, form, look=found)
    except Invalid as error:
        inputs.onto(form, error)
    return _page(flow_id, form, 422)


@bp.post("/<uuid:flow_id>/put-in")
@allow("flows:start")
def put(flow_id: UUID) -> ResponseReturnValue:
    """Put in those who were looked at."""
    ids, key = inputs.uuids(request.form.getlist("contact")), request.form.get("key", "")
    number = by_hand.call(db.session(), flow_id, ids, key=key.strip()[:200], by=g.actor)
    flash(ngettext("%(num)s person entered.", "%(num)s people entered.", number), "success" if number else "warning")
    return leave_for(url_for(".inside", flow_id=flow_id))


def _form(form: PutForm) -> PutForm:
    names = sorted(segments.names(db.session(), by=g.actor).items(), key=lambda one: one[1].lower())
    form.segment.choices = [("", "–"), *((str(i), name) for i, name in names)]
    return form


def _wanted(form: PutForm) -> Wanted:
    words = [word for one in _BETWEEN.split(form.people.data or "") if (word := one.strip())]
    return inputs.read(Wanted, {"people": words, "segment": form.segment.data or None, "key": form.key.data or ""})


def _page(flow_id: UUID, form: PutForm, status: int = 200, *, look: Look | None = None) -> ResponseReturnValue:
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    judged = look.judged if look else {}
    rows = [(_(words), len(judged[one]), judged[one][:NAMED]) for one, words in VERDICTS.items() if one in judged]
    named = masked_recipients.of(db.session(), [one for _words, _number, some in rows for one in some])
    values: dict[str, Any] = {**drawn.head(flow), "form": form, "look": look, "rows": rows, "named": named}
    return make_response(render_template("flows/put_in.html", tab="people", **values), status)
