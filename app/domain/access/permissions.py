"""The seven roles and the named permissions each holds."""

from app.core.errors import mark

READ = frozenset(
    {
        "contacts:read", "segments:read", "templates:read", "campaigns:read", "messages:read", "imports:read",
        "suppressions:read", "providers:read", "reports:read", "approvals:read",
    }
)  # fmt: skip

WRITE_CONTENT = frozenset(
    {
        "contacts:write", "contacts:reveal", "imports:write", "suppressions:write", "segments:write", "templates:write",
        "campaigns:write", "campaigns:stop", "reports:run",
    }
)  # fmt: skip

ROLES: dict[str, frozenset[str]] = {
    "owner": READ
    | {"users:read", "users:write", "keys:write", "settings:write", "providers:write", "audit:read", "campaigns:stop"},
    "admin": READ
    | {
        "campaigns:approve",
        "approvals:decide",
        "campaigns:stop",
        "audit:read",
        "users:read",
        "reports:run",
        "contacts:reveal",
    },
    "marketer": READ | WRITE_CONTENT,
    "bank_officer": READ | {"bank:review", "reports:run", "contacts:reveal"},
    "operator": READ | {"messages:operate", "providers:write", "campaigns:stop"},
    "auditor": READ | {"audit:read", "audit:export", "users:read"},
    "viewer": READ - {"providers:read"},
}

LABELS = {
    "owner": mark("Owner"),
    "admin": mark("Approver"),
    "marketer": mark("Marketer"),
    "bank_officer": mark("Bank officer"),
    "operator": mark("Operator"),
    "auditor": mark("Auditor"),
    "viewer": mark("Viewer"),
}

# A key holds these only if they were granted to it by name, with a fresh second factor.
GRANTED_BY_NAME = frozenset({"campaigns:approve", "approvals:decide"})


# Who holds such a role decides, or gives rights: it is given by two people.
GIVEN_BY_TWO = frozenset(
    role for role, held in ROLES.items() if held & (GRANTED_BY_NAME | {"users:write", "keys:write"})
)


def of_role(role: str) -> frozenset[str]:
    """What a role may do."""
    return ROLES[role]


def of_key(role: str, scopes: list[str]) -> frozenset[str]:
    """What a key may do: its user's permissions within its scopes; `*` is all but those granted by name."""
    held = of_role(role)
    wide = held - GRANTED_BY_NAME if "*" in scopes else frozenset()
    return wide | (held & frozenset(scopes))
