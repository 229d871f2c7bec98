"""Named hand-written SQL: a queries.sql beside the verb that uses it."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import TextClause, text

_DOMAIN = Path(__file__).parent.parent / "domain"
_NAME = re.compile(r"^-- name: ([a-z_]+)\s*$", re.MULTILINE)


@cache
def load(path: str) -> dict[str, TextClause]:
    """The statements of app/domain/<path> by name. Each begins with a line `-- name: snake_case`."""
    parts = _NAME.split((_DOMAIN / path).read_text(encoding="utf-8"))
    return {name: text(body.strip().rstrip(";")) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def every_file() -> list[str]:
    """The path of every queries.sql, for the test that EXPLAINs them."""
    return sorted(str(p.relative_to(_DOMAIN)) for p in _DOMAIN.glob("*/*.sql"))
