"""The builder page: every change posts the whole form; the server answers the builder, and beside it count and sample."""

from typing import Any
from uuid import UUID

from flask import g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.core.db import db
from app.core.errors import Conflict, Invalid, Stale, Unavailable
from app.domain.segments import library, membership, overlap, suggestions
from app.domain.segments.definition import MOST_DEEP, everybody
from app.domain.segments.kinds.event import OF_PROPERTY
from app.domain.segments.library import SegmentInput
from app.domain.segments.membership import Numbers
from app.domain.segments.models import Segment
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web.conflicts import Difference, between, conflicting
from app.web.render import is_part_wanted, leave_for, parts
from app.web.segments import builder, conditions, shown, tree, typed
from app.web.segments.blueprint import bp
from app.web.segments.builder import Builder, Judged
from app.web.segments.rows import bank, event, filters, sequence


class SegmentForm(FlaskForm):  # type: ignore[misc]
    """What a segment has beside its conditions."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    description = TextAreaField(_l("What it is for"), [Length(max=2000)])
    version = HiddenField()


@bp.get("/new")
@allow("segments:write")
def create() -> ResponseReturnValue:
    """An empty builder, a copy of a segment (`?like=`), or what others are made into (`?all=`, `?any=` and `?none=`)."""
    like = request.args.get("like", type=UUID)
    if like is None:
        every, either, without = (request.args.getlist(name, type=UUID) for name in ("all", "any", "none"))
        begun = overlap.made_of(every, either, without) if every or either or without else everybody()
        return _page(SegmentForm(formdata=None), builder.of_definition(begun, shown.catalogue()))
    segment = library.get(db.session(), like, by=g.actor)
    form = SegmentForm(
        formdata=None, name=_("%(name)s (copy)", name=segment.name)[:120], description=segment.description
    )
    return _page(form, _of_segment(segment))


@bp.get("/<uuid:segment_id>/edit")
@allow("segments:write")
def edit(segment_id: UUID) -> ResponseReturnValue:
    """The builder of a segment."""
    segment = library.get(db.session(), segment_id, by=g.actor)
    form = SegmentForm(formdata=None, obj=segment, data={"version": str(segment.version)})
    return _page(form, _of_segment(segment), segment)


def _of_segment(segment: Segment) -> Builder:
    return builder.of_definition(library.revealed(db.session(), segment, by=g.actor), shown.catalogue())


@bp.post("/build")
@allow("segments:write")
def build() -> ResponseReturnValue:
    """The builder after a change or a button; without script the whole page with its numbers."""
    segment = _segment_named()
    state = builder.of_form(request.form, shown.catalogue())
    if not is_part_wanted():
        return _page(SegmentForm(), state, segment, is_counted=True)
    return parts("segments/_builder.html", **_drawn(state, _judged(state, segment)))


@bp.post("/numbers")
@allow("segments:read")
def numbers() -> ResponseReturnValue:
    """How many a tree matches, how many each of its conditions does, and a few of them."""
    state = builder.of_form(request.form, shown.catalogue())
    segment = _segment_named()
    values = _counted(_judged(state, segment))
    return render_template("segments/_numbers.html", own=segment.id if segment else None, **values | {"is_part": True})


@bp.post("/new")
@allow("segments:write")
def save_new() -> ResponseReturnValue:
    """Make the segment."""
    return _save(None)


@bp.post("/<uuid:segment_id>/edit")
@allow("segments:write")
def save(segment_id: UUID) -> ResponseReturnValue:
    """Change the segment."""
    return _save(library.get(db.session(), segment_id, by=g.actor))


def _save(segment: Segment | None) -> ResponseReturnValue:
    form = SegmentForm()
    state = builder.of_form(request.form, shown.catalogue())
    raw, paths = builder.as_json(state, shown.catalogue())
    try:
        # Both are asked at once, so that everything that is wrong is told together.
        is_whole = form.validate_on_submit()
        command = _command(form, raw) if is_whole else None
        saved = _stored(segment, command, form.version.data or "") if command else None
    except Stale:
        assert segment is not None
        return _conflict(form, state, segment)
    except Conflict as error:
        form.form_errors.append(said(error))
        return _page(form, state, segment, status=409)
    except Invalid as error:
        return _refused(form, state, segment, builder.refusal(error, paths, _judged(state, segment)))
    if saved is None:
        return _refused(form, state, segment, _judged(state, segment))
    shown.saved(saved, is_new=segment is None)
    return leave_for(url_for(".show", segment_id=saved.id))


def _conflict(form: SegmentForm, state: Builder, segment: Segment) -> ResponseReturnValue:
    """Somebody else was faster: what differs, and the builder as it was drawn, now on the newest version."""
    db.session().refresh(segment)
    judged = _judged(state, segment)
    ours = shown.sentence(judged.definition) if judged.definition else ""
    now = SegmentForm(formdata=None, obj=segment)
    found = [*between(now, form), Difference(_("Who is in it"), str(shown.sentence_of(segment)), str(ours))]
    form.version.data = str(segment.version)
    return _page(form, state, segment, status=409, conflict=conflicting((library.SUBJECT, segment.id), found))


def _command(form: SegmentForm, raw: dict[str, Any]) -> SegmentInput:
    values = {"name": form.name.data, "description": form.description.data or None, "definition": raw}
    return inputs.read(SegmentInput, values)


def _stored(segment: Segment | None, new: SegmentInput, version: str) -> Segment:
    if segment is None:
        return library.create(db.session(), new, by=g.actor)
    return library.update(db.session(), segment.id, new, version=inputs.version(version), by=g.actor)


def _refused(form: SegmentForm, state: Builder, segment: Segment | None, judged: Judged) -> ResponseReturnValue:
    """The page again, everything that is wrong beside its input."""
    form.name.errors = [*form.name.errors, *judged.names]
    form.form_errors.extend(judged.general)
    if judged.problems:
        form.form_errors.append(_("Some conditions are not right yet. They are marked below."))
    return _page(form, state, segment, judged=judged, status=422)


def _segment_named() -> Segment | None:
    """The segment that is being edited, so that it cannot be put into itself."""
    own_id = request.args.get("segment", type=UUID)
    return library.get(db.session(), own_id, by=g.actor) if own_id else None


def _judged(state: Builder, segment: Segment | None) -> Judged:
    return builder.judge(db.session(), state, shown.catalogue(), segment.id if segment else None)


def _page(
    form: SegmentForm, state: Builder, segment: Segment | None = None, *,
    judged: Judged | None = None, is_counted: bool = False, status: int = 200, **more: object,
) -> ResponseReturnValue:  # fmt: skip
    judged = judged or _judged(state, segment)
    values = _drawn(state, judged, is_strict=status == 422)
    values |= _counted(judged) if is_counted else _NOTHING
    return make_response(render_template("segments/edit.html", form=form, segment=segment, **values, **more), status)


def _drawn(state: Builder, judged: Judged, *, is_strict: bool = False) -> dict[str, Any]:
    """What the builder draws. `is_strict` also tells unfinished rows off: somebody wanted to save."""
    known = shown.catalogue()
    own = str(request.args.get("segment") or (request.view_args or {}).get("segment_id") or "") or None
    hidden = frozenset() if is_strict else judged.unfinished
    return {
        "state": state,
        "log": builder.log(state),
        "own": own,
        "controls": {rule.id: conditions.control(rule, known) for rule in tree.rules(state.root)},
        "offered": conditions.offered(known),
        "problems": {row: found for row, found in judged.problems.items() if row not in hidden},
        "general": judged.general,
        "unfinished": hidden,
        # The inputs above it hold what he typed himself, or what he may have revealed.
        "sentence": shown.sentence(judged.definition, in_full=True)
        if judged.definition and judged.says_something
        else "",
        "kept_words": lambda rule: shown.kept(conditions.as_json(rule, known)),
        "worded": shown.worded,
        "suggested": shown.suggested,
        "listed": typed.listed,
        "written": typed.written,
        "choosable_segments": shown.segments(without=own),
        "choosable_campaigns": shown.campaigns(),
        "choosable_programmes": [(str(one), name) for one, name in known.programmes.items()],
        "months": shown.months,
        "events": shown.events,
        "event_properties": shown.event_properties,
        "filters": filters,
        "measures": event.MEASURES,
        "of_property": OF_PROPERTY,
        "happened": sequence.HAPPENED,
        "spans": sequence.SPANS,
        "bank_days": bank.DAYS,
        "plain": not is_part_wanted(),
        "full": {group for group, level in tree.levels(state.root) if level >= MOST_DEEP},
    }


# Before anything is counted, or where nothing can be.
_NOTHING: dict[str, Any] = {
    "is_counted": False, "numbers": None, "counts": {}, "sample": [], "left_out": 0, "too_slow": "", "is_part": False,
    "unknown": [], "unheard": [],
}  # fmt: skip


def _counted(judged: Judged) -> dict[str, Any]:
    """Numbers by row and a sample; none if nothing can be counted yet, or if it would take too long."""
    nothing = _NOTHING | {"is_counted": True, "left_out": len(judged.problems)}
    if judged.definition is None or not judged.says_something:
        return nothing
    try:
        found = membership.numbers(db.session(), judged.definition)
        sample = membership.sample(db.session(), judged.definition)
        unknown = suggestions.unknown(db.session(), judged.definition)
        unheard = suggestions.unheard(db.session(), judged.definition)
    except Unavailable as error:
        return nothing | {"too_slow": said(error)}
    counts = {row: _by_row(found, path) for row, path in judged.paths.items() if path in found.by_condition}
    return nothing | {"numbers": found, "counts": counts, "sample": sample, "unknown": unknown, "unheard": unheard}


def _by_row(found: Numbers, path: str) -> int:
    """How many a row lets through by itself, its "not" included."""
    number = found.by_condition[path]
    return found.everybody - number if path.endswith(".not") else number


def around(state: Builder, judged: Judged | None = None, *, is_strict: bool = False) -> dict[str, Any]:
    """What the page of another noun draws, that has the builder in it: a condition of its own."""
    return _drawn(state, judged or _judged(state, None), is_strict=is_strict) | _NOTHING
