"""Templates: the list, the editor with its live preview, versions (C1 to C3)."""

import difflib
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core.db import db
from app.core.errors import Conflict, DomainError, Invalid, NotFound, mark
from app.domain.audit import trail
from app.domain.contacts.models import Contact
from app.domain.content import checks, gallery, library, preview
from app.domain.content.library import LANGUAGES, TemplateInput
from app.domain.content.models import Template
from app.domain.links import used_by
from app.http import inputs, security
from app.http.auth import allow
from app.http.errors import said as in_words
from app.web.render import page_or_part

bp = Blueprint("templates", __name__, url_prefix="/templates")
PARTS = ("subject", "preheader", "body")


class TemplateForm(FlaskForm):  # type: ignore[misc]
    """A template; the texts of both languages stand side by side in it."""

    name = StringField(_l("Name"), [DataRequired(), Length(max=120)])
    message_class = RadioField(
        _l("Kind of message"),
        choices=[("marketing", _l("Marketing: needs consent")), ("service", _l("Service: about the account"))],
    )
    fallback_language = SelectField(
        _l("For people without a text in their language"), choices=[("en", "English"), ("he", "עברית")]
    )
    version = HiddenField()
    en_subject = StringField(_l("Subject"))
    en_preheader = StringField(_l("Preview line"))
    en_body = TextAreaField(_l("Text"))
    he_subject = StringField(_l("Subject"))
    he_preheader = StringField(_l("Preview line"))
    he_body = TextAreaField(_l("Text"))

    def texts(self) -> dict[str, dict[str, str]]:
        """The texts by language; a language without a body has none."""
        said = {lang: {part: self[f"{lang}_{part}"].data or "" for part in PARTS} for lang in LANGUAGES}
        return {lang: parts for lang, parts in said.items() if parts["body"].strip()}

    def command(self, channel: str) -> TemplateInput:
        """The form as a command. Raises Invalid."""
        values = {name: self[name].data for name in ("name", "message_class", "fallback_language")}
        return inputs.read(TemplateInput, {**values, "channel": channel, "texts": self.texts()})

    def show(self, error: Invalid) -> None:
        """Put an error of `texts.en.body` onto the field en_body, anything else where inputs.onto puts it."""
        for issue in error.details:
            _root, *path = issue.field.split(".")
            name = "_".join(path[:2])
            if _root == "texts" and name in self:
                self[name].errors = [*self[name].errors, in_words(issue)]
            elif issue.field in ("body", ""):
                fallback = self[f"{self.fallback_language.data}_body"]
                fallback.errors = [*fallback.errors, in_words(issue).removeprefix("Value error, ")]
            else:
                inputs.onto(self, Invalid(issue.message, details=(issue,)))


def _form_of(new: TemplateInput, version: int = 0) -> TemplateForm:
    said = {f"{lang}_{part}": getattr(text, part) for lang, text in new.texts.items() for part in PARTS}
    return TemplateForm(
        formdata=None,
        data={
            "name": new.name, "message_class": new.message_class, "fallback_language": new.fallback_language,
            "version": str(version), **said,
        },
    )  # fmt: skip


def _editor(
    form: TemplateForm, channel: str, template: Template | None = None, status: int = 200
) -> ResponseReturnValue:
    known = sorted(checks.known_variables(db.session()))
    page = render_template("templates/edit.html", form=form, channel=channel, template=template, known=known)
    return page, status


@bp.get("")
@allow("templates:read")
def index() -> ResponseReturnValue:
    """The list, by channel and name."""
    wanted = {"channel": request.args.get("channel", ""), "text": request.args.get("q", "")}
    page = library.listed(db.session(), inputs.page_asked(request.args), by=g.actor, **wanted)
    texts = {t.id: library.current(db.session(), t) for t in page.items}
    return page_or_part("templates/index.html", "templates/_templates.html", page=page, texts=texts, wanted=wanted)


@bp.get("/new")
@allow("templates:write")
def create() -> ResponseReturnValue:
    """Choose what to begin with, or the editor of that choice."""
    start = request.args.get("start", "")
    channel = "email" if start.startswith("email") else "sms"
    if start in gallery.STARTS:
        return _editor(_form_of(gallery.STARTS[start]), channel)
    if start in ("sms", "email"):
        return _editor(TemplateForm(formdata=None, message_class="marketing"), channel)
    return render_template("templates/choose.html", starts=gallery.LABELS)


@bp.post("/new/<any(sms, email):channel>")
@allow("templates:write")
def save_new(channel: str) -> ResponseReturnValue:
    """Make the template."""
    form = TemplateForm()
    if not form.validate_on_submit():
        return _editor(form, channel, status=422)
    try:
        template = library.create(db.session(), form.command(channel), by=g.actor)
    except Invalid as error:
        form.show(error)
        return _editor(form, channel, status=422)
    flash(_("The template is saved."), "success")
    return redirect(url_for(".show", template_id=template.id), 303)


@bp.get("/<uuid:template_id>")
@allow("templates:read")
def show(template_id: UUID) -> ResponseReturnValue:
    """One template: its texts as somebody gets them, findings, versions, who uses it."""
    session = db.session()
    template = library.get(session, template_id, by=g.actor)
    version = library.current(session, template)
    person = preview.someone(session)
    drawn = {lang: _drawn(template, text, preview.data_for(session, person)) for lang, text in version.texts.items()}
    return render_template(
        "templates/show.html",
        template=template,
        version=version,
        drawn=drawn,
        findings=checks.check(session, template, version),
        versions=library.versions(session, template_id),
        users=used_by.users_of(session, "template", template_id),
        history=trail.entries(session, inputs.page_asked({}), by=g.actor, subject=("template", str(template_id))).items,
    )


