"""A report from the form to the manager's mailbox: asked for, made by a worker, looked at, downloaded, mailed."""

import io
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import openpyxl
import pytest
from pypdf import PdfReader
from sqlalchemy import select, text

from app.core import clock
from app.core.actor import system
from app.core.errors import NotFound
from app.core.page import Ask
from app.core.unit import unit_of_work
from app.domain.audit.models import AuditEntry
from app.domain.notices.models import Notice
from app.domain.reports import campaign as campaign_report
from app.domain.reports import runs
from app.domain.reports.models import ReportRun
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown


@pytest.fixture
def sent(campaigns: Campaigning) -> tuple[Campaigning, str]:
    """A campaign that was sent."""
    campaign_id = campaigns.launched()
    campaigns.dispatch()
    return campaigns, str(campaign_id)


def opener(campaigns: Campaigning) -> Any:
    return partial(unit_of_work, campaigns.bank.factory, system(campaigns.bank.organisation_id))


def newest(campaigns: Campaigning) -> ReportRun:
    with campaigns.bank.unit() as session:
        return session.execute(select(ReportRun).order_by(ReportRun.id.desc()).limit(1)).scalar_one()


def test_a_report_is_asked_for_made_and_read(sent: tuple[Campaigning, str]) -> None:
    campaigns, campaign_id = sent
    marketer = campaigns.bank.browser("marketer")
    assert (
        f'<option selected value="{campaign_id}">Savings offer'
        in marketer.get(f"/reports/new?campaign={campaign_id}").text
    )
    asked = {"campaign_id": campaign_id, "language": "he", "recipients": "Boss@Bank.example; two@bank.example"}
    assert marketer.post("/reports/new", asked).location == "/reports"
    assert "The report is being made" in shown(marketer.get("/reports"))
    run = newest(campaigns)
    assert (run.state, run.locale, run.recipients) == ("queued", "he", ["boss@bank.example", "two@bank.example"])
    runs.make(opener(campaigns), run.id)
    page = marketer.get("/reports").text
    xlsx, pdf = (f"/reports/{run.id}/{kind}" for kind in ("xlsx", "pdf"))
    assert xlsx in page
    assert pdf in page
    book = marketer.get(xlsx)
    assert "Savings-offer" in book.headers["Content-Disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(book.data)).worksheets[0]
    assert sheet.sheet_view.rightToLeft
    assert "Savings offer" in PdfReader(io.BytesIO(marketer.get(pdf).data)).pages[0].extract_text()


@pytest.mark.parametrize("language", ["en", "he"])
def test_the_minutes_of_a_sending_over_midnight_carry_the_day(sent: tuple[Campaigning, str], language: str) -> None:
    campaigns, campaign_id = sent
    late = datetime(2026, 3, 17, 21, 59, tzinfo=UTC)  # a minute before midnight in Jerusalem
    with campaigns.bank.unit() as session:
        said = text(
            "UPDATE messages SET sent_at = CAST(:late AS timestamptz) + (contact_id::text > :middle)::int * interval '1 minute'"
        )
        middle = sorted(map(str, session.execute(text("SELECT contact_id FROM messages")).scalars()))[5]
        session.execute(said, {"late": late, "middle": middle})
    asked = {"campaign_id": campaign_id, "language": language, "recipients": ""}
    marketer = campaigns.bank.browser("marketer")
    marketer.post("/reports/new", asked)
    run = newest(campaigns)
    runs.make(opener(campaigns), run.id)
    file = PdfReader(io.BytesIO(marketer.get(f"/reports/{run.id}/pdf").data))
    words = " ".join(page.extract_text() for page in file.pages)
    assert "17.3 23:59" in words
    assert "18.3 00:00" in words
    page = shown(marketer.get(f"/campaigns/{campaign_id}/results"))
    assert "17.3 23:59" in page


def test_it_is_mailed_to_everybody_named_with_both_files(sent: tuple[Campaigning, str]) -> None:
    campaigns, campaign_id = sent
    campaigns.bank.browser("marketer").post(
        "/reports/new",
        {"campaign_id": campaign_id, "language": "en", "recipients": "boss@bank.example,two@bank.example"},
    )
    run = newest(campaigns)
    for _ in range(2):
        runs.make(opener(campaigns), run.id)
    with campaigns.bank.unit() as session:
        mails = (
            session.execute(select(Notice).where(Notice.source_id == run.id).order_by(Notice.address)).scalars().all()
        )
        assert [mail.address for mail in mails] == ["boss@bank.example", "two@bank.example"], (
            "once, however often it is rung for"
        )
        assert all("Campaign report: Savings offer" in mail.subject for mail in mails)
        assert "Marketer, who answers questions" in mails[0].body
        assert [one["name"].rpartition(".")[2] for one in mails[0].attachments] == ["xlsx", "pdf"]


def test_downloads_are_in_the_audit_log(sent: tuple[Campaigning, str]) -> None:
    campaigns, campaign_id = sent
    campaigns.bank.browser("marketer").post(
        "/reports/new", {"campaign_id": campaign_id, "language": "en", "recipients": ""}
    )
    run = newest(campaigns)
    runs.make(opener(campaigns), run.id)
    campaigns.bank.browser("viewer").get(f"/reports/{run.id}/pdf")
    with campaigns.bank.unit() as session:
        acts = (
            session.execute(select(AuditEntry).where(AuditEntry.subject_id == str(run.id)).order_by(AuditEntry.seq))
            .scalars()
            .all()
        )
    assert [(act.action, act.actor_name) for act in acts] == [
        ("report.asked", "Marketer"),
        ("report.made", "Carillon"),
        ("report.downloaded", "Viewer"),
    ]


@pytest.mark.parametrize(
    ("address", "said"),
    [("not an address", "is not an e-mail address"), ("boss@elsewhere.com", "not on the allow-list")],
)
def test_an_address_that_will_not_do_is_said_at_its_field_and_nothing_is_lost(
    sent: tuple[Campaigning, str], address: str, said: str
) -> None:
    campaigns, campaign_id = sent
    marketer = campaigns.bank.browser("marketer")
    refused = marketer.post(
        "/reports/new", {"campaign_id": campaign_id, "language": "he", "recipients": f"boss@bank.example, {address}"}
    )
    assert refused.status_code == 422
    assert said in shown(refused)
    assert f'value="boss@bank.example, {address}"' in refused.text
    assert '<option selected value="he">' in refused.text
    assert marketer.post("/reports/new", {"campaign_id": str(uuid4()), "language": "en"}).status_code == 422
    with campaigns.bank.unit() as session:
        assert session.execute(select(ReportRun.id)).first() is None


def test_who_may_only_look_asks_for_nothing(sent: tuple[Campaigning, str]) -> None:
    campaigns, campaign_id = sent
    operator = campaigns.bank.browser("operator")
    assert operator.get("/reports/new").status_code == 403
    assert operator.post("/reports/new", {"campaign_id": campaign_id, "language": "en"}).status_code == 403


def test_a_report_that_kills_its_worker_is_given_up_and_said_to_be(
    sent: tuple[Campaigning, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns, campaign_id = sent
    marketer = campaigns.bank.browser("marketer")
    marketer.post("/reports/new", {"campaign_id": campaign_id, "language": "en", "recipients": "boss@bank.example"})
    run, tries = newest(campaigns), []

    def die(*_: object) -> None:
        tries.append(1)
        raise SystemExit

    monkeypatch.setattr(campaign_report, "make", die)
    for _ in range(3):
        with pytest.raises(SystemExit):
            runs.make(opener(campaigns), run.id)
        with campaigns.bank.unit() as session:
            assert runs.waiting(session) == [run.id]
    for _ in range(2):
        runs.make(opener(campaigns), run.id)
    given_up = newest(campaigns)
    assert (len(tries), given_up.state, given_up.failure, given_up.finished_at is not None) == (
        3,
        "failed",
        "too_often",
        True,
    )
    with campaigns.bank.unit() as session:
        assert runs.waiting(session) == []
    assert "Failed" in shown(marketer.get("/reports"))
    assert marketer.get(f"/reports/{run.id}/pdf").status_code == 404


def test_a_report_about_something_that_is_gone(campaigns: Campaigning) -> None:
    with campaigns.bank.unit() as session:
        run = ReportRun(
            organisation_id=campaigns.bank.organisation_id, name="campaign", subject_id=uuid4(), subject_name="Gone", locale="en",
            parameters={}, recipients=["boss@bank.example"], created_at=clock.now(),
        )  # fmt: skip
        session.add(run)
    runs.make(opener(campaigns), run.id)
    assert (newest(campaigns).state, newest(campaigns).failure) == ("failed", "gone")


def test_the_api_does_the_same(sent: tuple[Campaigning, str]) -> None:
    campaigns, campaign_id = sent
    call = Caller(campaigns.bank, "marketer")
    assert [one["name"] for one in call.data("GET", "/reports")] == ["bank_month", "campaign"]
    asked = call("POST", "/reports/campaign/run", {"campaign_id": campaign_id, "language": "he"})
    assert asked.status_code == 202
    run_id = asked.get_json()["data"]["id"]
    assert asked.headers["Location"] == f"/api/v1/reports/runs/{run_id}"
    assert call("GET", f"/reports/runs/{run_id}/pdf").status_code == 404, "not yet"
    runs.make(opener(campaigns), UUID(run_id))
    assert call.data("GET", f"/reports/runs/{run_id}")["state"] == "completed"
    assert [one["id"] for one in call.data("GET", "/reports/runs")] == [run_id]
    assert call("GET", f"/reports/runs/{run_id}/pdf").data.startswith(b"%PDF")
    assert call("GET", f"/reports/runs/{run_id}/docx").status_code == 404
    assert call("GET", f"/reports/runs/{uuid4()}").status_code == 404
    assert call("POST", "/reports/weather/run", {"campaign_id": campaign_id}).status_code == 404


def test_one_of_another_campaign_is_not_listed_with_it(sent: tuple[Campaigning, str]) -> None:
    campaigns, campaign_id = sent
    by = campaigns.bank.staff["marketer"]
    with campaigns.bank.unit("marketer") as session:
        run = runs.ask(session, "campaign", runs.ReportInput(campaign_id=UUID(campaign_id)), by=by)
        assert [one.id for one in runs.listed(session, Ask(), by=by, subject_id=UUID(campaign_id)).items] == [run.id]
        assert runs.listed(session, Ask(), by=by, subject_id=uuid4()).items == []
        with pytest.raises(NotFound):
            runs.get(session, uuid4(), by=by)
