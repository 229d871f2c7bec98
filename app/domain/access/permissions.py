"""The seven roles and the permissions each holds: what the nouns declare, seen from the roles."""

from collections.abc import Mapping
from functools import cache

from app.core import nouns
from app.core.errors import mark
from app.core.nouns import Noun, Permission

LABELS = {
    "owner": mark("Owner"),
    "admin": mark("Approver"),
    "marketer": mark("Marketer"),
    "bank_officer": mark("Bank officer"),
    "operator": mark("Operator"),
    "auditor": mark("Auditor"),
    "viewer": mark("Viewer"),
}
EVERYBODY = tuple(LABELS)


def permissions() -> Mapping[str, Permission]:
    """Every permission by its name."""
    return nouns.named(_permissions)


def roles() -> Mapping[str, frozenset[str]]:
    """What each role may do."""
    return _roles(nouns.declared())


def of_role(role: str) -> frozenset[str]:
    """What a role may do."""
    return roles()[role]


def granted_by_name() -> frozenset[str]:
    """What a key holds only if it was granted to it by name, with a fresh second factor."""
    return frozenset(name for name, permission in permissions().items() if permission.by_name)


def given_by_two() -> frozenset[str]:
    """The roles whose holder decides, or gives rights: they are given by two people."""
    weighty = granted_by_name() | {"users:write", "keys:write"}
    return frozenset(role for role, held in roles().items() if held & weighty)


def of_key(role: str, scopes: list[str]) -> frozenset[str]:
    """What a key may do: its user's permissions within its scopes; `*` is all but those granted by name."""
    held = of_role(role)
    wide = held - granted_by_name() if "*" in scopes else frozenset()
    return wide | (held & frozenset(scopes))


def _permissions(noun: Noun) -> Mapping[str, Permission]:
    return noun.permissions


@cache
def _roles(declared: tuple[Noun, ...]) -> Mapping[str, frozenset[str]]:
    held = [(name, permission.roles) for noun in declared for name, permission in noun.permissions.items()]
    return {role: frozenset(name for name, who in held if role in who) for role in EVERYBODY}
