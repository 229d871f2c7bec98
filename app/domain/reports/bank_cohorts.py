"""The part of a month's report that tells who is new, stayed or dropped out, and for how many months running people qualified."""

from collections.abc import Mapping
from datetime import date

from app.core import i18n
from app.core.errors import mark
from app.documents.table import Column, Kind, Row, Table
from app.domain.bank.cohorts import RATES, Cohort, Cohorts
from app.domain.reports.bank_facts import FEWEST
from app.domain.reports.words import MOVED, Words


def told(cohorts: Cohorts) -> Cohorts | None:
    """The cohorts as far as they may be told; None in the first month, and where not even all together may.

    Every number of the tables is a sum of those who are new, stayed or dropped out. The longest cohorts are put together until
    none of these groups is small, so that none follows from others either.
    """
    if cohorts.before is None:
        return None
    for months in range(len(cohorts.rows), 0, -1):
        folded = cohorts if months == len(cohorts.rows) else cohorts.folded(months)
        groups = [folded.gained, *(group for row in folded.rows for group in (row.stayed, row.dropped))]
        if not any(0 < group < FEWEST for group in groups):
            return folded
    return None


def tables(cohorts: Cohorts, month: date, say: Words) -> list[Table]:
    """Who came and went against the month before, and the cohorts of both months; nothing where it may not be told."""
    found = told(cohorts)
    if found is None or found.before is None:
        return []
    ends = {"now": i18n.month(month, say.locale), "then": i18n.month(found.before.month, say.locale)}
    return [_moved(found, ends, say), _running(found, ends, say)]


def _moved(found: Cohorts, ends: Mapping[str, str], say: Words) -> Table:
    columns = [
        Column(say(mark("Customers"))), Column(say(mark("Number")), Kind.NUMBER), Column(say(mark("Share")), Kind.PERCENT),
        Column(say(mark("Of whom"))),
    ]  # fmt: skip
    rows: list[Row] = [
        (say(MOVED[name], month=ends[whole]), getattr(found, name), found.rate(name), _qualified(ends[whole], say))
        for name, whole in RATES.items()
    ]
    return Table(say(mark("Who came, stayed and went")), columns, rows)


def _running(found: Cohorts, ends: Mapping[str, str], say: Words) -> Table:
    columns = [
        Column(say(mark("Months running"))),
        Column(_qualified(ends["now"], say), Kind.NUMBER),
        Column(say(mark("Share of all in %(month)s"), month=ends["now"]), Kind.PERCENT),
        Column(_qualified(ends["then"], say), Kind.NUMBER),
        Column(say(mark("Of these, again in %(month)s"), month=ends["now"]), Kind.NUMBER),
        Column(say(mark("Retention")), Kind.PERCENT),
    ]
    rows: list[Row] = [
        (_length(row, say), row.now, found.share(row), row.then, row.stayed, row.retention) for row in found.rows
    ]
    note = mark("Retention: of those who had qualified so many months running up to %(before)s, who did in %(month)s.")
    said = say(note, before=ends["then"], month=ends["now"])
    return Table(say(mark("How many months running")), columns, rows, note=said)


def _qualified(month: str, say: Words) -> str:
    return say(mark("Qualified in %(month)s"), month=month)


def _length(row: Cohort, say: Words) -> str:
    number = say.number(row.months)
    return say(mark("%(number)s or more"), number=number) if row.or_more else number
