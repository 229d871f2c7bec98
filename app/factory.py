"""Build the application: settings in, a Flask app out. Wiring only."""

from importlib import import_module
from pathlib import Path

from flask import Flask

from app import cli
from app.api.envelope import refuse_unknown_names
from app.core import trace
from app.core.db import db, engine_options, guard
from app.core.settings import Settings
from app.core.vault import vault_from
from app.http import auth, compression, errors, security, session, sizes
from app.http.proxies import Behind
from app.web import assets, badges, locale, navigation, paging, render

ROOT = Path(__file__).parent.parent

WEB = (
    "account", "dashboard", "contacts", "imports", "suppressions", "segments", "templates", "campaigns", "approvals",
    "messages", "replies", "reports", "providers", "audit", "users", "settings", "keys", "search", "kept", "public", "health",
)  # fmt: skip
API = (
    "contacts",
    "consents",
    "segments",
    "templates",
    "campaigns",
    "approvals",
    "messages",
    "replies",
    "reports",
    "jobs",
    "suppressions",
    "audit",
    "account",
    "settings",
    "users",
    "keys",
    "providers",
    "imports",
    "dashboard",
    "inbound",
)


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
    for name in WEB:
        app.register_blueprint(import_module(f"app.web.{name}").bp)
    for name in API:
        module = import_module(f"app.api.{name}")
        security.exempt(module.bp)
        # A prefix given here replaces the blueprint's own, so both are said.
        app.register_blueprint(module.bp, url_prefix=f"/api/v1{module.bp.url_prefix or ''}")
    app.before_request(refuse_unknown_names)
    cli.register(app)
    return app
