"""Build the application: settings in, a Flask app out. Wiring only."""

from importlib import import_module
from pathlib import Path

from flask import Flask

from app import cli
from app.api.envelope import refuse_unknown_names
from app.core import nouns, trace
from app.core.db import db, engine_options, guard
from app.core.settings import Settings
from app.core.vault import vault_from
from app.domain import nouns as _gathered  # noqa: F401 - every noun declares itself
from app.http import auth, compression, errors, security, session, sizes
from app.http.proxies import Behind
from app.web import assets, badges, locale, navigation, paging, render

ROOT = Path(__file__).parent.parent

HOUSE = ("health",)  # pages of no noun


def create_app(settings: Settings) -> Flask:
    """The whole application for these settings."""
    trace.log_to_stderr()
    app = Flask("app", root_path=str(ROOT / "app"), template_folder=str(ROOT / "templates"), static_folder=None)
    secure = settings.base_url.startswith("https://")
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=vault_from(settings.master_key).key_for("forms").hex(),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(),
        SESSION_COOKIE_NAME="__Host-form" if secure else "form",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.wsgi_app = Behind(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign, assignment]
    db.init_app(app)
    with app.app_context():
        guard(db.engine)
    db.session.session_factory.configure(info={"settings": settings}, expire_on_commit=False)
    app.before_request(sizes.bound)
    for room in (
        compression,
        session,
        auth,
        sizes,
        security,
        locale,
        render,
        navigation,
        paging,
        assets,
        badges,
        errors,
    ):
        room.init_app(app)
    for name in (*HOUSE, *nouns.every(lambda noun: noun.pages)):
        app.register_blueprint(import_module(_place("app.web", name)).bp)
    for name in nouns.every(lambda noun: noun.calls):
        module = import_module(_place("app.api", name))
        security.exempt(module.bp)
        # A prefix given here replaces the blueprint's own, so both are said.
        app.register_blueprint(module.bp, url_prefix=f"/api/v1{module.bp.url_prefix or ''}")
    app.before_request(refuse_unknown_names)
    cli.register(app)
    return app


def _place(room: str, name: str) -> str:
    """A module of a room, or one that says in full where it is."""
    return name if "." in name else f"{room}.{name}"
