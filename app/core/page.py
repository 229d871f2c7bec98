"""Keyset pages: a list never counts its way to a page, it continues after the last row seen."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, cast, tuple_
from sqlalchemy.orm import Session

from app.core import jsontext
from app.core.errors import Invalid, mark

T = TypeVar("T")
PER_PAGE = 50
MOST = 200


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `next` and `prev` are cursors or None, `total` is known when the list is a single page."""

    items: Sequence[T]
    next: str | None = None
    prev: str | None = None
    total: int | None = None
    per_page: int = PER_PAGE


@dataclass(frozen=True)
class Ask:
    """What page is wanted: a cursor from an earlier page and a size."""

    cursor: str | None = None
    per_page: int = PER_PAGE


def _encode(back: bool, values: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps([back, *map(str, values)]).encode()).decode().rstrip("=")


def _decode(cursor: str, keys: int) -> tuple[bool, list[str]]:
    try:
        back, *values = jsontext.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        kept = [str(value) for value in values]
    except (TypeError, ValueError, binascii.Error):
        raise Invalid(mark("The page address is not valid. Start again from the first page.")) from None
    if len(kept) != keys:
        raise Invalid(mark("The page address is not valid. Start again from the first page."))
    return bool(back), kept


def fetch(
    session: Session,
    query: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    ask: Ask,
    *,
    descending: bool = False,
) -> Page[Any]:
    """One page of `query` ordered by `keys`, which must be unique together and never null.

    The keys must be selected too, labelled key_0, key_1 ... or be columns of the selected entity.
    """
    per_page = max(1, min(ask.per_page, MOST))
    back, values = _decode(ask.cursor, len(keys)) if ask.cursor else (False, [])
    marked = narrowed(query, keys, ask, descending=descending).add_columns(
        *[k.label(f"key_{n}") for n, k in enumerate(keys)]
    )
    rows = list(session.execute(marked).all())
    more, rows = len(rows) > per_page, rows[:per_page]
    if back:
        rows.reverse()
    ends = [[getattr(r, f"key_{n}") for n in range(len(keys))] for r in (rows[:1] + rows[-1:])]
    has_next, has_prev = (bool(values), more) if back else (more, bool(values))
    items = [r[0] if len(r) == 1 + len(keys) else r for r in rows]
    return Page(
        items=items,
        next=_encode(False, ends[1]) if rows and has_next else None,
        prev=_encode(True, ends[0]) if rows and has_prev else None,
        total=None if values or more else len(rows),
        per_page=per_page,
    )


def narrowed(
    query: Select[Any], keys: Sequence[ColumnElement[Any]], ask: Ask, *, descending: bool = False
) -> Select[Any]:
    """As much of a query as can be on the page, in its order, and a row more: what `fetch` asks.

    Also for the parts of a union, so that each of them reads no further than the page.
    """
    back, values = _decode(ask.cursor, len(keys)) if ask.cursor else (False, [])
    downward = descending != back
    if values:
        bound = tuple_(*keys)
        after = tuple_(*[_cast(k, v) for k, v in zip(keys, values, strict=True)])
        query = query.where(bound < after if downward else bound > after)
    per_page = max(1, min(ask.per_page, MOST))
    return query.order_by(*[k.desc() if downward else k.asc() for k in keys]).limit(per_page + 1)


def _cast(key: ColumnElement[Any], value: str) -> Any:
    return cast(bindparam(None, value), key.type)
