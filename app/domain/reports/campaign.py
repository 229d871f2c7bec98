"""The report of one campaign: numbers, who did not get it and why, over time; as Excel and PDF, in either language."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import system
from app.core.errors import mark
from app.documents import chart, page, pdf
from app.documents.table import Column, Kind, Table
from app.documents.xlsx import NativeChart, Sheet, workbook
from app.domain.access.keyring import organisation_of
from app.domain.campaigns import results
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.results import Reach
from app.domain.messages.totals import Totals, together
from app.domain.messages.words import CHANNEL, REASON
from app.domain.reports.made import Made
from app.domain.reports.words import Words


def make(session: Session, campaign: Campaign, locale: str) -> Made:
    """Work out the report of a campaign in a language; totals only, it names nobody."""
    organisation = organisation_of(session)
    say = Words(locale)
    by = system(campaign.organisation_id)
    numbers, minutes = results.numbers(session, campaign, by=by), results.over_time(session, campaign, by=by)
    people, zone = results.reach(session, campaign, by=by), organisation.timezone
    title = say(mark("Campaign report: %(name)s"), name=campaign.name)
    tables = [
        _overview(say, numbers, organisation.currency),
        _not_sent(say, numbers, people),
        _failures(say, numbers),
        _over_time(say, minutes, zone),
    ]
    summary = _summary(say, campaign, numbers, people)
    charts: list[list[NativeChart]] = [
        [NativeChart(tables[0].title, 0, [1, 3, 4])], [], [], [NativeChart(tables[3].title, 0, [1, 2], "line")],
    ]  # fmt: skip
    book = workbook([Sheet(t, c) for t, c in zip(tables, charts, strict=True)], title=title, locale=locale, zone=zone)
    html = page.render(
        "documents/campaign.html",
        locale=locale,
        title=title,
        organisation=organisation.name,
        period=_period(campaign, locale, zone),
        summary=summary,
        tiles=_tiles(say, numbers, people, organisation.currency),
        explained=say(
            mark("Handed over is a share of what was to be sent; every other share is of what was handed over.")
        ),
        funnels=[(say(CHANNEL[one.channel]), _funnel(say, one)) for one in numbers],
        timeline=_timeline(say, minutes, zone),
        tables=[table for table in tables if table.rows],
        zone=zone,
    )
    return Made({"xlsx": book, "pdf": pdf.make(html)}, title, summary)


def _summary(say: Words, campaign: Campaign, numbers: Sequence[Totals], people: Reach) -> str:
    whole = together(numbers)
    final = campaign.state in ("completed", "cancelled")
    status = (
        say(mark("The sending has ended; receipts may still change the numbers."))
        if final
        else say(mark("The sending goes on: these numbers are provisional."))
    )
    first = say(
        mark(
            "Of %(people)s people in the audience, %(reached)s were written to: %(handed)s messages were handed to the "
            "providers and %(delivered)s are known to be delivered."
        ),
        people=say.number(people.people),
        reached=say.number(people.reached),
        handed=say.number(whole.handed_over),
        delivered=say.number(whole.delivered),
    )  # fmt: skip
    return f"{first} {status}"


def _period(campaign: Campaign, locale: str, zone: str) -> str:
    moments = [m for m in (campaign.launched_at, campaign.completed_at or clock.now()) if m]
    return " – ".join(i18n.moment(m, locale, ZoneInfo(zone)) for m in moments)


def _tiles(say: Words, numbers: Sequence[Totals], people: Reach, currency: str) -> list[tuple[str, str]]:
    whole = together(numbers)
    return [
        (say(mark("People in the audience")), say.number(people.people)),
        (say(mark("People written to")), say.number(people.reached)),
        (say(mark("Handed over")), say.number(whole.handed_over)),
        (say(mark("Delivered")), say.number(whole.delivered)),
        (say(mark("Unsubscribed")), say.number(whole.unsubscribed)),
        (say(mark("Cost")), i18n.money(whole.cost, currency, say.locale)),
    ]


# The columns of the overview: a number of Totals, and whether its rate stands beside it.
OVERVIEW = (
    ("audience", mark("Audience"), False),
    ("left_out", mark("Left out"), False),
    ("handed_over", mark("Handed over"), False),
    ("delivered", mark("Delivered"), True),
    ("opened", mark("Opened"), True),
    ("clicked", mark("Clicked"), True),
    ("unsubscribed", mark("Unsubscribed"), True),
    ("failed", mark("Did not arrive"), True),
    ("in_doubt", mark("In doubt"), False),
)


def _overview(say: Words, numbers: Sequence[Totals], currency: str) -> Table:
    columns, names = [Column(say(mark("Channel")))], []
    for name, title, has_rate in OVERVIEW:
        columns.append(Column(say(title), Kind.NUMBER))
        names.append((name, False))
        if has_rate:
            columns.append(Column(say(mark("%(name)s, share"), name=say(title)), Kind.PERCENT))
            names.append((name, True))
    columns.append(Column(say(mark("Cost")), Kind.MONEY, currency=currency))
    rows: list[Any] = [
        (say(CHANNEL[one.channel]), *(one.rate(name) if rate else getattr(one, name) for name, rate in names), one.cost)
        for one in numbers
    ]
    return Table(say(mark("Overview")), columns, rows, note=say(mark("Shares are of what was handed over.")))


def _not_sent(say: Words, numbers: Sequence[Totals], people: Reach) -> Table:
    columns = [Column(say(mark("Channel"))), Column(say(mark("Reason"))), Column(say(mark("Contacts")), Kind.NUMBER)]
    rows = [
        (say(CHANNEL[one.channel]), say(REASON.get(reason, reason)), count)
        for one in numbers
        for reason, count in sorted(one.skips.items(), key=lambda item: -item[1])
    ]
    # Not their sum: who is left out on both channels is one person.
    total = (say(mark("People who got nothing at all")), "", people.people - people.reached) if rows else None
    return Table(say(mark("Who did not get it, and why")), columns, rows, total)


def _failures(say: Words, numbers: Sequence[Totals]) -> Table:
    columns = [Column(say(mark("Channel"))), Column(say(mark("Reason"))), Column(say(mark("Messages")), Kind.NUMBER)]
    rows = [
        (say(CHANNEL[one.channel]), say(REASON.get(reason, reason)), count)
        for one in numbers
        for reason, count in sorted(one.failures.items(), key=lambda item: -item[1])
    ]
    return Table(say(mark("Failures")), columns, rows)


def _over_time(say: Words, minutes: Sequence[tuple[str, int, int]], zone: str) -> Table:
    columns = [
        Column(say(mark("Minute")), Kind.MOMENT),
        Column(say(mark("Handed over")), Kind.NUMBER),
        Column(say(mark("Delivered")), Kind.NUMBER),
    ]
    return Table(
        say(mark("Over time")), columns, [(datetime.fromisoformat(at), sent, done) for at, sent, done in minutes]
    )


def _funnel(say: Words, one: Totals) -> Any:
    steps: list[tuple[str, int, float | None]] = [
        (say(mark("Audience")), one.audience, None),
        (say(mark("Handed over")), one.handed_over, one.rate("handed_over")),
        (say(mark("Delivered")), one.delivered, one.rate("delivered")),
    ]
    for name, title, value in (("opened", mark("Opened"), one.opened), ("clicked", mark("Clicked"), one.clicked)):
        if value is not None:
            steps.append((say(title), value, one.rate(name)))
    return chart.funnel(say(CHANNEL[one.channel]), steps, locale=say.locale)


def _timeline(say: Words, minutes: Sequence[tuple[str, int, int]], zone: str) -> Any:
    if len(minutes) < 2:
        return None
    labels = chart.minutes([at for at, _, _ in minutes], ZoneInfo(zone))
    series = [
        chart.Series(say(mark("Handed over")), [sent for _, sent, _ in minutes]),
        chart.Series(say(mark("Delivered")), [done for _, _, done in minutes]),
    ]
    return chart.line(say(mark("Over time")), labels, series, locale=say.locale)
