"""month: the pages of a bank's month and its report, with 100,000 customers and a year of months before it.

A page stands beside the same page drawn without the database (page.py); the report beside the same two files made of facts that
were gathered before. It is made in Hebrew, which is the longer way: its letters are shaped from right to left.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.db import make_engine, make_owner_engine, session_factory
from app.core.settings import Settings
from app.core.unit import act_as, unit_of_work
from app.documents import pdf
from app.domain.approvals import decisions
from app.domain.bank import programmes, qualification, release, review
from app.domain.bank.balances import month_of
from app.domain.bank.models import BalanceDay, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.bank.review import SubmitInput
from app.domain.messages import sends
from app.domain.providers.models import ProviderAccount
from app.domain.reports import bank_facts, bank_month
from tests.factories import sending
from tests.servers.house import House, whole
from tests.servers.throwaway import Servers
from tests.speed.crowd import fill
from tests.speed.page import TURNS, compared, load, signed_in
from tests.speed.qualify import timed
from tests.speed.row import Row

OpenUnit = Callable[[Actor], AbstractContextManager[Session]]
NAME = "bench_month"
MONTHS = 13
BEGUN = 3  # days of the month that runs, and of those a forecast compares it with
REPORT, PDF = 10, 3  # seconds at most
# One of seven is below on some day, another one in each month; one of a thousand has a day without a value.
_DAY = """
INSERT INTO balances (contact_id, day, version, amount, currency, record, source, taken_at, is_current, organisation_id)
SELECT c.id, CAST(:day AS date), 1, CASE WHEN c.external_id::int % 7 = :month AND c.external_id::int % 31 < :number THEN 14000 ELSE 16000 END,
  'ILS', c.external_id || :day, 'bench', now(), true, c.organisation_id
FROM contacts c WHERE c.external_id::int % 1001 <> 0 OR :number <> 17 ORDER BY c.id
"""
_OUTCOMES = """
INSERT INTO qualification_outcomes (organisation_id, run_id, contact_id, outcome, days_passed, days_required, missing, lowest, average)
SELECT organisation_id, CAST(:run AS uuid), contact_id, CASE WHEN hashtext(contact_id::text || CAST(:run AS text)) % 10 = 0 THEN 'not_qualified' ELSE 'qualified' END,
  days_passed, days_required, '{}', lowest, average
FROM qualification_outcomes WHERE run_id = :like
"""
_MESSAGES = """
INSERT INTO messages (organisation_id, occurrence_id, send_id, contact_id, channel, state, reason, rank, priority, due_at, attempts,
  provider_account_id, parts, cost, created_at, sent_at, final_at)
SELECT organisation_id, :occurrence, :send, contact_id, 'sms', state, CASE state WHEN 'failed' THEN 'invalid_number' WHEN 'skipped' THEN 'no_address' END,
  70, 20, :now, 1, :account, 1, 0.03, :now, :now, CAST(:now AS timestamptz) + interval '40 seconds'
FROM (SELECT *, CASE abs(hashtext(contact_id::text)) % 40 WHEN 0 THEN 'failed' WHEN 1 THEN 'skipped' ELSE 'delivered' END AS state
  FROM qualification_outcomes WHERE run_id = :run AND outcome = 'qualified') AS told
