"""A day of balances as a file: believed only whole, taken once, and from a person's hand only with a second person."""

import io
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.unit import settings_of
from app.domain.access.models import Organisation
from app.domain.bank import files
from app.domain.bank.files import FileInput
from app.domain.bank.models import Balance, BalanceDay, BalanceFile, BalanceIssue
from tests.factories import people

DAY = date(2026, 10, 9)
HEAD = "external_id,date,amount,currency\n"
GOOD = HEAD + "0,2026-10-09,15000.00,ILS\n1,2026-10-09,-20.50,ILS\n"
SAID = FileInput(day=DAY, rows=2, control_total=Decimal("14979.50"))


@pytest.fixture(autouse=True)
def customers(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 3, prefix="")


@pytest.fixture
def approver(session: Session, organisation: Organisation) -> Actor:
    return replace(people.staff(session, "admin"), factor_at=clock.now())


def torn(part: str, content: bytes) -> bytes:
    """A sheet one of whose parts is something else."""
    book, whole, broken = Workbook(), io.BytesIO(), io.BytesIO()
    book.active.append(["external_id", "date", "amount", "currency"])  # type: ignore[union-attr]
    book.save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return broken.getvalue()


def taken(session: Session, text: str | bytes, said: FileInput, officer: Actor, approver: Actor) -> BalanceFile:
    content = text.encode() if isinstance(text, str) else text
    asked = files.hand_in(session, said, "balances.csv", content, by=officer)
    row = files.carry_out(session, asked.id, by=approver)
    files.load(session, row.id)
    session.flush()
    return row


def test_a_file_is_taken_when_a_second_person_has_let_it_in(session: Session, officer: Actor, approver: Actor) -> None:
    asked = files.hand_in(session, SAID, "balances.csv", GOOD.encode(), by=officer)
    files.load(session, asked.subject_id)
    assert session.execute(select(Balance)).first() is None, "not before"
    with pytest.raises(Forbidden):
        files.carry_out(session, asked.id, by=replace(officer, factor_at=clock.now()))
    row = files.carry_out(session, asked.id, by=approver)
    files.load(session, row.id)
    assert (row.state, row.kept, row.issues) == ("taken", 2, 0)
    kept = session.execute(select(Balance.amount, Balance.source).order_by(Balance.amount)).all()
    assert kept == [(Decimal("-20.50"), f"file:{row.id}"), (Decimal("15000.00"), f"file:{row.id}")]
    day = session.execute(select(BalanceDay)).scalar_one()
    assert (day.state, day.records, day.kept) == ("taken", 2, 2)
    missing = session.execute(select(BalanceIssue.external_id).where(BalanceIssue.kind == "missing")).scalars().all()
    assert missing == ["2"]
    with pytest.raises(Conflict):
        files.hand_in(session, SAID, "balances.csv", GOOD.encode(), by=officer)


@pytest.mark.parametrize(
    ("text", "said", "why"),
    [
        (GOOD, {"rows": 3}, "2 records, said to be 3"),
        (GOOD, {"control_total": "14979.51"}, "add up to 14979.50"),
        ("customer,amount\n0,1\n", {}, "columns are missing"),
        ("", {}, "columns are missing"),
        (HEAD + ",2026-10-09,1.00,ILS\n", {"rows": 1, "control_total": "1"}, "row 2: no customer number"),
        (
            HEAD.replace("currency", "currency,version") + "0,2026-10-09,1.00,ILS,x\n",
            {"rows": 1},
            "version is no number",
        ),
        (b"\xff\xfe\x00", {}, "not UTF-8"),
        (b"PK\x03\x04 but no sheet", {}, "not an Excel file"),
        (HEAD + '0,"2026', {}, "not CSV"),
        (
            HEAD.replace("currency", "currency,version") + f"0,2026-10-09,1.00,ILS,{'9' * 5000}\n",
            {"rows": 1},
            "version is no number",
        ),
        (torn("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row>"), {}, "not an Excel file"),
        (torn("xl/workbook.xml", b"<"), {}, "not an Excel file"),
    ],
)
def test_a_file_that_is_not_what_is_said_of_it_is_refused_whole(
    session: Session, officer: Actor, approver: Actor, text: str | bytes, said: dict[str, object], why: str
) -> None:
    row = taken(session, text, FileInput.model_validate({**SAID.model_dump(), **said}), officer, approver)
    assert row.state == "refused"
    assert why in (row.failure or "")
    assert session.execute(select(func.count()).select_from(Balance)).scalar_one() == 0


def test_a_refused_file_may_come_again_with_the_right_words(session: Session, officer: Actor, approver: Actor) -> None:
    assert taken(session, GOOD, SAID.model_copy(update={"rows": 3}), officer, approver).state == "refused"
    assert taken(session, GOOD, SAID, officer, approver).state == "taken"


def test_what_is_wrong_in_a_file_is_noted_and_the_rest_kept(session: Session, officer: Actor, approver: Actor) -> None:
    text = GOOD + "2,2026-10-09,see branch,ILS\n99,2026-10-09,5.00,ILS\n"
    row = taken(session, text, FileInput(day=DAY, rows=4, control_total=Decimal("14984.50")), officer, approver)
    assert (row.state, row.kept, row.issues) == ("taken", 2, 2)
    found = session.execute(select(BalanceIssue.kind).where(BalanceIssue.kind != "missing")).scalars()
    assert set(found) == {"bad_format", "unknown_customer"}


def test_a_sheet_is_read_as_a_file_is(session: Session, officer: Actor, approver: Actor) -> None:
    book, content = Workbook(), io.BytesIO()
    for row in (
        ["external_id", "date", "amount", "currency"],
        [0, DAY, 15000.0, "ILS"],
        ["1", "2026-10-09", "-20.50", "ILS"],
    ):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(content)
    assert taken(session, content.getvalue(), SAID, officer, approver).failure is None


def test_the_signed_channel_needs_nobody_and_takes_a_file_once(session: Session, officer: Actor) -> None:
    session.info["settings"] = replace(settings_of(session), core_bank_secret="shared with the bank")
    signed = files.signature("shared with the bank", SAID, GOOD.encode())
    row = files.receive(session, SAID, "daily.csv", GOOD.encode(), signed, by=officer)
    assert (row.state, row.is_signed) == ("queued", True)
    files.load(session, row.id)
    assert files.receive(session, SAID, "daily.csv", GOOD.encode(), signed, by=officer).id == row.id
    assert row.state == "taken"
    for said, text in ((SAID.model_copy(update={"rows": 3}), GOOD), (SAID, GOOD + " ")):
        with pytest.raises(Invalid):
            files.receive(session, said, "daily.csv", text.encode(), signed, by=officer)


@pytest.mark.parametrize("day", [date(2026, 11, 30), date(2020, 1, 1)])
def test_a_day_that_cannot_be_is_refused(session: Session, officer: Actor, day: date) -> None:
    with pytest.raises(Invalid):
        files.hand_in(session, SAID.model_copy(update={"day": day}), "f.csv", GOOD.encode(), by=officer)
