"""Rows that are not right: what is kept in spite of them, and the file that names them."""

import csv
import io

import pytest
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from app.domain.access.keyring import vault_of
from app.domain.transfer import badrows, imports, loading
from app.domain.transfer.blocks import Staged
from tests.domain.transfer.loads import HEAD, Bank, numbers


def test_good_blocks_before_a_refused_one_are_kept(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BLOCK", 1)
    copy = loading._copy

    def refused(session: Session, staged: Staged) -> None:
        if staged.block.rows == 4:
            raise DataError("COPY", {}, ValueError("refused"))
        copy(session, staged)

    monkeypatch.setattr(loading, "_copy", refused)
    row = ours.load("client_id\n1\n2\n3\n4\n5\n")
    assert (row.state, row.rows, row.created) == ("failed", 3, 3)


def test_bad_rows_are_counted_over_all_runs_of_an_import(ours: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BLOCK", 1)
    monkeypatch.setattr(loading, "MOST_PROBLEMS", 2)
    copy, tries = loading._copy, []

    def collides(session: Session, staged: Staged) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise loading._CollisionError
        copy(session, staged)

    monkeypatch.setattr(loading, "_copy", collides)
    row = ours.load("client_id,email\n1,bad\n,bad\n3,good@mail.example\n,bad\n5,good5@mail.example\n")
    assert (row.state, row.failed, row.warned) == ("failed", 2, 1)
    assert len(tries) > 1


BAD_ROWS = """client_id,first_name,email,phone,city,balance
,Noa,,,,
2,Dan,dan at mail,,,
3,Gil,,12,,
4,Tal,,,,much
5,Bar,,,Acre,8,9
6,Ron,,,Haifa,7
"""


def test_bad_rows_are_named_in_the_error_file_and_good_ones_loaded(ours: Bank) -> None:
    row = ours.load(BAD_ROWS, types={"balance": "number"})
    assert (row.state, numbers(row), row.warned) == ("completed", (6, 3, 0, 0, 3), 2)
    with ours.unit() as session:
        content = badrows.download(session, row, by=ours.by)
        assert sum(badrows.reasons(session, row).values()) == 5
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert lines[0] == ["Row", "Column", "Reason", "client_id", "first_name", "email", "phone", "city", "balance"]
    assert [line[:3] for line in lines[1:]] == [
        ["2", "client_id", "The customer number is missing."],
        ["3", "email", "This is not a valid e-mail address."],
        ["4", "phone", "This is not a valid phone number."],
        ["5", "balance", "This is not a number."],
        ["6", "", "The row has more columns than the header."],
    ]
    assert lines[2][3:] == ["2", "Dan", "dan at mail", "", "", ""]
    assert b"dan at mail" not in bytes(ours.one("SELECT sealed FROM live.import_problems WHERE row = 3"))  # type: ignore[call-overload]


def test_a_cell_that_would_run_as_a_formula_is_harmless_in_the_error_file(ours: Bank) -> None:
    row = ours.load(HEAD + "1,=cmd(),x,,,\n")
    with ours.unit() as session:
        assert b"'=cmd()" in badrows.download(session, row, by=ours.by)


def test_a_preview_writes_nothing(ours: Bank) -> None:
    with ours.unit() as session:
        row = imports.upload(session, "people.csv", io.BytesIO(BAD_ROWS.encode()), by=ours.by)
        shown = imports.preview(session, row, imports.suggested(row), by=ours.by)
        assert [(one.number, one.column) for one in shown if one.reason] == [(2, "client_id"), (6, "")]
        assert shown[-1].draft is not None
        assert vault_of(session).organisation_id == ours.by.organisation_id
    assert ours.one("SELECT count(*) FROM live.contacts") == 0
