"""The report of a bank's month: every number adds up, small groups are not told, advice says what it rests on."""

import io
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import openpyxl
import pytest
from pypdf import PdfReader
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.page import Ask
from app.domain.access import users
from app.domain.bank import overrides, qualification
from app.domain.bank.happenings import QualificationCompleted
from app.domain.bank.models import ProgrammeVersion, QualificationRun
from app.domain.messages.models import Message
from app.domain.notices.models import Notice
from app.domain.reports import bank_month, by_itself, runs, work
from app.domain.reports.bank_advice import advise
from app.domain.reports.bank_facts import gather, hidden
from app.domain.reports.models import ReportRun
from app.domain.reports.runs import ReportInput
from app.domain.reports.words import Words
from tests.domain.bank.conftest import FIRST, WHY, number
from tests.domain.reports.month import (
    HOLES,
    ONE_DAY,
    QUALIFIED,
    THREE_DAYS,
    approver,
    before,
    handed_over,
    november,
    officer,
    released,
    run,
    take,
)
from tests.factories import people

__all__ = ["approver", "before", "november", "officer", "released", "run", "take"]  # the fixtures of a month


def words(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages)


def test_what_became_of_those_who_qualified_adds_up_to_them(session: Session, released: QualificationRun) -> None:
    assert gather(session, released).fate == {"handed_over": 0, "waiting": 23, "no_address": 2}
    handed_over(session, released, failed=3)
    facts = gather(session, released)
    assert facts.fate == {"handed_over": 23, "no_address": 2}
    assert sum(facts.fate.values()) == facts.totals["qualified"] == QUALIFIED


def test_before_its_messages_are_made_nobody_is_lost_from_the_sum(session: Session, run: QualificationRun) -> None:
    assert gather(session, run).fate == {"handed_over": 0, "not_yet": QUALIFIED}


def test_reasons_add_up_to_those_who_did_not_qualify(session: Session, run: QualificationRun) -> None:
    assert gather(session, run).reasons == {
        "not_qualified": {"below_1": ONE_DAY, "below_few": THREE_DAYS},
        "indeterminate": {"missing_1": HOLES},
    }


def test_an_outcome_a_person_put_stands_with_a_reason_of_its_own(
    session: Session, run: QualificationRun, officer: Actor
) -> None:
    overrides.override(
        session, run.id, number(session, "0").id, WHY.model_copy(update={"outcome": "not_qualified"}), by=officer
    )
    facts = gather(session, run)
    assert facts.reasons["not_qualified"]["overridden"] == 1
    assert sum(facts.reasons["not_qualified"].values()) == facts.totals["not_qualified"] == ONE_DAY + THREE_DAYS + 1


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"a": 30, "b": 12, "c": 3}, {"b", "c"}),
        ({"a": 30, "b": 9, "c": 3}, {"b", "c"}),
        ({"a": 30, "b": 10}, set()),
        ({"a": 3}, {"a"}),
        ({"a": 0, "b": 20}, set()),
    ],
)
def test_a_small_group_cannot_be_worked_out_from_the_others(groups: dict[str, int], expected: set[str]) -> None:
    assert hidden(groups) == expected


def test_the_change_against_the_month_before_is_by_people(
    session: Session, run: QualificationRun, before: QualificationRun
) -> None:
    facts = gather(session, run)
    assert facts.before
    moved = facts.cohorts
    assert facts.before[0] == moved.before == before
    assert (moved.gained, moved.dropped, moved.stayed) == (5, 1, 20)
    assert (moved.now, moved.then) == (facts.totals["qualified"], facts.before[1]["qualified"])
    made = bank_month.make(session, run, "en")
    said = made.summary
    assert "too few to be told in figures" in words(made.files["pdf"]), (
        "20 who stayed, of 25, would tell the five new ones"
    )
    assert "25 of 43 customers qualified for Premium" in said
    assert "4 more than in September 2026" in said


def test_figures_are_provisional_until_the_last_receipt(session: Session, released: QualificationRun) -> None:
    assert "the month is not completed" in bank_month.make(session, released, "en").summary
    handed_over(session, released, sent=1)
    assert released.state == "completed"
    open_still = bank_month.make(session, released, "en")
    assert "Messages without a final word: 1." in open_still.summary
    told = words(open_still.files["pdf"])
    assert "Provisional" in told
    assert "State Everybody was told; receipts are still to come" in told
    assert "Completed" not in told
    session.execute(Message.__table__.update().where(Message.state == "sent").values(state="delivered"))
    session.expire_all()
    made = bank_month.make(session, released, "en")
    assert "These figures are final." in made.summary
    assert "State Completed" in words(made.files["pdf"])
    assert "Bank_Officer, who submitted the month" in made.summary
    assert made.owner == "Bank_Officer"


