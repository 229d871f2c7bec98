"""The report of a bank's month, for managers: six sections in figures, as Excel and PDF, in either language.

Totals only, never a balance or a customer. Of a breakdown, groups of fewer than ten people are not told in figures; the totals
of the month are.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.errors import mark
from app.documents import chart, page, pdf
from app.documents.table import Cell, Column, Kind, Row, Table
from app.documents.xlsx import NativeChart, Sheet, workbook
from app.domain.access.keyring import organisation_of
from app.domain.bank import figures
from app.domain.bank.gates import bound
from app.domain.bank.models import ProgrammeVersion, QualificationRun
from app.domain.messages.words import REASON
from app.domain.reports import bank_cohorts
from app.domain.reports.bank_advice import Advice, advise
from app.domain.reports.bank_facts import FEWEST, Facts, gather, hidden
from app.domain.reports.made import Made
from app.domain.reports.words import FATE, GATE, OUTCOME, RUN_STATE, SENT, VERDICT, WHY, Words


def make(session: Session, run: QualificationRun, locale: str) -> Made:
    """Work out the report of a month in a language."""
    organisation, say, facts = organisation_of(session), Words(locale), gather(session, run)
    zone, advice = organisation.timezone, advise(facts, say)
    name, month = facts.programme.name, i18n.month(run.month, locale)
    title = say(mark("%(programme)s, %(month)s: report of the month"), programme=name, month=month)
    summary = _summary(facts, say)
    about, totals, gates = _about(facts, say, zone), _totals(facts, say), _gates(facts, say)
    reasons, fate, delivery = _reasons(facts, say), _fate(facts, say), _delivery(facts, say, organisation.currency)
    cohorts = bank_cohorts.tables(facts.cohorts, run.month, say)
    failures, system, advised = _failures(facts, say), _system(facts, say, zone), _advised(advice, say)
    charts: Mapping[int, NativeChart] = {
        id(totals): NativeChart(totals.title, 0, [1, 2]),
        id(reasons): NativeChart(reasons.title, 1, [2]),
        id(fate): NativeChart(fate.title, 0, [1]),
    } | {id(table): NativeChart(table.title, 0, [1]) for table in cohorts[1:]}
    tables = [about, totals, gates, reasons, *cohorts, fate, delivery, failures, system, advised]
    sheets = [Sheet(table, [charts[id(table)]] if id(table) in charts else ()) for table in tables]
    html = page.render(
        "documents/bank_month.html",
        locale=locale,
        title=title,
        organisation=organisation.name,
        summary=summary,
        cover=_cover(facts, say, zone),
        sections=[
            (say(mark("Programme summary")), [about, totals, gates], _months(facts, say)),
            (say(mark("Qualification")), [reasons, *cohorts], None),
            (say(mark("SMS delivery")), [fate, delivery], _funnel(facts, say)),
            (say(mark("Failures")), [failures], None),
            (say(mark("System performance")), [system], None),
            (say(mark("Recommendations")), [advised], None),
        ],
        nothing=say(mark("There is nothing to tell here.")),
        zone=zone,
    )
    book = workbook(sheets, title=title, locale=locale, zone=zone)
    return Made({"xlsx": book, "pdf": pdf.make(html)}, title, summary, facts.owner)


def _summary(facts: Facts, say: Words) -> str:
    """The first paragraph: what there was, how it moved, whether it may change, and who answers questions."""
    totals, sent = facts.totals, facts.sent
    month = i18n.month(facts.run.month, say.locale)
    told = [
        say(
            mark("In %(month)s, %(qualified)s of %(customers)s customers qualified for %(programme)s."),
            month=month, qualified=say.number(totals["qualified"]), customers=say.number(totals["customers"]),
            programme=facts.programme.name,
        )
    ]  # fmt: skip
    if facts.before:
        before, then = facts.before
        change = totals["qualified"] - then["qualified"]
        words = {
            1: mark("That is %(number)s more than in %(month)s."),
            0: mark("That is as many as in %(month)s."),
            -1: mark("That is %(number)s fewer than in %(month)s."),
        }[(change > 0) - (change < 0)]
        values: dict[str, object] = {"month": i18n.month(before.month, say.locale)}
        told.append(say(words, **values, **({"number": say.number(abs(change))} if change else {})))
    else:
        told.append(say(mark("It is the first month of the programme.")))
    if facts.run.released_at:
        words = mark("%(handed)s messages were handed to the providers and %(delivered)s are known to be delivered.")
        told.append(say(words, handed=say.number(sent.handed_over), delivered=say.number(sent.delivered)))
    told.append(_status(facts, say))
    if facts.owner:
        told.append(say(mark("%(name)s, who submitted the month, answers questions."), name=facts.owner))
    return " ".join(told)


def _status(facts: Facts, say: Words) -> str:
    if not facts.is_open:
        return say(mark("These figures are final."))
    if facts.run.state != "completed":
        return say(mark("These figures are provisional: the month is not completed."))
    still = facts.sent.waiting + facts.sent.in_doubt + facts.sent.no_word
    return say(
        mark("These figures are provisional. Messages without a final word: %(number)s."), number=say.number(still)
    )


def _cover(facts: Facts, say: Words, zone: str) -> list[tuple[str, str]]:
    run = facts.run
    return [
        (say(mark("Figures")), say(mark("Provisional")) if facts.is_open else say(mark("Final"))),
        (say(mark("Version of the run")), say.number(run.version)),
        (say(mark("Calculated")), _moment(run.calculated_at, say, zone)),
        (say(mark("As of")), _moment(clock.now(), say, zone)),
        (say(mark("Questions to")), facts.owner or "–"),
        (say(mark("Digest of the input")), run.input_hash or "–"),
    ]


def rule(say: Words, asked: ProgrammeVersion) -> str:
    """What a version of a programme asks for, in words."""
    amount = f"{i18n.number(asked.threshold, say.locale, 2)} {asked.currency}"
    if asked.rule == "at_least":
        return say(mark("At least %(amount)s at the close of %(days)s days"), amount=amount, days=asked.days)
    if asked.rule == "average":
        return say(mark("At least %(amount)s on average over the month"), amount=amount)
    return say(mark("At least %(amount)s at the close of every day"), amount=amount)


def _about(facts: Facts, say: Words, zone: str) -> Table:
    run, one = facts.run, facts.approval
    rows: list[Row] = [
        (say(mark("Programme")), facts.programme.name),
        (say(mark("Rule")), rule(say, facts.asked)),
        (say(mark("Month")), i18n.month(run.month, say.locale)),
        (say(mark("State")), say(_state(facts))),
        (say(mark("Version of the run")), say.number(run.version)),
        (say(mark("Version of the programme")), say.number(facts.asked.number)),
    ]
    if one:
        rows.append((say(mark("Submitted")), _by(facts, one.made_by, one.made_at, say, zone)))
        if one.decided_at:
            rows.append((say(mark("Decided")), _by(facts, one.decided_by, one.decided_at, say, zone)))
        if one.note:
            rows.append((say(mark("Note")), one.note))
    if run.released_at:
        rows.append((say(mark("Released")), _by(facts, run.released_by, run.released_at, say, zone)))
    return Table(say(mark("The month")), [Column(say(mark("What"))), Column(say(mark("Value")))], rows)


def _state(facts: Facts) -> str:
    """Where the month stands; what the cover calls provisional is not called completed here."""
    if facts.is_open and facts.run.state == "completed":
        return mark("Everybody was told; receipts are still to come")
    return RUN_STATE.get(facts.run.state, facts.run.state)


def _by(facts: Facts, who: UUID | None, at: datetime, say: Words, zone: str) -> str:
    return f"{facts.names.get(who, '–') if who else '–'}, {_moment(at, say, zone)}"


def _moment(at: datetime | None, say: Words, zone: str) -> str:
    return i18n.moment(at, say.locale, ZoneInfo(zone)) if at else "–"


def _totals(facts: Facts, say: Words) -> Table:
    before = facts.before[1] if facts.before else {}
    rows: list[Row] = []
    for name in ("customers", "qualified", "not_qualified", "indeterminate", "overridden"):
        now, then = facts.totals[name], before.get(name)
        rows.append((say(OUTCOME[name]), now, then, None if then is None else now - then))
    numbers = (mark("This month"), mark("Month before"), mark("Change"))
    columns = [Column(say(mark("Customers"))), *(Column(say(one), Kind.NUMBER) for one in numbers)]
    few = mark("Those who are new, stayed or dropped out are too few to be told in figures.")
    is_untold = facts.before and bank_cohorts.told(facts.cohorts) is None
    return Table(say(mark("Totals")), columns, rows, note=say(few) if is_untold else "")


def _gates(facts: Facts, say: Words) -> Table:
    shown = facts.approval.summary if facts.approval else {}
    waived: Mapping[str, str] = shown.get("waived", {})
    rows: list[Row] = [
        (
            say(GATE.get(gate["code"], gate["code"])), gate["value"],
            *(gate["limit"] if bound(gate["code"]) == one else None for one in ("least", "most")),
            say(VERDICT[gate["verdict"]]),
            waived.get(gate["code"], ""),
        )
        for gate in shown.get("gates") or facts.run.gates or []
    ]  # fmt: skip
    columns = [
        Column(say(mark("Check"))),
        *(Column(say(one), Kind.NUMBER, 2) for one in (mark("Value"), mark("At least"), mark("At most"))),
        Column(say(mark("Verdict"))), Column(say(mark("Passed by, because"))),
    ]  # fmt: skip
    return Table(say(mark("Gates")), columns, rows)


def _told(groups: Mapping[str, int], say: Words) -> dict[str, int | str]:
    """The numbers of a breakdown, in words where they are not told in figures."""
    small = hidden(groups)
    few, other = say(mark("fewer than %(few)s"), few=FEWEST), say(mark("not shown"))
    return {name: (few if number < FEWEST else other) if name in small else number for name, number in groups.items()}


def _broken_down(groups: Mapping[str, int], whole: int, say: Words) -> list[tuple[str, Cell, Cell]]:
    """Each group with its number and its share of the whole."""
    told = _told(groups, say)
    return [
        (name, told[name], groups[name] / whole if told[name] == groups[name] and whole else None) for name in groups
    ]


def _reasons(facts: Facts, say: Words) -> Table:
    rows: list[Row] = []
    for outcome, groups in facts.reasons.items():
        for name, number, share in _broken_down(groups, facts.totals["customers"], say):
            rows.append((say(OUTCOME[outcome]), say(WHY[name]), number, share))
    columns = [
        Column(say(mark("Outcome"))), Column(say(mark("Reason"))), Column(say(mark("Customers")), Kind.NUMBER),
        Column(say(mark("Share of all")), Kind.PERCENT),
    ]  # fmt: skip
    return Table(say(mark("Why customers did not qualify")), columns, rows)


def _fate(facts: Facts, say: Words) -> Table:
    """Everybody who qualified, by what became of them; what a sending counts anyway is told, reasons as groups."""
    whole, counted = facts.totals["qualified"], {name: number for name, number in facts.fate.items() if name in FATE}
    rows: list[Row] = [(say(FATE[name]), number, number / whole if whole else None) for name, number in counted.items()]
    rows += [(say(REASON.get(name, name)), *told) for name, *told in _broken_down(facts.reasons_not_sent, whole, say)]
    columns = [
        Column(say(mark("What became of them"))), Column(say(mark("Customers")), Kind.NUMBER),
        Column(say(mark("Share")), Kind.PERCENT),
    ]  # fmt: skip
    return Table(
        say(mark("Those who qualified")), columns, rows, (say(mark("Qualified")), whole, 1.0 if whole else None)
    )


def _delivery(facts: Facts, say: Words, currency: str) -> Table:
    sent, qualified = facts.sent, facts.totals["qualified"]
    rows: list[Row] = [
        (say(SENT[name]), getattr(sent, name), sent.rate(name) if rate else None) for name, rate in DELIVERY
    ]
    rows.append(
        (
            say(mark("Delivered, of those who qualified")),
            sent.delivered,
            sent.delivered / qualified if qualified else None,
        )
    )
    rows.append((say(mark("Arrived twice")), sent.duplicate_delivered, None))
    rows.append((say(mark("Parts")), sent.parts, None))
    columns = [
        Column(say(mark("Messages"))), Column(say(mark("Number")), Kind.NUMBER), Column(say(mark("Share")), Kind.PERCENT),
    ]  # fmt: skip
    note = say(
        mark(
            "Shares are of what was handed over; what was handed over is a share of what was to be sent. Cost: %(cost)s."
        ),
        cost=i18n.money(sent.cost, currency, say.locale),
    )
    return Table(say(mark("Messages of the release")), columns, rows, note=note)


# The numbers of a sending (messages/totals.py) and whether a rate stands beside them.
DELIVERY = (
    ("to_send", False), ("handed_over", True), ("delivered", True), ("failed", True), ("no_word", False),
    ("waiting", False), ("in_doubt", False), ("taken_back", False),
)  # fmt: skip


def _failures(facts: Facts, say: Words) -> Table:
    groups = dict(sorted(facts.sent.failures.items(), key=lambda item: (-item[1], item[0])))
    rows: list[Row] = [
        (say(REASON.get(name, name)), *told) for name, *told in _broken_down(groups, facts.sent.handed_over, say)
    ]
    columns = [
        Column(say(mark("Reason"))), Column(say(mark("Messages")), Kind.NUMBER),
        Column(say(mark("Share of what was handed over")), Kind.PERCENT),
    ]  # fmt: skip
    return Table(say(mark("Failures by reason")), columns, rows)


def _system(facts: Facts, say: Words, zone: str) -> Table:
    run, took, timing = facts.run, facts.taking, facts.timing
    days = say(mark("%(taken)s of %(days)s, %(failed)s failed"), taken=took.taken, days=took.days, failed=took.failed)
    rows: list[Row] = [
        (say(mark("Days of balances taken")), days),
        (say(mark("Taking a day, usually")), _span(took.usual, say)),
        (say(mark("Taking a day, at the slowest")), _span(took.slowest, say)),
        (say(mark("Records kept")), say.number(took.records)),
        (say(mark("Records with something wrong")), say.number(took.issues)),
        (
            say(mark("From asking to the calculated month")),
            _span(figures.seconds(run.created_at, run.calculated_at), say),
        ),
        (say(mark("Making the messages")), _span(figures.seconds(run.released_at, run.made_at), say)),
        (say(mark("First message handed over")), _moment(timing.first, say, zone)),
        (say(mark("From the first message to the last")), _span(figures.seconds(timing.first, timing.last), say)),
        (say(mark("Attempts to hand over")), say.number(timing.attempts)),
        (say(mark("Delivered within, half of them")), _span(timing.usual, say)),
        (say(mark("Delivered within, nine of ten")), _span(timing.slow, say)),
    ]
    return Table(say(mark("How the system did")), [Column(say(mark("What"))), Column(say(mark("Value")))], rows)


def _span(seconds: float | None, say: Words) -> str:
    return "–" if seconds is None else str(timedelta(seconds=round(seconds)))


def _advised(advice: Sequence[Advice], say: Words) -> Table:
    columns = [Column(say(mark("What to do")), width=60), Column(say(mark("Because of")))]
    return Table(say(mark("What the figures advise")), columns, [(one.words, one.number) for one in advice])


def _months(facts: Facts, say: Words) -> Markup | None:
    if facts.before is None:
        return None
    before, then = facts.before
    names = ("qualified", "not_qualified", "indeterminate")
    months = ((before.month, then), (facts.run.month, facts.totals))
    series = [chart.Series(i18n.month(month, say.locale), [totals[name] for name in names]) for month, totals in months]
    return chart.bars(say(mark("Totals")), [say(OUTCOME[name]) for name in names], series, locale=say.locale)


def _funnel(facts: Facts, say: Words) -> Markup:
    steps: list[tuple[str, int, float | None]] = [
        (say(mark("Qualified")), facts.totals["qualified"], None),
        (say(SENT["handed_over"]), facts.sent.handed_over, facts.sent.rate("handed_over")),
        (say(SENT["delivered"]), facts.sent.delivered, facts.sent.rate("delivered")),
    ]
    return chart.funnel(say(mark("From those who qualified to those who have it")), steps, locale=say.locale)
