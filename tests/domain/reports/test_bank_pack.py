"""The pack for auditors: the same month gives the same bytes, and a byte that is changed is found by a program of its own."""

import csv
import io
import json
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.domain.bank import overrides
from app.domain.bank.models import BalanceFile, QualificationRun
from app.domain.reports import bank_pack
from app.domain.reports import verify as program
from tests.domain.bank.conftest import WHY, Take, number
from tests.domain.bank.feed import october, record
from tests.domain.reports.month import approver, handed_over, month_of_all, november, officer, released, run, take

__all__ = ["approver", "november", "officer", "released", "run", "take"]  # the fixtures of a month

Member = dict[str, bytes]
ALWAYS = {
    "manifest.json", "manifest.sha256", "programme.json", "calendar.json", "gates.json", "outcomes.csv", "sample.csv",
    "balances.csv", "inputs.csv", "balance_days.csv", "balance_files.csv", "balance_issues.csv", "overrides.csv", "approvals.json", "text.json", "messages.csv",
    "attempts.csv", "receipts.csv", "accounts.csv", "not_sent.json", "audit.csv", "audit_chain.csv", "README.txt", "verify.py",
}  # fmt: skip


def made(session: Session, run: QualificationRun) -> bytes:
    content = bank_pack.make(session, run, "en").files["zip"]
    assert not isinstance(content, bytes)
    return content.read()


def members(content: bytes) -> Member:
    with ZipFile(io.BytesIO(content)) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def packed(files: Member, path: Path) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as pack:
        for name, content in files.items():
            pack.writestr(name, content)
    return path


