"""The reader's language, theme and zone, the filters that follow them, and the two switches in the top bar."""

from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache

from babel.support import Translations
from flask import Blueprint, Flask, Response, current_app, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, Domain, get_locale, get_timezone
from markupsafe import Markup, escape

from app.core import clock, i18n
from app.core.actor import Actor
from app.core.db import db
from app.domain.access import users
from app.http import inputs
from app.http.auth import public
from app.web import render

THEMES = ("light", "dark")
LOCALE_COOKIE = "carillon_locale"
THEME_COOKIE = "carillon_theme"
_YEAR = 365 * 24 * 3600
_DASH = "–"

bp = Blueprint("preferences", __name__, url_prefix="/preferences")


class CompiledInMemory(Domain):  # type: ignore[misc]
    """Flask-Babel's catalogue, taken from ours: no .mo file lies about that could be older than its .po."""

    def get_translations(self) -> Translations:
        return i18n.translator(current_language())


class OurBabel(Babel):  # type: ignore[misc]
    """Flask-Babel with our catalogue."""

    @property
    def domain_instance(self) -> CompiledInMemory:
        return CompiledInMemory()


def init_app(app: Flask) -> None:
    """Set up Flask-Babel, the filters, the values every template sees, and POST /preferences/..."""
    OurBabel(app, default_locale=i18n.LANGUAGES["en"], locale_selector=_choose_locale, timezone_selector=_choose_zone)
    for name in ("number", "change", "money", "percent", "date", "month", "moment", "there", "ago"):
        app.add_template_filter(globals()[f"show_{name}"], name)
    app.jinja_env.globals.update(_=said, gettext=said, ngettext=said_of)
    app.context_processor(_values)
    app.register_blueprint(bp)


def current_language() -> str:
    """'en' or 'he' for the request at hand; English outside one."""
    known: str | None = g.get("language")
    if known is None:
        locale = get_locale()
        known = g.language = i18n.language(locale.language) if locale else "en"
    return known


def said(message: str, **values: object) -> Markup:
    """Gettext for templates, a tenth of the time of Flask-Babel's own way there: values are escaped, `%%` is a per cent sign."""
    text = _said(message, current_language())
    return text % values if "%" in text else text


@lru_cache(maxsize=4096)
def _said(message: str, language: str) -> Markup:
    return Markup(i18n.translator(language).gettext(message))  # noqa: S704 - our own words


def said_of(one: str, many: str, num: int, **values: object) -> Markup:
    """Ngettext for templates, with `num` among the values."""
    text = Markup(i18n.translator(current_language()).ngettext(one, many, num))  # noqa: S704 - our own words
    return text % {"num": num, **values}


def remember(response: Response, *, locale: str | None = None, theme: str | None = None) -> Response:
    """Keep the choice in this browser; login calls it with what the user's row says, so that both agree."""
    for name, value in ((LOCALE_COOKIE, locale), (THEME_COOKIE, theme)):
        if value:
            keep_choice(response, name, value)
    return response


def keep_choice(response: Response, name: str, value: str) -> None:
    """Keep something a person chose in this browser, for a year."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    response.set_cookie(name, value, max_age=_YEAR, samesite="Lax", secure=secure, httponly=True)


def _actor() -> Actor | None:
    actor: Actor | None = g.get("actor")
    return actor


def _choose_locale() -> str:
    # The cookie first: it is the choice made in this very browser, and the actor says "en" when its row says nothing.
    chosen = request.cookies.get(LOCALE_COOKIE, "")
    if chosen in i18n.LANGUAGES:
        return i18n.LANGUAGES[chosen]
    actor = _actor()
    if actor and actor.id:
        return i18n.LANGUAGES[i18n.language(actor.locale)]
    best = request.accept_languages.best_match(["en", "he", "he-IL", "iw"], default="en")
    return i18n.LANGUAGES["he" if best in ("he", "he-IL", "iw") else "en"]


def _choose_zone() -> str:
    zone: str = g.organisation.timezone if "organisation" in g else current_app.config.get("TIMEZONE", "Asia/Jerusalem")
    return zone


def _values() -> dict[str, object]:
    """What every template sees."""
    language = current_language()
    theme = request.cookies.get(THEME_COOKIE)
    return {
        "language": language,
        "languages": i18n.NAMES,
        "direction": i18n.direction(language),
        "theme": theme if theme in THEMES else "light",
        "theme_chosen": theme in THEMES,
    }


def _isolated(text: str) -> Markup:
    """A number or date keeps its own direction inside a sentence of the other."""
    return Markup('<bdi class="num">%s</bdi>') % text


def _signed(text: str) -> Markup:
    """A number that may have a sign, which stands before it in every language."""
    return Markup('<bdi class="num" dir="ltr">%s</bdi>') % text


def _time(stamp: str, text: Markup) -> Markup:
    return Markup('<time datetime="%s">%s</time>') % (stamp, text)


def _zone() -> tzinfo:
    zone: tzinfo | None = g.get("zone")
    if zone is None:
        zone = g.zone = get_timezone() or UTC
    return zone


def _stamp(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds")


def show_number(value: float | Decimal | None, digits: int | None = None) -> Markup:
    """A number by locale; a dash for None."""
    return escape(_DASH) if value is None else _signed(i18n.number(value, current_language(), digits))


def show_change(value: int) -> Markup:
    """How much a number has changed."""
    return _signed(i18n.change(value, current_language()))


def show_money(value: Decimal | None) -> Markup:
    """An amount in the organisation's currency, with its sign; a dash for None."""
    if value is None:
        return escape(_DASH)
    currency = g.organisation.currency if "organisation" in g else "ILS"
    return _isolated(i18n.money(value, currency, current_language()))