def _drawn(template: Template, text: dict[str, str], data: dict[str, Any]) -> preview.Preview | str:
    try:
        return preview.preview(template.channel, template.message_class, text, data)
    except DomainError as error:
        return in_words(error)


@bp.get("/<uuid:template_id>/email/<language>")
@allow("templates:read")
def email(template_id: UUID, language: str) -> ResponseReturnValue:
    """The e-mail for a sandboxed frame, under its own policy."""
    session = db.session()
    template = library.get(session, template_id, by=g.actor)
    said = library.current(session, template).texts.get(language)
    if said is None or template.channel != "email":
        raise NotFound(mark("There is no such version."))
    data = preview.data_for(session, preview.someone(session))
    return security.as_preview(Response(preview.preview("email", template.message_class, said, data).html))


@bp.get("/<uuid:template_id>/edit")
@allow("templates:write")
def edit(template_id: UUID) -> ResponseReturnValue:
    """The editor of a template."""
    template = library.get(db.session(), template_id, by=g.actor)
    return _editor(_form_of(library.as_input(db.session(), template), template.version), template.channel, template)


@bp.post("/<uuid:template_id>/edit")
@allow("templates:write")
def save(template_id: UUID) -> ResponseReturnValue:
    """Save a new version."""
    template = library.get(db.session(), template_id, by=g.actor)
    form = TemplateForm()
    seen = int(form.version.data) if (form.version.data or "").isdigit() else None
    try:
        if not form.validate_on_submit():
            return _editor(form, template.channel, template, 422)
        library.update(db.session(), template_id, form.command(template.channel), version=seen, by=g.actor)
    except Conflict as error:
        form.form_errors.append(in_words(error))
        return _editor(form, template.channel, template, 409)
    except Invalid as error:
        form.show(error)
        return _editor(form, template.channel, template, 422)
    flash(_("The template is saved as version %(number)s.", number=template.version), "success")
    return redirect(url_for(".show", template_id=template_id), 303)


@bp.post("/preview/<any(sms, email):channel>")
@allow("templates:read")
def live(channel: str) -> ResponseReturnValue:
    """The preview beside the editor, of a text still being written."""
    language, said = _asked()
    person = preview.someone(db.session(), request.form.get("as_contact", "").strip())
    try:
        drawn = preview.preview(
            channel, request.form.get("message_class", "marketing"), said, preview.data_for(db.session(), person)
        )
    except Invalid as error:
        return render_template(
            "templates/_preview.html", error=in_words(error), language=language, channel=channel, person=person
        )
    return render_template("templates/_preview.html", drawn=drawn, language=language, channel=channel, person=person)


@bp.post("/frame")
@allow("templates:read")
def frame() -> ResponseReturnValue:
    """The e-mail still being written, for the sandboxed frame."""
    _language, said = _asked()
    person = preview.someone(db.session(), request.form.get("as_contact", "").strip())
    try:
        drawn = preview.preview(
            "email", request.form.get("message_class", "marketing"), said, preview.data_for(db.session(), person)
        )
    except Invalid as error:
        return security.as_preview(Response(in_words(error), mimetype="text/plain"))
    return security.as_preview(Response(drawn.html))


def _written(channel: str, said: dict[str, str], person: Contact | None) -> preview.Preview:
    message_class = request.form.get("message_class", "marketing")
    return preview.preview(channel, message_class, said, preview.data_for(db.session(), person))


def _asked() -> tuple[str, dict[str, str]]:
    language = request.form.get("language", "en")
    language = language if language in LANGUAGES else "en"
    return language, {part: request.form.get(f"{language}_{part}", "") for part in PARTS}


@bp.get("/<uuid:template_id>/versions/<int:number>")
@allow("templates:read")
def compare(template_id: UUID, number: int) -> ResponseReturnValue:
    """An old version beside the present one."""
    session = db.session()
    template = library.get(session, template_id, by=g.actor)
    old, new = library.version_numbered(session, template_id, number), library.current(session, template)
    lines = {lang: list(_difference(old.texts.get(lang, {}), new.texts.get(lang, {}))) for lang in LANGUAGES}
    return render_template("templates/compare.html", template=template, old=old, new=new, lines=lines)


def _difference(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str]]:
    """(sign, line): "-" was, "+" is, " " both."""
    before, after = (f"{t.get('subject', '')}\n{t.get('body', '')}".splitlines() for t in (old, new))
    return [(line[0], line[2:]) for line in difflib.ndiff(before, after) if line[0] in "-+ "]


@bp.post("/<uuid:template_id>/versions/<int:number>/restore")
@allow("templates:write")
def restore(template_id: UUID, number: int) -> ResponseReturnValue:
    """Bring an old version back, as a new one."""
    library.restore(db.session(), template_id, number, by=g.actor)
    flash(_("Version %(number)s is back, as a new version.", number=number), "success")
    return redirect(url_for(".show", template_id=template_id), 303)


@bp.post("/<uuid:template_id>/duplicate")
@allow("templates:write")
def duplicate(template_id: UUID) -> ResponseReturnValue:
    """A copy to change."""
    copy = library.duplicate(db.session(), template_id, by=g.actor)
    flash(_("This is the copy."), "success")
    return redirect(url_for(".edit", template_id=copy.id), 303)


@bp.post("/<uuid:template_id>/archive")
@allow("templates:write")
def archive(template_id: UUID) -> ResponseReturnValue:
    """Put a template away."""
    library.archive(db.session(), template_id, by=g.actor)
    flash(_("The template is archived."), "success")
    return redirect(url_for(".index"), 303)
