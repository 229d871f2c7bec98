"""A month's report and pack from the run's page to the files, over the API too; made by itself when the run completes."""

import io
import re
from dataclasses import replace
from datetime import date
from functools import partial
from hashlib import sha256
from uuid import UUID
from zipfile import ZipFile

from pypdf import PdfReader
from sqlalchemy import select

from app.core import clock
from app.core.actor import Actor, system
from app.core.unit import unit_of_work
from app.domain.bank import outcomes, release, review
from app.domain.bank.models import Outcome, QualificationRun
from app.domain.bank.review import SubmitInput
from app.domain.notices.models import Notice
from app.domain.reports import runs
from app.domain.reports.models import ReportRun
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning
from tests.web.pages import House
from tests.web.test_bank_review import _relayed, bank, made, november, run_id, waived
from tests.web.test_campaigns import shown

__all__ = ["bank", "november", "run_id"]  # the fixtures of a month


def told(bank: House, run_id: UUID) -> None:
    """Submitted, approved by another and released; everybody is told and the house hears of it."""
    reasons = SubmitInput(waived=waived(bank, run_id))
    with bank.unit("bank_officer") as session:
        review.submit(session, run_id, reasons, by=bank.staff["bank_officer"])
    with bank.unit("admin") as session:
        review.approve(session, run_id, by=_fresh(bank.staff["admin"]))
        release.release(session, run_id, by=bank.staff["admin"])
    made(bank, run_id)
    Campaigning(bank, UUID(int=0)).dispatch()
    _relayed(bank)


def _fresh(actor: Actor) -> Actor:

    return replace(actor, factor_at=clock.now())


def finished(bank: House) -> list[ReportRun]:
    """Make what was asked for; all reports, the oldest first."""
    with bank.unit() as session:
        waiting = runs.waiting(session)
    for one in waiting:
        runs.make(partial(unit_of_work, bank.factory, system(bank.organisation_id)), one)
    with bank.unit() as session:
        return list(session.execute(select(ReportRun).order_by(ReportRun.id)).scalars())


def test_a_month_that_completes_is_reported_by_itself(bank: House, run_id: UUID) -> None:
    told(bank, run_id)
    [report] = finished(bank)
    assert (report.name, report.state, report.subject_id) == ("bank_month", "completed", run_id)
    with bank.unit() as session:
        mails = list(session.execute(select(Notice).where(Notice.source_id == report.id)).scalars())
    assert sorted(mail.address.partition(".")[0] for mail in mails) == ["admin", "bank_officer"]
    page = shown(bank.browser("bank_officer").get("/reports"))
    assert "Premium 2026-10" in page
    assert "Report of the month" in page


def test_the_run_leads_to_its_reports_and_one_is_asked_for_in_hebrew(bank: House, run_id: UUID) -> None:
    officer = bank.browser("bank_officer")
    page = f"/reports/months/{run_id}"
    assert f'href="{page}"' not in officer.get(f"/bank/runs/{run_id}").text, "not before it is released"
    told(bank, run_id)
    assert f'href="{page}"' in officer.get(f"/bank/runs/{run_id}").text
    officer.get(page)
    wrong = officer.post(page, {"language": "he", "recipients": "nobody"})
    assert wrong.status_code == 422
    assert "is not an e-mail address" in shown(wrong)
    answer = officer.post(page, {"language": "he", "recipients": "boss@bank.example"})
    assert answer.status_code == 303
    assert "Being made" in shown(officer.get(answer.location))
    report = finished(bank)[-1]
    assert re.search(r"State +Made", shown(officer.get(answer.location))), "the month may not be completed"
    assert (report.locale, report.recipients) == ("he", ["boss@bank.example"])
    content = officer.get(f"{answer.location}/pdf").data
    assert "Premium" in PdfReader(io.BytesIO(content)).pages[0].extract_text()
    assert sha256(content).hexdigest() in officer.get(answer.location).text
    assert "Premium 2026-10" in shown(officer.get(page))
    assert officer.get(page, htmx=True).text.lstrip().startswith('<div id="runs"'), "the list that polls is a part"


