"""Everything the report of a month says, gathered once: its tables and its advice are about the same numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.domain.access import users
from app.domain.access.keyring import organisation_of
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.bank import cohorts, figures, forecast, programmes, release
from app.domain.bank.balances import month_of
from app.domain.bank.cohorts import Cohorts
from app.domain.bank.figures import Carried, Taking, Timing
from app.domain.bank.models import Programme, ProgrammeVersion, QualificationRun
from app.domain.messages.totals import Totals
from app.domain.reports.words import FATE

RECENT = 3  # months in which a day that is missing again shows a feed that is not sound
FEWEST = 10  # people of a group that is told in figures


@dataclass(frozen=True)
class Ahead:
    """The month after the report's, while it runs: how many are expected to qualify, and what their messages may cost."""

    month: date
    expected: int
    budget: Decimal
    currency: str


@dataclass(frozen=True)
class Facts:
    """A month in figures. `fate` is what became of everybody who qualified; it adds up to them."""

    run: QualificationRun
    programme: Programme
    asked: ProgrammeVersion
    approval: Approval | None
    names: Mapping[UUID, str]
    totals: Mapping[str, int]
    before: tuple[QualificationRun, Mapping[str, int]] | None  # of the month before, and its totals
    cohorts: Cohorts
    reasons: Mapping[str, Mapping[str, int]]
    near: int
    missing: Sequence[Sequence[tuple[date, int]]]  # of the month and those before it
    customers: Sequence[int]  # of the same months
    sent: Totals
    sent_before: Totals | None  # of the month before
    carried: Sequence[Carried]
    put_off: int
    old_consents: int
    fate: Mapping[str, int]
    stopped: int
    corrected: int
    most_overrides: int
    taking: Taking
    timing: Timing
    ahead: Ahead | None  # where its programme has a budget, and there is a forecast

    @property
    def reasons_not_sent(self) -> dict[str, int]:
        """Of their fate, why some got nothing."""
        return {name: number for name, number in self.fate.items() if name not in FATE}

    @property
    def is_open(self) -> bool:
        """True while the figures may still change."""
        sent = self.sent
        return self.run.state != "completed" or bool(sent.waiting + sent.in_doubt + sent.no_word)

    @property
    def owner(self) -> str:
        """Who answers questions: who submitted the month."""
        asked = self.approval.made_by if self.approval else self.run.created_by
        return self.names.get(asked, "") if asked else ""


def gather(session: Session, run: QualificationRun) -> Facts:
    """Work out a month."""
    by = system(run.organisation_id)
    approval = decisions.get(session, run.approval_id) if run.approval_id else None
    sent, totals = release.numbers(session, run, by=by), figures.totals(session, run, by=by)
    months = figures.lately(session, run, RECENT, by=by)
    decided = (approval.made_by, approval.decided_by) if approval else ()
    before = figures.month_before(session, run, by=by)
    return Facts(
        run=run,
        programme=programmes.of_run(session, run),
        asked=programmes.version_of(session, run, by=by),
        approval=approval,
        names=users.names(session, figures.people_of(run, decided)),
        totals=totals,
        before=before,
        cohorts=cohorts.of_run(session, run, by=by),
        reasons=figures.reasons(session, run, by=by),
        near=figures.near(session, run, by=by),
        missing=[figures.missing_days(session, one, by=by) for one in months],
        customers=[int((one.totals or {}).get("customers", 0)) for one in months],
        sent=sent,
        sent_before=release.numbers(session, before[0], by=by) if before else None,
        carried=figures.carried(session, run, by=by),
        put_off=figures.put_off(session, run, by=by),
        old_consents=figures.old_consents(session, run, by=by),
        fate=_fate(run, totals["qualified"], sent),
        stopped=figures.stopped(session, run, by=by),
        corrected=figures.corrected_since(session, run, by=by),
        most_overrides=figures.most_overrides(session, run, by=by),
        taking=figures.taking(session, run, by=by),
        timing=figures.timing(session, run, by=by),
        ahead=_ahead(session, run, by),
    )


def _ahead(session: Session, run: QualificationRun, by: Actor) -> Ahead | None:
    programme = programmes.of_run(session, run)
    budget = programmes.current(session, programme).budget
    if budget is None or forecast.so_far(session)[0] != month_of(run.month)[1]:
        return None
    found = forecast.read(session, programme.id, by=by)
    if found.expected is None:
        return None
    return Ahead(found.month, found.expected, budget, organisation_of(session).currency)


def _fate(run: QualificationRun, qualified: int, sent: Totals) -> dict[str, int]:
    """By handed over, waiting, in doubt, and each reason why somebody got nothing."""
    handed = {name: getattr(sent, name) for name in ("handed_over", "waiting", "in_doubt")}
    reasons = dict(sorted(sent.skips.items(), key=lambda item: (-item[1], item[0])))
    return (
        {name: number for name, number in handed.items() if number or name == "handed_over"}
        | reasons
        | (figures.not_told(run, qualified, sent.audience))
    )


def hidden(groups: Mapping[str, int]) -> set[str]:
    """The groups whose number is not told: those below FEWEST, and where that is one alone the next smallest with it.

    Without the second, the one would follow from the others and their sum.
    """
    small = {name for name, number in groups.items() if 0 < number < FEWEST}
    others = [name for name, number in groups.items() if number >= FEWEST]
    return small | {min(others, key=lambda name: groups[name])} if len(small) == 1 and others else small