@pytest.mark.parametrize("language", ["en", "he"])
def test_excel_has_tables_charts_and_its_direction(
    session: Session, released: QualificationRun, before: QualificationRun, language: str
) -> None:
    handed_over(session, released)
    book = openpyxl.load_workbook(io.BytesIO(bank_month.make(session, released, language).files["xlsx"]))
    assert len(book.worksheets) == 9
    assert all(bool(sheet.sheet_view.rightToLeft) is (language == "he") for sheet in book.worksheets)
    assert sum(len(sheet._charts) for sheet in book.worksheets) == 3
    assert all(sheet.tables for sheet in book.worksheets if sheet.max_row > 1)


def test_a_limit_is_said_to_be_a_least_or_a_most(session: Session, released: QualificationRun) -> None:
    made = bank_month.make(session, released, "en")
    book = openpyxl.load_workbook(io.BytesIO(made.files["xlsx"]))
    rows = {row[0]: row[1:4] for row in book["Gates"].iter_rows(values_only=True)}
    assert rows["Check"] == ("Value", "At least", "At most")
    assert rows["Days that have been taken"] == (31, 31, None)
    assert rows["Records that are no numbers, in per cent"] == (0, None, 0.1)
    assert "Value At least At most Verdict" in words(made.files["pdf"])


def test_neither_file_names_a_customer_or_a_balance(session: Session, released: QualificationRun) -> None:
    handed_over(session, released, failed=3)
    made = bank_month.make(session, released, "en")
    book = openpyxl.load_workbook(io.BytesIO(made.files["xlsx"]))
    cells = [str(cell.value) for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value]
    told = " ".join(cells) + words(made.files["pdf"])
    for secret in ("14000", "14,000", "Dana", "+97252", "client"):
        assert secret not in told
    assert "fewer than 10" in told
    assert cells[cells.index("Invalid number or address") + 1] == "fewer than 10"


def test_the_pdf_has_a_cover_six_sections_and_numbered_pages(session: Session, released: QualificationRun) -> None:
    handed_over(session, released)
    pages = [
        " ".join(page.extract_text().split())
        for page in PdfReader(io.BytesIO(bank_month.make(session, released, "en").files["pdf"])).pages
    ]
    assert "Digest of the input" in pages[0]
    assert "1. Programme summary" not in pages[0]
    assert f"Page 1 / {len(pages)}" in pages[0]
    rest = " ".join(pages[1:])
    for place, name in enumerate(
        ("Programme summary", "Qualification", "SMS delivery", "Failures", "System performance", "Recommendations"), 1
    ):
        assert f"{place}. {name}" in rest
    assert "At least 15,000.00 ILS at the close of every day" in rest
    assert "Looked at with the core bank." in rest or not any(
        gate["verdict"] == "block" for gate in released.gates or []
    )


def test_advice_rests_on_numbers_and_there_is_none_without_reason(
    session: Session, released: QualificationRun, before: QualificationRun
) -> None:
    handed_over(session, released, failed=20)
    found = {one.code: one for one in advise(gather(session, released), Words("en"))}
    assert set(found) == {"invalid_numbers", "indeterminate", "same_day", "near"}
    assert found["invalid_numbers"].number == "more than 2% of 25", "22 would tell the two without an address"
    assert found["near"].number == "more than 10% of 25", "12 would tell the four who were below longer"
    assert found["indeterminate"].number == "fewer than 10 of 43"
    assert "17/10/2026" in found["indeterminate"].words
    assert found["same_day"].number == "2 of 2 months"


def test_a_month_without_anything_to_advise_has_no_advice(session: Session, released: QualificationRun) -> None:
    handed_over(session, released)
    facts = gather(session, released)
    quiet = replace(
        facts, near=0, totals={**facts.totals, "indeterminate": 0}, missing=[[]], sent=replace(facts.sent, skips={}, states={"delivered": 25})
    )  # fmt: skip
    assert advise(quiet, Words("en")) == []
    assert [one.code for one in advise(replace(quiet, stopped=1), Words("en"))] == ["opted_out"]
    assert [one.code for one in advise(replace(quiet, corrected=1), Words("en"))] == ["corrected"]