def test_an_auditor_takes_the_pack_and_nobody_else_sees_it(bank: House, run_id: UUID) -> None:
    told(bank, run_id)
    finished(bank)
    auditor, officer = bank.browser("auditor"), bank.browser("bank_officer")
    page = f"/reports/months/{run_id}"
    assert "Make the report" not in shown(auditor.get(page))
    assert auditor.post(page, {"language": "en"}).status_code == 403
    answer = auditor.post(f"{page}/pack")
    assert answer.status_code == 303
    assert finished(bank)[-1].state == "completed"
    shown_there = auditor.get(answer.location).text
    content = auditor.get(f"{answer.location}/zip").data
    assert sha256(content).hexdigest() in shown_there
    assert "outcomes.csv" in ZipFile(io.BytesIO(content)).namelist()
    program = auditor.get(f"{answer.location}/py")
    assert "filename=verify.py" in program.headers["Content-Disposition"]
    officer.get(page)
    assert officer.post(f"{page}/pack").status_code == 403
    for hidden in (answer.location, f"{answer.location}/zip"):
        assert officer.get(hidden).status_code == 403
    assert answer.location not in officer.get("/reports").text


def test_the_api_does_the_same_for_months_and_packs(bank: House, run_id: UUID) -> None:
    officer, auditor, marketer = (Caller(bank, role) for role in ("bank_officer", "auditor", "marketer"))
    assert [one["name"] for one in officer.data("GET", "/reports")] == ["bank_month", "campaign"]
    assert [one["name"] for one in auditor.data("GET", "/reports")] == ["bank_month", "bank_pack", "campaign"]
    asked = officer("POST", "/reports/bank_month/run", {"run": str(run_id), "language": "en"})
    assert asked.status_code == 202
    assert officer("POST", "/reports/bank_pack/run", {"run": str(run_id)}).status_code == 403
    assert auditor("POST", "/reports/bank_month/run", {"run": str(run_id)}).status_code == 403
    assert officer("POST", "/reports/bank_month/run", {}).status_code == 422
    assert officer("POST", "/reports/bank_month/run", {"run": str(UUID(int=7))}).status_code == 404
    pack = auditor.data("POST", "/reports/bank_pack/run", {"run": str(run_id)})
    finished(bank)
    whole = auditor.data("GET", f"/reports/runs/{pack['id']}")
    assert sorted(whole["files"]) == ["py", "zip"]
    content = auditor("GET", f"/reports/runs/{pack['id']}/zip").data
    assert sha256(content).hexdigest() == whole["files"]["zip"]
    assert marketer("GET", f"/reports/runs/{pack['id']}").status_code == 403
    assert marketer("GET", f"/jobs/{pack['id']}").status_code == 403
    assert sorted(auditor.data("GET", f"/jobs/{pack['id']}")["files"]) == ["py", "zip"]
    assert [one["id"] for one in marketer.data("GET", "/reports/runs")] == [asked.get_json()["data"]["id"]]


def test_the_page_of_reports_and_the_api_tell_who_stayed(bank: House, run_id: UUID) -> None:
    officer, page = bank.browser("bank_officer"), f"/reports/months/{run_id}"
    assert f'hx-get="{page}/cohorts"' in officer.get(page).text
    assert "It is the first month of the programme." in shown(officer.get(f"{page}/cohorts"))
    alone = Caller(bank, "bank_officer").data("GET", f"/bank/runs/{run_id}/cohorts")
    assert alone["month_before"] is None
    with bank.unit("bank_officer") as session:
        run = session.get_one(QualificationRun, run_id)
        before = QualificationRun(
            organisation_id=run.organisation_id, programme_id=run.programme_id, programme_version_id=run.programme_version_id,
            month=date(2026, 9, 1), version=1, state="completed", created_at=clock.now(), calculated_at=clock.now(),
            totals={"customers": 1, "qualified": 1, "not_qualified": 0, "indeterminate": 0},
        )  # fmt: skip
        session.add(before)
        session.flush()
        [some] = session.execute(outcomes.qualified(run_id).limit(1)).scalars()
        session.add(
            Outcome(
                organisation_id=run.organisation_id, run_id=before.id, contact_id=some, outcome="qualified", days_passed=30,
                days_required=30, missing=[],
            )
        )  # fmt: skip
    told = Caller(bank, "bank_officer").data("GET", f"/bank/runs/{run_id}/cohorts")
    assert told["month_before"]["month"] == "2026-09"
    assert (told["gained"], told["stayed"], told["dropped"]) == (alone["now"] - 1, 1, 0)
    assert told["rates"]["stayed"] == {"value": 1.0, "of": "then"}
    assert told["cohorts"][0] == {
        "months": 1, "or_more": False, "now": alone["now"] - 1, "share": (alone["now"] - 1) / alone["now"], "then": 1, "stayed": 1,
        "retention": 1.0,
    }  # fmt: skip
    words = shown(officer.get(f"{page}/cohorts"))
    assert "Who came, stayed and went" in words
    assert "Only in September 2026" in words
    assert officer.get(f"{page}/cohorts", htmx=True).text.lstrip().startswith('<div id="cohorts"')
