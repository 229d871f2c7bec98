"""A definition may say somebody's name, e-mail or phone; stored, such a value is a ciphertext."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from app.domain.access.keyring import vault_of
from app.domain.segments.condition import Condition
from app.domain.segments.definition import Definition, parse
from app.domain.segments.fields import PERSONAL, masked_value
from app.domain.segments.models import Segment

_BOUND = "segment value"
_MARK = "sealed:"


def sealed(session: Session, definition: Definition) -> dict[str, Any]:
    """The definition as it is stored."""
    vault = vault_of(session)

    def seal(_field: str, value: str) -> str:
        return _MARK + b64encode(vault.seal(value.encode(), _BOUND)).decode()

    stored: dict[str, Any] = _changed(definition.dump(), seal)
    return stored


def opened(session: Session, segment: Segment) -> Definition:
    """The definition of a segment, its values readable."""
    return readable(session, segment.definition)


def readable(session: Session, stored: dict[str, Any]) -> Definition:
    """A stored definition, also an old one out of the audit trail, its values readable."""
    return parse(_changed(stored, lambda _field, value: _open(session, value)))


def masked(definition: Definition | Condition) -> dict[str, Any]:
    """The definition, or one of its conditions, as anybody may see it."""
    shown: dict[str, Any] = _changed(definition.dump(), masked_value)
    return shown


def names_people(definition: Definition) -> bool:
    """True if somebody's name, e-mail or phone stands in it."""
    plain = definition.dump()
    return bool(_changed(plain, masked_value) != plain)


def _open(session: Session, value: str) -> str:
    if not value.startswith(_MARK):
        return value
    return vault_of(session).open(b64decode(value.removeprefix(_MARK)), _BOUND).decode()


def _changed(node: Any, change: Callable[[str, str], str]) -> Any:
    """The tree with the values of personal fields changed."""
    if isinstance(node, list):
        return [_changed(part, change) for part in node]
    if not isinstance(node, dict):
        return node
    if node.get("kind") == "field" and node.get("field") in PERSONAL and node.get("value") is not None:
        field, value = node["field"], node["value"]
        changed = [change(field, one) for one in value] if isinstance(value, list) else change(field, value)
        return node | {"value": changed}
    return {name: _changed(part, change) for name, part in node.items()}
