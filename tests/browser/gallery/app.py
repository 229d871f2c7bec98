"""A small application with every macro on sample data. To look at it: python -m tests.browser.gallery.app."""

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from flask import Blueprint, Flask, flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    EmailField,
    FileField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length

from app.core.actor import Actor
from app.core.page import Page
from app.domain.access.permissions import roles
from app.http import security
from app.http.auth import public
from app.web import assets, badges, locale, navigation, render

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)

bp = Blueprint("contacts", __name__, template_folder="templates")
NAMES = [
    "Maya Biton",
    "Dana Katz",
    "עומר מזרחי",
    "Omer Biton",
    "הילה פרידמן",
    "Yossi Peretz",
    "Shira Biton",
    "נועה כהן",
]
STATES = list(badges.STATES)
OTHERS = [
    *("dashboard", "approvals", "segments", "imports", "suppressions", "templates", "campaigns", "messages"),
    *("reports", "providers", "audit", "users", "search"),
]


class Settings:
    """The one setting that the frame reads."""

    environment = "demo"


class ContactForm(FlaskForm):  # type: ignore[misc]
    """One field of every kind."""

    name = StringField("Name", [InputRequired(), Length(max=80)], description="As it should stand in the greeting.")
    email = EmailField("E-mail", [InputRequired()])
    status = SelectField("Status", choices=["active", "dormant"])
    products = SelectMultipleField("Products", choices=["Gold card", "Mortgage", "Savings plan"])
    channel = RadioField("Preferred channel", choices=["E-mail", "SMS"], default="E-mail")
    balance = DecimalField("Balance", [InputRequired()])
    since = DateField("Customer since")
    note = TextAreaField("Note")
    picture = FileField("Photo")
    consent = BooleanField("May be written to", description="Asked on paper or at the branch.")


def chart() -> Markup:
    """A line of sample numbers."""
    values = [18, 31, 24, 40, 38, 52, 47, 61, 58, 70, 66, 82]
    points = " ".join(f"{20 + i * 60},{190 - v * 2}" for i, v in enumerate(values))
    grid = "".join(
        f'<line x1="0" x2="700" y1="{y}" y2="{y}" stroke="#8592a6" stroke-opacity=".35"/>' for y in range(10, 200, 45)
    )
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="700" height="200" viewBox="0 0 700 200" role="img" '
        'aria-label="Sent per day">'
        f'{grid}<polyline points="{points}" fill="none" stroke="#2a6fc4" stroke-width="2.5"/></svg>'
    )


def rows() -> list[dict[str, object]]:
    """Sample contacts."""
    return [
        {
            "id": n, "name": NAMES[n % len(NAMES)], "email": f"u•••{n}@example.co.il",
            "product": ["Savings plan", "Mortgage", "Gold card"][n % 3],
            "balance": Decimal(12000 + n * 7919 % 90000), "state": ["active", "active", "dormant", "in_review"][n % 4],
            "seen": NOW - timedelta(days=n * 3, hours=n),
        }
        for n in range(12)
    ]  # fmt: skip


@bp.get("/")
@public
def index() -> str:
    """A list: filters, selection, menus, pager."""
    page = Page(items=rows(), next="bmV4dA", prev=None, total=48213)
    return render.page_or_part("gallery/list.html", "gallery/_rows.html", page=page)


@bp.get("/pieces")
@public
def pieces() -> str:
    """Everything else."""
    return render_template(
        "gallery/pieces.html", states=STATES, chart=chart(), now=datetime.now(UTC) - timedelta(hours=3)
    )


@bp.route("/form", methods=["GET", "POST"])
@public
def form() -> ResponseReturnValue:
    """A form, at 422 when it is refused."""
    drawn = ContactForm()
    if drawn.validate_on_submit():
        flash("Contact saved.", "success")
        return render.leave_for(url_for(".form"))
    status = 422 if request.method == "POST" else 200
    return render.page_or_part("gallery/form.html", "gallery/_form.html", form=drawn), status


@bp.post("/act")
@public
def act() -> ResponseReturnValue:
    """A change: two parts and a toast."""
    flash("Done: <b>not bold</b>", "success")
    return render.parts_or_redirect(url_for(".pieces"), "gallery/_one.html", "gallery/_two.html", at=NOW)


@bp.post("/refuse")
@public
def refuse() -> ResponseReturnValue:
    """A domain error: nothing but a toast, at its true status."""
    flash("Somebody was faster.", "error")
    return render.toasts_only(409)


@bp.post("/crash")
@public
def crash() -> ResponseReturnValue:
    """An answer the page does not know."""
    return make_response("<h1>proxy error</h1>", 502)


@bp.get("/poll")
@public
def poll() -> ResponseReturnValue:
    """A polled part; says whether it was polled."""
    return render_template(
        "gallery/_poll.html", polled="X-Poll" in request.headers
    ), 286  # htmx stops polling when it is answered with this


@bp.post("/morph")
@public
def morph() -> str:
    """A part that is morphed while somebody types in it."""
    return render_template("gallery/_morph.html", typed=request.form["typed"])


@bp.get("/plain")
@public
def plain() -> str:
    """A page without navigation."""
    return render_template("gallery/login.html", form=ContactForm())


@bp.get("/error")
@public
def error() -> ResponseReturnValue:
    """The error page."""
    return render_template(
        "error.html", status=404, text="There is nothing at this address.", correlation_id="a1b2c3d4e5f60718"
    ), 404


def others() -> list[Blueprint]:
    """Empty pages, so that the side bar is full."""
    found = []
    for name in OTHERS:
        blueprint = Blueprint(name, __name__, template_folder="templates")
        blueprint.add_url_rule(f"/{name}", "index", public(found_nothing))
        blueprint.add_url_rule(f"/{name}/results", "found", public(found_nothing), methods=["POST"])
        found.append(blueprint)
    account = Blueprint("account", __name__)
    account.add_url_rule("/sessions", "sessions", public(found_nothing))
    account.add_url_rule("/logout", "logout", public(found_nothing), methods=["POST"])
    return [*found, account]


def found_nothing() -> str:
    """An empty page, or the palette when htmx asks."""
    groups = [("Contacts", [("Maya Biton", "m•••@example.co.il", "/", "user"), ("Maya Katz", "", "/", "user")])]
    return render.page_or_part("gallery/nothing.html", "gallery/_found.html", groups=groups)


def create_app() -> Flask:
    """The gallery, with the real frame."""
    app = Flask("gallery", template_folder=str(ROOT / "templates"), static_folder=None)
    app.config.update(SECRET_KEY="gallery", SETTINGS=Settings(), SESSION_COOKIE_SECURE=False)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.before_request
    def identify() -> None:
        g.actor = None
        if request.endpoint not in ("contacts.plain", "contacts.error"):
            g.actor = Actor(
                UUID(int=1),
                kind="user",
                name="Dana Cohen",
                role="admin",
                permissions=frozenset().union(*roles().values()),
            )

    @app.context_processor
    def waiting() -> dict[str, int]:
        return {"approvals_waiting": 6}

    for room in (locale, security, assets, render, badges, navigation):
        room.init_app(app)
    for blueprint in (bp, *others()):
        app.register_blueprint(blueprint)
    return app


if __name__ == "__main__":
    create_app().run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5099, threaded=True)