def verify(*arguments: object) -> tuple[int, str]:
    """Run the program as a stranger does: alone, with nothing of ours in reach."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(bank_pack.VERIFY), *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    assert not done.stderr, done.stderr
    with redirect_stdout(io.StringIO()) as said:  # the same in this process, where its lines are counted
        assert program.main([str(one) for one in arguments]) == done.returncode
    assert said.getvalue() == done.stdout
    return done.returncode, done.stdout


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.fixture
def pack(session: Session, run: QualificationRun, officer: Actor, request: pytest.FixtureRequest) -> bytes:
    """Of a month with an override that has a file, released and handed over."""
    session.add(
        BalanceFile(
            organisation_id=run.organisation_id, day=date(2026, 10, 5), name="day.csv", digest="5" * 64, is_signed=True, rows=43,
            control_total=Decimal(1), state="taken", kept=43, created_at=clock.now(),
        )
    )  # fmt: skip
    evidence = ("statement.pdf", b"%PDF-1.7 seen at the branch")
    overrides.override(session, run.id, number(session, "41").id, WHY, evidence=evidence, by=officer)
    handed_over(session, request.getfixturevalue("released"), failed=2)
    session.commit()
    return made(session, run)


def test_the_same_month_gives_the_same_bytes(session: Session, run: QualificationRun, pack: bytes) -> None:
    assert sha256(made(session, run)).digest() == sha256(pack).digest()


def test_everything_a_run_stands_on_is_there(session: Session, run: QualificationRun, pack: bytes) -> None:
    files = members(pack)
    evidence = sha256(b"%PDF-1.7 seen at the branch").hexdigest()
    assert set(files) == ALWAYS | {f"evidence/{evidence}.pdf"}
    manifest = json.loads(files["manifest.json"])
    assert (manifest["run"], manifest["input_hash"]) == (str(run.id), run.input_hash)
    assert manifest["totals"] == {
        "customers": 43, "qualified": 26, "not_qualified": 16, "indeterminate": 1, "overridden": 1,
    }  # fmt: skip
    assert manifest["audit"]["chain"] == "whole"
    assert {row["outcome"] for row in table(files["outcomes.csv"])} == {"qualified", "not_qualified", "indeterminate"}
    drawn = {row["contact"] for row in table(files["sample.csv"])}
    assert len(drawn) == 20
    assert {row["contact"] for row in table(files["balances.csv"])} == drawn
    assert len(table(files["balance_days.csv"])) == 31
    [received] = table(files["balance_files.csv"])
    assert (received["day"], received["digest"], received["is_signed"]) == ("2026-10-05", "5" * 64, "True")
    [request] = json.loads(files["approvals.json"])["requests"]
    assert (request["state"], request["note"], request["digest"]) == (
        "approved",
        "Looked at",
        manifest["approval_digest"],
    )
    assert "was a month of" in files["text.json"].decode()
    assert [row["action"] for row in table(files["audit.csv"])] == [
        "run.asked", "run.calculated", "run.overridden", "run.submitted", "run.approved", "run.released", "run.messages_made", "run.completed",
    ]  # fmt: skip


def test_no_address_is_in_clear(pack: bytes) -> None:
    files = members(pack)
    whole = b"".join(files.values())
    assert b"+97252" not in whole
    assert b"mail.example" not in whole
    told = [row["address"] for row in table(files["messages.csv"]) if row["state"] != "skipped"]
    assert told
    assert all("•" in one for one in told)


def test_a_whole_pack_is_proved_as_a_file_and_as_a_folder(pack: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(pack)
    assert verify(path) == (0, f"{len(members(pack))} files: everything is as the manifest says.\n")
    assert verify(path, "--sha256", sha256(pack).hexdigest())[0] == 0
    code, said = verify(path, "--sha256", "0" * 64)
    assert (code, "is not the pack with this digest" in said) == (1, True)
    with ZipFile(path) as opened:
        opened.extractall(tmp_path / "folder")
    assert verify(tmp_path / "folder")[0] == 0


def test_one_byte_changed_in_any_file_is_found_and_the_file_is_named(pack: bytes, tmp_path: Path) -> None:
    files = members(pack)
    for name, content in files.items():
        assert content, name
        for place in {0, len(content) // 2, len(content) - 1}:
            changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            code, said = verify(packed({**files, name: changed}, tmp_path / "changed.zip"))
            assert code == 1
            assert (name if name != "manifest.sha256" else "manifest") in said, (name, said)


def test_a_byte_changed_in_the_zip_itself_never_breaks_the_program(pack: bytes, tmp_path: Path) -> None:
    whole = tmp_path / "broken.zip"
    for place in range(40, len(pack), len(pack) // 40):
        whole.write_bytes(pack[:place] + bytes([pack[place] ^ 0xFF]) + pack[place + 1 :])
        assert verify(whole, "--sha256", sha256(pack).hexdigest())[0] == 1


def test_a_file_too_many_and_one_too_few_are_found(pack: bytes, tmp_path: Path) -> None:
    files = members(pack)
    assert verify(packed({**files, "more.csv": b"1"}, tmp_path / "more.zip")) == (
        1,
        "more.csv: is not in the manifest\n",
    )
    del files["gates.json"]
    assert verify(packed(files, tmp_path / "less.zip")) == (1, "gates.json: is missing or cannot be read\n")
    assert verify(tmp_path / "none.zip")[0] == 1


def sealed(files: Member, name: str, content: bytes) -> Member:
    """What somebody would do who knows how the manifest is made: the file changed, its digest and the seal written anew."""
    manifest = json.loads(files["manifest.json"])
    for one in manifest["files"]:
        if one["name"] == name:
            one |= {"sha256": sha256(content).hexdigest(), "size": len(content)}
    said = json.dumps(manifest).encode()
    return {**files, name: content, "manifest.json": said, "manifest.sha256": f"{sha256(said).hexdigest()}\n".encode()}


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("outcomes.csv", b",not_qualified,not_qualified,", b",qualified,qualified,", "not the list that was approved"),
        (
            "outcomes.csv",
            b",qualified,qualified,",
            b",not_qualified,qualified,",
            "neither the calculated nor an overriding one",
        ),
        ("messages.csv", b",failed,", b",delivered,", "the manifest says"),
        ("balances.csv", b",15000.00,", b",15000.01,", "is not what was judged"),
        ("inputs.csv", b"\r\n0", b"\r\n1", "is not what the month was calculated from"),
        ("audit.csv", b"run.approved", b"run.approved", ""),
    ],
)
def test_what_contradicts_itself_is_found_though_every_digest_was_written_anew(
    pack: bytes, tmp_path: Path, name: str, old: bytes, new: bytes, expected: str
) -> None:
    files = members(pack)
    code, said = verify(packed(sealed(files, name, files[name].replace(old, new, 1)), tmp_path / "forged.zip"))
    assert code == (1 if expected else 0), said
    assert expected in said


def test_what_a_month_looked_at_is_proved_though_balances_were_corrected_since(
    session: Session, run: QualificationRun, pack: bytes, take: Take, tmp_path: Path
) -> None:
    before = members(pack)
    with clock.at(clock.now() + timedelta(hours=1)):
        feed = october(month_of_all())
        feed.records["2026-10-09"] += [record(str(n), "2026-10-09", "7.00", version=2) for n in range(43)]
        feed.records["2026-10-17"] += [record("41", "2026-10-17", "7.00")]
        take(feed)
    after = members(made(session, run))
    assert after["inputs.csv"] == before["inputs.csv"]
    corrected = [row for row in table(after["balances.csv"]) if row["amount"] == "7.00"]
    assert corrected
    assert {row["is_judged"] for row in corrected} == {"False"}
    assert verify(packed(after, tmp_path / "after.zip"))[0] == 0


def test_a_month_of_before_has_no_list_of_what_it_looked_at_and_its_pack_holds(
    session: Session, run: QualificationRun, tmp_path: Path
) -> None:
    run.input_format, run.input_hash = 1, "0" * 64
    session.commit()
    files = members(made(session, run))
    assert "inputs.csv" not in files
    assert verify(packed(files, tmp_path / "old.zip"))[0] == 0


def test_an_entry_taken_out_of_the_chain_is_found(pack: bytes, tmp_path: Path) -> None:
    files = members(pack)
    lines = files["audit_chain.csv"].splitlines(keepends=True)
    without = b"".join([*lines[:2], *lines[3:]])
    code, said = verify(packed(sealed(files, "audit_chain.csv", without), tmp_path / "cut.zip"))
    assert code == 1
    assert "does not follow the one before" in said


def test_a_customer_number_cannot_run_as_a_formula(session: Session, run: QualificationRun, pack: bytes) -> None:
    session.execute(text("UPDATE contacts SET external_id = '=1+1' WHERE external_id = '5'"))
    numbers = [row["customer"] for row in table(members(made(session, run))["outcomes.csv"])]
    assert "'=1+1" in numbers


def test_a_month_that_was_only_calculated_has_a_pack_that_holds(
    session: Session, run: QualificationRun, tmp_path: Path
) -> None:
    session.commit()
    path = tmp_path / "pack.zip"
    path.write_bytes(made(session, run))
    assert verify(path)[0] == 0
