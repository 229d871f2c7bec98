"""What a month's report tells of cohorts: whoever is counted is one of many, and nobody follows from the rest."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import openpyxl
import pytest
from pypdf import PdfReader
from sqlalchemy.orm import Session

from app.core.actor import system
from app.domain.bank import cohorts
from app.domain.bank.cohorts import Cohort, Cohorts
from app.domain.bank.models import QualificationRun
from app.domain.reports import bank_cohorts, bank_month
from app.domain.reports.words import Words
from tests.domain.reports.month import approver, before, november, officer, released, run, take

__all__ = ["approver", "before", "november", "officer", "released", "run", "take"]  # the fixtures of a month

BEFORE = QualificationRun(month=date(2026, 9, 1))
MANY = [Cohort(1, 500, 600, 400), Cohort(2, 400, 300, 250), Cohort(3, 250, 2000, 1900), Cohort(4, 1900, 0, 0)]


def shape(found: Cohorts | None) -> list[tuple[int, bool]]:
    return [(row.months, row.or_more) for row in found.rows] if found else []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (MANY, [(1, False), (2, False), (3, False), (4, False)]),
        ([*MANY[:2], Cohort(3, 250, 2000, 1995), Cohort(4, 1995, 0, 0)], [(1, False), (2, True)]),
        (
            [*MANY[:2], Cohort(3, 250, 12, 10), Cohort(4, 10, 500, 300), Cohort(5, 300, 0, 0)],
            [(1, False), (2, False), (3, True)],
        ),
        ([Cohort(1, 5, 600, 400), Cohort(2, 400, 0, 0)], []),
        ([Cohort(1, 0, 600, 400), Cohort(2, 400, 0, 0)], [(1, False), (2, False)]),
        ([], []),
    ],
    ids=[
        "all many",
        "five dropped out of the longest",
        "two dropped out in the middle",
        "five are new",
        "nobody is new",
        "nobody",
    ],
)
def test_cohorts_are_put_together_until_no_group_is_small(
    rows: Sequence[Cohort], expected: list[tuple[int, bool]]
) -> None:
    assert shape(bank_cohorts.told(Cohorts(BEFORE, rows))) == expected


def test_of_the_first_month_nothing_is_told() -> None:
    assert bank_cohorts.told(Cohorts(None, MANY[:1])) is None
    assert bank_cohorts.tables(Cohorts(None, MANY[:1]), date(2026, 10, 1), Words("en")) == []


def test_each_number_stands_beside_what_it_is_a_share_of() -> None:
    moved, running = bank_cohorts.tables(Cohorts(BEFORE, MANY), date(2026, 10, 1), Words("en"))
    assert [list(row) for row in moved.rows] == [
        ["New in October 2026", 500, 500 / 3050, "Qualified in October 2026"],
        ["In both months", 2550, 2550 / 2900, "Qualified in September 2026"],
        ["Only in September 2026", 350, 350 / 2900, "Qualified in September 2026"],
    ]
    assert [list(row) for row in running.rows][:2] == [
        ["1", 500, 500 / 3050, 600, 400, 400 / 600],
        ["2", 400, 400 / 3050, 300, 250, 250 / 300],
    ]
    assert "up to September 2026, who did in October 2026" in running.note


@pytest.mark.parametrize("language", ["en", "he"])
def test_both_files_have_them(
    session: Session, run: QualificationRun, before: QualificationRun, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    own = cohorts.of_run(session, run, by=system(run.organisation_id))
    monkeypatch.setattr(cohorts, "of_run", lambda *_args, **_by: replace(own, rows=MANY))
    made = bank_month.make(session, run, language)
    book, say = openpyxl.load_workbook(io.BytesIO(made.files["xlsx"])), Words(language)
    [sheet] = [sheet for sheet in book.worksheets if sheet["A1"].value == say("Months running")]
    assert [cell.value for cell in sheet[3]] == [
        "2",
        400,
        pytest.approx(400 / 3050),
        300,
        250,
        pytest.approx(250 / 300),
    ]
    assert len(sheet._charts) == 1
    told = " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(made.files["pdf"])).pages)
    assert "83.3%" in told
    assert "too few" not in told