def test_balances_corrected_after_the_release_are_said(session: Session, released: QualificationRun) -> None:
    handed_over(session, released)
    assert gather(session, released).corrected == 0
    late = {"late": clock.now() + timedelta(days=1)}
    session.execute(text("UPDATE balances SET taken_at = :late WHERE day = '2026-10-05'"), late)
    session.execute(text("UPDATE balance_marks SET changed_at = :late WHERE day = '2026-10-05'"), late)
    assert gather(session, released).corrected == 43


def test_a_completed_month_is_reported_by_itself_to_those_who_decided(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    handed_over(session, released)
    by_itself.on_completed(session, QualificationCompleted(subject=released.id))
    [asked] = session.execute(select(ReportRun)).scalars()
    assert (asked.name, asked.subject_id, asked.locale) == ("bank_month", released.id, "en")
    assert len(asked.recipients) == 2
    runs._make(session, asked)
    mails = list(session.execute(select(Notice).where(Notice.source_id == asked.id)).scalars())
    assert sorted(mail.address for mail in mails) == asked.recipients
    assert "Bank_Officer, who answers questions" in mails[0].body
    assert [one["name"].rpartition(".")[2] for one in mails[0].attachments] == ["xlsx", "pdf"]


def test_the_report_goes_to_the_colleagues_its_programme_names_too(
    session: Session, released: QualificationRun
) -> None:
    auditor = people.staff(session, "auditor")
    asked = session.get_one(ProgrammeVersion, released.programme_version_id)
    names = ("organisation_id", "programme_id", "threshold", "currency", "rule", "calendar", "template_id")
    same = {name: getattr(asked, name) for name in names}
    named = ProgrammeVersion(**same, number=2, created_at=clock.now(), recipients=[auditor.id, uuid4()])
    session.add(named)
    session.flush()
    released.programme_version_id = named.id
    by_itself.on_completed(session, QualificationCompleted(subject=released.id))
    report = session.execute(select(ReportRun)).scalar_one()
    assert users.get(session, auditor.id or uuid4()).email in report.recipients
    assert len(report.recipients) == 3


def test_the_checksums_of_a_report_cannot_be_changed(
    session: Session, released: QualificationRun, officer: Actor
) -> None:
    asked = runs.ask(session, "bank_month", ReportInput(run=released.id), by=officer)
    runs._make(session, asked)
    session.flush()
    kept = runs.files(session, [asked], by=officer)[asked.id]
    assert set(kept) == {"xlsx", "pdf"}
    for change in ("UPDATE report_files SET checksum = 'x'", "DELETE FROM report_files"):
        with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
            session.execute(text(change))


def test_who_may_not_see_the_bank_sees_none_of_it(session: Session, released: QualificationRun, officer: Actor) -> None:
    viewer, marketer, auditor = (people.staff(session, role) for role in ("viewer", "marketer", "auditor"))
    month = runs.ask(session, "bank_month", ReportInput(run=released.id), by=officer)
    pack = runs.ask(session, "bank_pack", ReportInput(run=released.id), by=auditor)
    for actor, seen in ((viewer, []), (marketer, [month.id]), (auditor, [pack.id, month.id])):
        assert [one.id for one in runs.listed(session, Ask(), by=actor).items] == seen
        assert [one.id for one in work.listed(session, Ask(), by=actor, kind="report").items] == seen
    with pytest.raises(Forbidden):
        runs.get(session, month.id, by=viewer)
    with pytest.raises(Forbidden):
        runs.get(session, pack.id, by=officer)
    for actor, name in ((auditor, "bank_month"), (officer, "bank_pack"), (viewer, "bank_month")):
        with pytest.raises(Forbidden):
            runs.ask(session, name, ReportInput(run=released.id), by=actor)


def test_what_cannot_be_reported_is_said(session: Session, run: QualificationRun, officer: Actor) -> None:
    auditor = people.staff(session, "auditor")
    with pytest.raises(Invalid):
        runs.ask(session, "bank_month", ReportInput(), by=officer)
    with pytest.raises(NotFound):
        runs.ask(session, "bank_month", ReportInput(run=run.programme_id), by=officer)
    with pytest.raises(Invalid):
        runs.ask(session, "bank_pack", ReportInput(run=run.id, recipients=("boss@bank.example",)), by=auditor)
    queued = qualification.start(session, run.programme_id, FIRST, by=officer)
    with pytest.raises(Conflict):
        runs.ask(session, "bank_month", ReportInput(run=queued.id), by=officer)