"""
_ATTEMPTS = """
INSERT INTO attempts (organisation_id, occurrence_id, message_id, number, provider_account_id, started_at, finished_at, outcome)
SELECT organisation_id, occurrence_id, id, 1, provider_account_id, sent_at, sent_at, 'accepted' FROM messages
WHERE send_id = :send AND state <> 'skipped'
"""
_NOTICES = """
INSERT INTO qualification_notices (organisation_id, programme_id, month, contact_id, run_id, noted_at)
SELECT m.organisation_id, r.programme_id, r.month, m.contact_id, r.id, :now FROM messages m, qualification_runs r
WHERE m.send_id = :send AND r.id = :run
"""


def measure(servers: Servers, customers: int = 100_000, requests: int = 160) -> Iterator[Row]:
    """One row a page, then the report."""
    entry = "tests.speed.redrawn:app"
    with (
        tempfile.TemporaryDirectory() as folder,
        whole(servers, NAME, Path(folder), workers=2, entry=entry) as house,
    ):
        settings = Settings.from_env(house.env)
        engine = make_engine(settings)
        month = Month(house, partial(unit_of_work, session_factory(engine, settings)), customers)
        looked_over(servers)
        for name, (path, cookie) in month.pages.items():
            ours, floor = compared(servers, house, path, cookie, requests // TURNS)
            p95 = load(house, path, cookie, requests)
            ratio, said = ours / floor, f"{ours:.1f} ms, p95 {p95:.0f}"
            target = "<= 3 times, p95 < 100 ms"
            yield Row(f"page: {name}", said, f"{floor:.1f} ms", ratio, target, ratio <= 3 and p95 < 100)
        month.tell()
        looked_over(servers)
        yield month.report()
        engine.dispose()


def looked_over(servers: Servers) -> None:
    """Let the database look over what was written, as it does by itself in a while; the house has no owner of its tables."""
    owner = make_owner_engine(Settings.from_env(servers.env(NAME, redis=7)))
    with owner.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    owner.dispose()


class Month:
    """A month that waits for its decision, and those before it; then told."""

    def __init__(self, house: House, unit: OpenUnit, customers: int) -> None:
        officer, approver = (house.call(role, "GET", "/me")[1]["data"] for role in ("bank_officer", "admin"))
        self.unit, self.by = unit, system(UUID(officer["organisation_id"]))
        with unit(self.by) as session:
            fill(session, self.by.organisation_id, customers, reachable=True)
            template = sending.sms_template(session, message_class="service")
            programme = programmes.create(session, ProgrammeInput(name="Bench", template_id=template.id), by=self.by)
            sending.account(session)
        self.programme = programme.id
        running = clock.today("Asia/Jerusalem").replace(day=1)
        months = [running]
        for _ in range(MONTHS):
            months.append((months[-1] - timedelta(days=1)).replace(day=1))
        for month in months[:4]:
            self._take(month, 31 if month == months[1] else BEGUN)
        with unit(self.by) as session:
            cookie, by = signed_in(session, UUID(officer["user_id"]))
            other, _ = signed_in(session, UUID(approver["user_id"]))
            act_as(session, by)
            self.run = self._calculated(session, months[1], by)
            for month in months[2:]:
                self._copied(session, month)
            run = session.get_one(QualificationRun, self.run)
            blocking = [gate["code"] for gate in run.gates or [] if gate["verdict"] == "block"]
            review.submit(
                session, self.run, SubmitInput(waived=dict.fromkeys(blocking, "Looked at by the bench.")), by=by
            )
        page = f"/bank/runs/{self.run}"
        self.pages = {
            "month": (page, cookie),
            "month's decision": (f"{page}/review", other),
            "month's reports": (f"/reports/months/{self.run}", cookie),
        }

    def _take(self, month: date, most: int) -> None:
        first, after = month_of(month)
        with self.unit(self.by) as session:
            session.execute(select(func.ensure_balances(first)))
        for number in range(1, min(most, (after - first).days) + 1):
            day = first + timedelta(days=number - 1)
            with self.unit(self.by) as session:
                values = {"day": day.isoformat(), "number": number, "month": month.month % 7}
                kept = session.connection().execute(text(_DAY), values).rowcount
                now = clock.now()
                session.add(
                    BalanceDay(
                        organisation_id=self.by.organisation_id, day=day, state="taken", records=kept, kept=kept, due_at=now,
                        asked_at=now, taken_at=now,
                    )
                )  # fmt: skip

    def _calculated(self, session: Session, month: date, by: Actor) -> UUID:
        run = qualification.start(session, self.programme, month, by=by)
        qualification.calculate(session, run.id)
        session.flush()
        return run.id

    def _copied(self, session: Session, month: date) -> None:
        """An earlier month, of the same customers and with other outcomes."""
        now = session.get_one(QualificationRun, self.run)
        run = QualificationRun(
            organisation_id=now.organisation_id, programme_id=now.programme_id, programme_version_id=now.programme_version_id,
            month=month, version=1, state="completed", created_at=now.created_at, calculated_at=now.calculated_at,
        )  # fmt: skip
        session.add(run)
        session.flush()
        session.execute(text(_OUTCOMES), {"run": str(run.id), "like": self.run})
        counted = text("SELECT outcome, count(*) FROM qualification_outcomes WHERE run_id = :run GROUP BY outcome")
        found: dict[str, int] = dict(session.execute(counted, {"run": run.id}).all())
        run.totals = {"customers": sum(found.values()), "not_qualified": 0, "indeterminate": 0, **found}

    def tell(self) -> None:
        """As if everybody had been told: what a release writes, in a few statements."""
        with self.unit(self.by) as session:
            run, now = session.get_one(QualificationRun, self.run), clock.now()
            assert run.approval_id
            run.occurrence_id, run.released_at, run.made_at, run.state = (
                sends.new_occurrence(session),
                now,
                now,
                "completed",
            )
            send = release._open(session, run, decisions.get(session, run.approval_id))
            send.state, send.drained_at = "drained", now
            session.flush()
            account = session.execute(select(ProviderAccount.id).limit(1)).scalar_one()
            given: dict[str, Any] = {
                "occurrence": run.occurrence_id,
                "send": send.id,
                "run": run.id,
                "now": now,
                "account": account,
            }
            for statement in (_MESSAGES, _ATTEMPTS, _NOTICES):
                session.execute(text(statement), {k: v for k, v in given.items() if f":{k}" in statement})

    def report(self) -> Row:
        """The best of some turns, and that of the same files from what was gathered before."""
        ours, floors, pdfs = list[float](), list[float](), list[float]()

        def make_pdf(html: str) -> bytes:
            began = time.perf_counter()
            made = self.pdf(html)
            pdfs.append(time.perf_counter() - began)
            return made

        self.pdf = pdf.make
        with self.unit(self.by) as session, patch.object(pdf, "make", make_pdf):
            run = session.get_one(QualificationRun, self.run)
            facts = bank_facts.gather(session, run)
            assert (facts.sent.handed_over > 0, len(facts.cohorts.rows)) == (True, 12), (
                "the report has something to tell"
            )
            bank_month.make(session, run, "he")  # what is loaded once is loaded
            for _ in range(TURNS):
                with patch.object(bank_month, "gather", lambda *_: facts):
                    floors.append(timed(lambda: bank_month.make(session, run, "he")))
                ours.append(timed(lambda: bank_month.make(session, run, "he")))
        best, floor, drawn = min(ours), min(floors), min(pdfs)
        said, target = f"{best:.1f} s (PDF {drawn:.1f})", f"< {REPORT} s, its PDF < {PDF} s"
        return Row("month's report", said, f"{floor:.1f} s", best / floor, target, best < REPORT and drawn < PDF)