def show_percent(value: float | Decimal | None, digits: int = 1) -> Markup:
    """A share as per cent; a dash for None."""
    return escape(_DASH) if value is None else _signed(i18n.percent(value, current_language(), digits))


def show_date(value: date | None, style: i18n.Style = "short") -> Markup:
    """A date by locale; a datetime is first brought into the reader's zone; a dash for None."""
    if value is None:
        return escape(_DASH)
    local = value.astimezone(_zone()).date() if isinstance(value, datetime) else value
    return _time(local.isoformat(), _isolated(i18n.day(local, current_language(), style)))


def show_month(value: date) -> str:
    """A month by its name and year."""
    return i18n.month(value, current_language())


def show_moment(value: datetime | None, style: i18n.Style = "short") -> Markup:
    """Date, hours and minutes in the reader's zone; a dash for None."""
    if value is None:
        return escape(_DASH)
    text = i18n.moment(value, current_language(), _zone(), style)
    return _time(_stamp(value), _isolated(text))


def show_there(value: datetime, zone: str) -> Markup:
    """Date, hours and minutes by the clocks of another zone, which is named."""
    return _time(_stamp(value), _isolated(f"{i18n.moment(value, current_language(), zone)} {zone}"))


def show_ago(value: datetime | None) -> Markup:
    """How long ago, with the moment itself as its title; a dash for None."""
    if value is None:
        return escape(_DASH)
    return _ago(value, i18n.seconds_from(value, clock.now()), current_language(), _zone())


@lru_cache(maxsize=4096)  # what was imported together changed at the same moment
def _ago(value: datetime, seconds: int, language: str, zone: tzinfo) -> Markup:
    exact, words = i18n.moment(value, language, zone), i18n.from_now(seconds, language)
    return Markup('<time datetime="%s" title="%s">%s</time>') % (_stamp(value), exact, words)


@bp.post("/locale")
@public
def set_locale() -> ResponseReturnValue:
    """Switch the language; the whole page is loaded again, because the style sheet changes with the direction."""
    locale = i18n.language(request.form.get("locale", "en"))
    _keep(locale=locale)
    return remember(make_response(redirect(_back(), 303)), locale=locale)


@bp.post("/theme")
@public
def set_theme() -> ResponseReturnValue:
    """Switch between light and dark."""
    theme = "dark" if request.form.get("theme") == "dark" else "light"
    _keep(theme=theme)
    response = make_response("", 204) if render.is_part_wanted() else make_response(redirect(_back(), 303))
    return remember(response, theme=theme)


def _keep(*, locale: str | None = None, theme: str | None = None) -> None:
    actor = _actor()
    if actor and actor.id and actor.kind == "user":
        users.set_preferences(db.session(), by=actor, locale=locale, theme=theme)


def _back() -> str:
    """Where the reader came from, if that is one of our own pages."""
    came = inputs.address(request.referrer or "")
    if came.netloc != request.host or not came.path.startswith("/") or came.path.startswith("//"):
        return "/"
    return f"{came.path}?{came.query}" if came.query else came.path
