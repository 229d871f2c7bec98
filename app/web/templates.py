"""Templates: the list, the editor with its live preview, versions."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core.db import db
from app.core.errors import Conflict, DomainError, Invalid, NotFound, Stale, mark
from app.domain.access import users
from app.domain.content import checks, differences, gallery, library, preview
from app.domain.content.library import LANGUAGES, Said, TemplateInput
from app.domain.content.models import Template
from app.domain.links import used_by
from app.domain.messages import test_send
from app.http import inputs, security
from app.http.auth import allow
from app.http.errors import said as in_words
from app.http.sizes import TEXT, takes
from app.web import paging
from app.web.conflicts import between, conflicting
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
    category = StringField(_l("Category"), [Length(max=60)])
    fallback_language = SelectField(
        _l("For people without a text in their language"), choices=[("en", "English"), ("he", "עברית")]
    )
    version = HiddenField()
    en_subject = StringField(_l("Subject"), [Length(max=300)])
    en_preheader = StringField(_l("Preview line"), [Length(max=300)])
    en_body = TextAreaField(_l("Text"))
    he_subject = StringField(_l("Subject"), [Length(max=300)])
    he_preheader = StringField(_l("Preview line"), [Length(max=300)])
    he_body = TextAreaField(_l("Text"))

    def said(self, language: str) -> dict[str, str]:
        """The text in one language."""
        return {part: self[f"{language}_{part}"].data or "" for part in PARTS}

    def command(self, channel: str) -> TemplateInput:
        """The form as a command; a language without a body has no text. Raises Invalid."""
        texts = {language: self.said(language) for language in LANGUAGES}
        values = {name: self[name].data for name in ("name", "message_class", "category", "fallback_language")}
        written = {language: said for language, said in texts.items() if said["body"].strip()}
        return inputs.read(TemplateInput, {**values, "channel": channel, "texts": written})

    def written(self) -> dict[str, Said]:
        """The texts that are there, as far as they have been written. Raises Invalid."""
        texts = {language: self.said(language) for language in LANGUAGES}
        return {language: inputs.read(Said, said) for language, said in texts.items() if said["body"].strip()}

    def fallback(self) -> str:
        """The language of people without a text in theirs; English where the form names none of ours."""
        named: str | None = self.fallback_language.data
        return named if named in LANGUAGES else "en"

    def broken_in(self) -> str | None:
        """The first language with an error in its text."""
        return next((lang for lang in LANGUAGES if any(self[f"{lang}_{part}"].errors for part in PARTS)), None)

    def show(self, error: Invalid) -> None:
        """Put an error of `texts.en.body` onto the field en_body, anything else where inputs.onto puts it."""
        for issue in error.details:
            _root, *path = issue.field.split(".")
            name = "_".join(path[:2])
            if _root == "texts" and name in self:
                self[name].errors = [*self[name].errors, in_words(issue)]
            elif issue.field in ("body", ""):
                fallback = self[f"{self.fallback()}_body"]
                fallback.errors = [*fallback.errors, in_words(issue).removeprefix("Value error, ")]
            else:
                inputs.onto(self, Invalid(issue.message, details=(issue,)))


def _form_of(new: TemplateInput, version: int = 0) -> TemplateForm:
    said = {f"{lang}_{part}": getattr(text, part) for lang, text in new.texts.items() for part in PARTS}
    kept = new.model_dump(include={"name", "message_class", "category", "fallback_language"})
    return TemplateForm(formdata=None, data={**kept, "version": str(version), **said})


@dataclass(frozen=True)
class Look:
    """What the preview shows: the text for somebody, or why there is none."""

    language: str
    person: str = ""  # the customer number asked for
    is_known: bool = True
    drawn: preview.Preview | None = None
    error: str = ""
    may_reveal: bool = False  # it shows a masked person


def _look(channel: str, message_class: str, said: dict[str, str], language: str, *, reveal: bool = False) -> Look:
    """Who writes texts sees them as a real person gets them, masked unless the look is logged; others with a made-up one."""
    session = db.session()
    asked = request.values.get("as_contact", "").strip() if g.actor.may("templates:write") else ""
    person = preview.someone(session, asked) if g.actor.may("templates:write") else None
    data = preview.data_for(session, person, language, revealed_to=g.actor if reveal else None)
    around = checks.setting(session)
    is_known = person is not None or not asked
    try:
        drawn = preview.preview(channel, message_class, said, data, language=language, around=around)
    except DomainError as error:
        return Look(language, asked, is_known, error=in_words(error))
    return Look(language, asked, is_known, drawn, may_reveal=person is not None and not reveal)


def _asked(form: TemplateForm) -> str:
    """The language looked at: that of the first error, the one chosen, the fallback."""
    chosen = request.values.get("language", "")
    return form.broken_in() or (chosen if chosen in LANGUAGES else form.fallback())


def _editor(
    form: TemplateForm, channel: str, template: Template | None = None, status: int = 200, **more: object
) -> ResponseReturnValue:
    language = _asked(form)
    page = render_template(
        "templates/edit.html",
        **more,
        form=form,
        channel=channel,
        template=template,
        known=sorted(checks.known_variables(db.session())),
        look=_look(channel, form.message_class.data or "marketing", form.said(language), language),
    )
    return page, status


def _is_whole(form: TemplateForm, channel: str) -> bool:
    """True if every field is right; if one is not, what is wrong with the texts is said at once with it."""
    if form.validate_on_submit():
        return True
    try:
        library.compile_texts(db.session(), channel, form.message_class.data or "marketing", form.written())
    except Invalid as error:
        form.show(error)
    return False


def _only_looks() -> bool:
    """True for the button that shows the preview where no script does."""
    return request.form.get("do") == "look"


@bp.get("")
@allow("templates:read")
def index() -> ResponseReturnValue:
    """The list, by channel, kind and name."""
    wanted = {name: request.args.get(name, "") for name in ("channel", "message_class")}
    text = request.args.get("q", "")
    page = library.listed(db.session(), paging.asked(), by=g.actor, text=text, **wanted)
    spoken = library.languages(db.session(), page.items)
    values = {"page": page, "spoken": spoken, "wanted": {**wanted, "text": text}}
    return page_or_part("templates/index.html", "templates/_templates.html", **values)


@bp.get("/new")
@allow("templates:write")
def create() -> ResponseReturnValue:
    """Choose what to begin with, or the editor of that choice."""
    start = request.args.get("start", "")
    channel = "email" if start.startswith("email") else "sms"
    if start in gallery.STARTS:
        return _editor(_form_of(gallery.STARTS[start]), channel)
    if start in ("sms", "email"):
        return _editor(TemplateForm(formdata=None, message_class="marketing", fallback_language="en"), channel)
    return render_template("templates/choose.html", starts=gallery.LABELS)


@bp.post("/new/<any(sms, email):channel>")
@allow("templates:write")
@takes(TEXT)
def save_new(channel: str) -> ResponseReturnValue:
    """Make the template."""
    form = TemplateForm()
    if _only_looks():
        return _editor(form, channel)
    if not _is_whole(form, channel):
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
    looks = [_look(template.channel, template.message_class, said, lang) for lang, said in version.texts.items()]
    versions = library.versions(session, template_id)
    return render_template(
        "templates/show.html",
        template=template,
        version=version,
        looks=sorted(looks, key=lambda look: look.language != version.fallback_language),
        findings=checks.check(session, template, version),
        versions=versions,
        people=users.names(session, [one.created_by for one in versions if one.created_by]),
        actions=library.possible(template, by=g.actor),
        users=used_by.users_of(session, "template", template_id),
    )


@bp.get("/<uuid:template_id>/email/<language>")
@allow("templates:read")
def email(template_id: UUID, language: str) -> ResponseReturnValue:
    """The e-mail for a sandboxed frame, under its own policy."""
    template = library.get(db.session(), template_id, by=g.actor)
    said = library.current(db.session(), template).texts.get(language)
    if said is None or template.channel != "email":
        raise NotFound(mark("There is no such text."))
    return _framed(_look("email", template.message_class, said, language))


def _framed(look: Look) -> Response:
    if look.drawn is None:
        return security.as_preview(Response(look.error, mimetype="text/plain"))
    return security.as_preview(Response(look.drawn.html))


@bp.get("/<uuid:template_id>/edit")
@allow("templates:write")
def edit(template_id: UUID) -> ResponseReturnValue:
    """The editor of a template."""
    template = library.get(db.session(), template_id, by=g.actor)
    return _editor(_form_of(library.as_input(db.session(), template), template.version), template.channel, template)


@bp.post("/<uuid:template_id>/edit")
@allow("templates:write")
@takes(TEXT)
def save(template_id: UUID) -> ResponseReturnValue:
    """Save a new version."""
    template = library.get(db.session(), template_id, by=g.actor)
    form = TemplateForm()
    if _only_looks():
        return _editor(form, template.channel, template)
    seen = inputs.version(form.version.data)
    try:
        if not _is_whole(form, template.channel):
            return _editor(form, template.channel, template, 422)
        library.update(db.session(), template_id, form.command(template.channel), version=seen, by=g.actor)
    except Stale:
        db.session().refresh(template)
        now = _form_of(library.as_input(db.session(), template), template.version)
        found = conflicting((library.SUBJECT, template.id), between(now, form))
        form.version.data = str(template.version)
        return _editor(form, template.channel, template, 409, conflict=found)
    except Conflict as error:
        form.form_errors.append(in_words(error))
        return _editor(form, template.channel, template, 409)
    except Invalid as error:
        form.show(error)
        return _editor(form, template.channel, template, 422)
    flash(_("The template is saved as version %(number)s.", number=template.version), "success")
    return redirect(url_for(".show", template_id=template_id), 303)


@bp.post("/preview/<any(sms, email):channel>")
@allow("templates:write")
@takes(TEXT)
def live(channel: str) -> ResponseReturnValue:
    """The preview beside the editor, of a text still being written."""
    return render_template("templates/_preview.html", look=_written(channel), channel=channel)


@bp.post("/frame")
@allow("templates:write")
@takes(TEXT)
def frame() -> ResponseReturnValue:
    """The e-mail still being written, for the sandboxed frame."""
    return _framed(_written("email"))


def _written(channel: str) -> Look:
    """A look at what the form says now."""
    language = request.form.get("language", "en")
    language = language if language in LANGUAGES else "en"
    said = {part: request.form.get(f"{language}_{part}", "").replace("\r\n", "\n") for part in PARTS}
    message_class = "service" if request.form.get("message_class") == "service" else "marketing"
    reveal = request.form.get("reveal") == "1" and g.actor.may("contacts:reveal")
    return _look(channel, message_class, said, language, reveal=reveal)


@bp.get("/<uuid:template_id>/versions/<int:number>")
@allow("templates:read")
def compare(template_id: UUID, number: int) -> ResponseReturnValue:
    """An old version beside the present one."""
    session = db.session()
    template = library.get(session, template_id, by=g.actor)
    old, new = library.version_numbered(session, template_id, number), library.current(session, template)
    found = differences.between(old.texts, new.texts)
    return render_template(
        "templates/compare.html",
        actions=library.possible(template, by=g.actor),
        template=template,
        old=old,
        new=new,
        found=found,
    )


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


@bp.post("/<uuid:template_id>/test")
@allow("templates:write")
def test(template_id: UUID) -> ResponseReturnValue:
    """Send the text to the test recipients."""
    try:
        counted = test_send.send(db.session(), library.get(db.session(), template_id, by=g.actor), by=g.actor)
    except Conflict as error:
        flash(in_words(error), "danger")
        return redirect(url_for(".show", template_id=template_id), 303)
    queued = counted.get("queued", 0)
    words = ngettext("The test goes to %(num)s recipient.", "The test goes to %(num)s recipients.", queued)
    flash(
        words if queued else _("No test recipient may get this text; below is why."), "success" if queued else "warning"
    )
    return redirect(url_for("messages.index", template=template_id), 303)


@bp.post("/<uuid:template_id>/archive")
@allow("templates:write")
def archive(template_id: UUID) -> ResponseReturnValue:
    """Put a template away."""
    library.archive(db.session(), template_id, by=g.actor)
    flash(_("The template is archived."), "success")
    return redirect(url_for(".index"), 303)
