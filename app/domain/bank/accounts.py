"""The accounts of customers, where the core bank tells them, and what a customer has on a day.

A customer has on a day the sum of what his accounts hold that a programme counts, by their type and in its currency. Nothing is
guessed:

- An account lasts from the day it was opened, or the first one a value of it is known of, to its closing; both are told, or it is
  open. A value of a day after its closing opens it again.
- On a day that an account lasts it has to have a value. Without one the customer has none, whatever his other accounts hold.
- Before its first day and after its last an account is not there: the sum is that of the others.
- An account that changes its type counts on the days it is told as of a type that counts; where it ever did in the month, or
  does now, each of its days has to be told.
- A balance that is told without an account is all a customer has, whatever accounts are known of. A day is told one way or the
  other, never both; a value of one way is carried no further than to the next of the other.
- Whoever has no account that counts has no value on any day, as one the bank has told nothing of.

The statement `judged` says the same by the set, `whole_days` for whoever else asks.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, Subquery, and_, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import live
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.bank.amounts import Value
from app.domain.bank.models import Balance, BankAccount

TYPES = ("current", "savings", "deposit", "loan", "other")  # that every bank knows; it may have words of its own
_SQL = load("bank/queries.sql")


def keep(session: Session, values: Sequence[Value]) -> set[date]:
    """Keep what some records say of accounts; the days whose months look otherwise now, before and after."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for value in sorted((one for one in values if one.record.account), key=lambda one: (one.day, one.record.version)):
        key = value.record.external_id, value.record.account
        before = told.get(key, {"first_day": value.day, "opened_on": None, "closed_on": None})
        told[key] = before | {
            "external_id": key[0], "account": key[1], "account_type": value.account_type, "currency": value.record.currency,
            "day": value.day, "opened_on": value.opened_on or before["opened_on"],
            "closed_on": value.closed_on or _still(before["closed_on"], value.day),
        }  # fmt: skip
    if not told:
        return set()
    given = {"organisation": actor_of(session).organisation_id, "batch": json.dumps([*told.values()], default=str)}
    return {day for row in session.execute(_SQL["note_accounts"], given).all() for day in _otherwise(row)}


def _otherwise(row: Any) -> Iterator[date]:
    """The days from which to which an account is another now than it was; of a month between them its first."""
    today = clock.now().date()  # until then one lasts that is open
    begins, ends = min(filter(None, (row.opened_on, row.first_day))), row.closed_on or today
    spans = [(begins, ends)]  # of a new one all
    if row.was_since:
        began = min(filter(None, (row.was_opened, row.was_first)))
        spans = [(began, begins), (row.was_closed or today, ends), (row.was_since, row.since)]
    for first, last in (sorted(span) for span in spans if span[0] != span[1] or not row.was_since):
        yield from (first, last)
        months = range(first.year * 12 + first.month, last.year * 12 + last.month)
        yield from (date(n // 12, n % 12 + 1, 1) for n in months)


def _still(closed_on: date | None, day: date) -> date | None:
    """A closing that was told, unless a value of a later day came."""
    return closed_on if closed_on and day <= closed_on else None


def came(session: Session, customers: Iterable[str]) -> dict[str, date]:
    """The days on which customers came to the bank, by their accounts: the earliest one, once each of them says it."""
    found = session.execute(_SQL["came"], {"customers": list(customers)})
    return {row.external_id: row.opened_on for row in found}


def types(session: Session, *, by: Actor) -> list[str]:
    """The types of accounts there are: those every bank knows, and those this one has told of."""
    require(by, "bank:read")
    told = session.execute(select(BankAccount.account_type).distinct()).scalars().all()
    return [*TYPES, *sorted({*told} - {*TYPES})]


def whole_days(first: date, days: int, currency: str) -> Subquery:
    """What customers had on some days in all their accounts (contact_id, day, amount), by the newest version of each."""
    told, account = live(Balance).c, live(BankAccount).c
    several = select(account.contact_id).group_by(account.contact_id).having(func.count() > 1)
    span = told.is_current, told.currency == currency, told.day >= first, told.day < first + timedelta(days=days)
    alone = select(told.contact_id, told.day, told.amount).where(
        *span, (told.account == "") | told.contact_id.not_in(several)
    )
    day = (literal(first, Date) + func.generate_series(0, days - 1).column_valued("n")).label("day")
    ever = (
        select(told.day).where(*span, told.contact_id == account.contact_id, told.account == account.account).exists()
    )
    there = select(account.contact_id, account.account, day).where(
        account.contact_id.in_(several), (account.currency == currency) | ever,
        func.least(account.opened_on, account.first_day) <= day.element,
        func.coalesce(account.closed_on, day.element) >= day.element,
    ).subquery().c  # fmt: skip
    same = (told.contact_id == there.contact_id) & (told.account == there.account) & (told.day == there.day)
    together = (
        select(there.contact_id, there.day, func.sum(told.amount))
        .outerjoin_from(there.contact_id.table, live(Balance), and_(same, *span))
        .group_by(there.contact_id, there.day)
        .having(func.count(told.amount) == func.count())
    )
    return union_all(alone, together).subquery()
