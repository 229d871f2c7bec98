"""What access brings to the house: people, keys and sessions."""

from app.core.errors import mark
from app.core.nouns import ACCOUNT, MenuEntry, Noun, Permission, Subject
from app.domain.access import idempotency, kept, models
from app.domain.access.models import ApiKey, Organisation, User

NOUN = Noun(
    name="access",
    models=models,
    pages=("account", "users", "keys", "kept"),
    calls=("account", "users", "keys"),
    menu=(
        MenuEntry(mark("Administration"), 30, mark("Settings"), "settings", "users.index", "users:read"),
        MenuEntry(ACCOUNT, 10, mark("Sessions"), "device-desktop", "account.sessions"),
        MenuEntry(ACCOUNT, 20, mark("Password"), "lock", "account.password"),
        MenuEntry(ACCOUNT, 30, mark("API keys"), "key", "keys.index"),
    ),
    permissions={
        "users:read": Permission(mark("See users"), ("owner", "admin", "auditor")),
        "users:write": Permission(mark("Create and change users"), ("owner",)),
        "keys:write": Permission(mark("Manage everybody’s API keys"), ("owner",)),
        "settings:write": Permission(mark("Change settings"), ("owner",)),
    },
    acts={
        "key.granted": mark("Let an API key approve"),
        "key.created": mark("Created an API key"),
        "key.origins": mark("Changed which pages a key serves"),
        "key.revoked": mark("Revoked an API key"),
        "login": mark("Signed in"),
        "login.failed": mark("A sign-in failed"),
        "organisation.changed": mark("Changed the organisation"),
        "organisation.created": mark("Created the organisation"),
        "session.revoked": mark("Ended a session"),
        "user.activated": mark("Activated a user"),
        "user.created": mark("Created a user"),
        "user.deactivated": mark("Deactivated a user"),
        "user.password_changed": mark("Changed the password"),
        "user.reset": mark("Reset a user’s sign-in"),
        "user.role_changed": mark("Changed a user’s role"),
    },
    subjects={
        "key": Subject(mark("API key"), name=(ApiKey.id, ApiKey.name)),
        "organisation": Subject(mark("Organisation"), name=(Organisation.id, Organisation.name)),
        "user": Subject(mark("User"), name=(User.id, User.name)),
    },
    upkeep=(idempotency.forget_old, kept.forget_old),
)
