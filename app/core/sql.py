"""Named hand-written SQL: a queries.sql beside the verb that uses it."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, TextClause, text
from sqlalchemy.orm import Session

_DOMAIN = Path(__file__).parent.parent / "domain"
_NAME = re.compile(r"^-- name: ([a-z_]+)\s*$", re.MULTILINE)
_USED = re.compile(r"^-- use: ([a-z_]+)\s*$", re.MULTILINE)


@cache
def load(path: str) -> dict[str, TextClause]:
    """The statements of app/domain/<path> by name. Each begins with a line `-- name: snake_case`.

    A line `-- use: snake_case` stands for an earlier one, so that what several ask is said once.
    """
    parts = _NAME.split((_DOMAIN / path).read_text(encoding="utf-8"))
    said: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        said[name] = _USED.sub(lambda used: said[used.group(1)], body.strip().rstrip(";"))
    return {name: text(body) for name, body in said.items()}


def changed(session: Session, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
    """Do it; how many rows were changed."""
    return int(session.connection().execute(statement, dict(values or {})).rowcount)


def every_file() -> list[str]:
    """The path of every queries.sql, for the test that EXPLAINs them."""
    return sorted(str(p.relative_to(_DOMAIN)) for p in _DOMAIN.glob("*/*.sql"))
