"""What files say of people, as banks write it: keys, addresses, amounts, days, and our own files back again."""

import csv
import io
from collections.abc import Iterable

import pytest

from app.core.files import Files
from app.core.unit import settings_of
from app.domain.contacts import identifiers, profile
from app.domain.transfer import badrows, imports, remembered
from app.domain.transfer.models import Import
from tests.domain.transfer.loads import Bank


def numbers(row: Import) -> tuple[int, ...]:
    return row.created, row.updated, row.failed, row.warned


def properties(ours: Bank, key: str) -> dict[object, object]:
    return dict(ours.all("SELECT external_id, properties -> CAST(:key AS text) FROM live.contacts ORDER BY 1", key=key))  # type: ignore[arg-type]


def downloaded(ours: Bank, row: Import) -> list[list[str]]:
    with ours.unit() as session:
        content = badrows.download(session, row, by=ours.by).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content)))


def as_file(rows: Iterable[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def test_unseen_characters_make_no_second_customer(ours: Bank) -> None:
    keys = ["f7", "\u200ff7\u200f", "f7\u00ad", "f7\u2069", "\ufefff7", "f\u200b7"]
    row = ours.load("id,phone\n" + "".join(f"{key},0526000057\n" for key in keys))
    assert numbers(row) == (1, 5, 0, 0)
    with ours.unit() as session:
        assert identifiers.resolve(session, "external_id", "\u200ef7").external_id == "f7"


def test_unseen_characters_are_no_part_of_addresses_cities_and_tags(ours: Bank) -> None:
    row = ours.load(
        "id,email,city,tags\nm1,dana7@mail.example\u200f,Haifa,vip\nm2,\u200bdana8@mail.example,Haifa\u200f,vip\u200f\n"
    )
    assert numbers(row) == (2, 0, 0, 0)
    assert ours.all("SELECT DISTINCT city, tags FROM live.contacts") == [("Haifa", ["vip"])]
    with ours.unit() as session:
        assert identifiers.resolve(session, "email", "dana8@mail.example").external_id == "m2"


def test_several_phones_and_emails_are_all_the_persons(ours: Bank) -> None:
    ours.load(
        "id,phone,phone,Mobile 2,טלפון נוסף,email,work e-mail\n"
        "b3,0526000013,0526000014,0526000015,0526000016,b3@mail.example,b3b@mail.example; b3c@mail.example\n"
    )
    assert ours.one("SELECT properties FROM live.contacts") == {}
    with ours.unit() as session:
        person = profile.person_of(session, identifiers.resolve(session, "phone", "0526000016"))
    assert person.phones == ("+972526000013", "+972526000014", "+972526000015", "+972526000016")
    assert person.emails == ("b3@mail.example", "b3b@mail.example", "b3c@mail.example")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Name", "Dana Levi"),
        ("שם מלא", "דנה לוי"),
        ("Address", "Hof 7"),
        ("תעודת זהות", "123456782"),
        ("Reached at", "a@mail.example"),
    ],
)
def test_what_names_a_person_is_sealed_unless_somebody_says_otherwise(ours: Bank, column: str, value: str) -> None:
    ours.load(f"client_id,{column}\n1,{value}\n")
    assert ours.one("SELECT properties FROM live.contacts") == {}
    with ours.unit() as session:
        person = profile.person_of(session, identifiers.resolve(session, "external_id", "1"))
    assert list(person.properties.values()) == [value]


def test_amounts_are_read_as_banks_write_them(ours: Bank) -> None:
    amounts = {
        "n1": "-₪500", "n2": "1,234.50 ₪", "n3": "(500)", "n4": "500-", "n5": "\u200f1,234.50\u00a0\u200f₪", "n6": "\u200e-500",
        "n7": "−500", "n8": "0.1234567", "n9": "5.0E3",
    }  # fmt: skip
    row = ours.load(as_file([["id", "amount"], *([key, value] for key, value in amounts.items())]))
    assert numbers(row) == (9, 0, 0, 0)
    assert properties(ours, "amount") == {
        "n1": -500, "n2": 1234.5, "n3": -500, "n4": -500, "n5": 1234.5, "n6": -500, "n7": -500, "n8": 0.1234567, "n9": 5000,
    }  # fmt: skip


def test_days_are_read_as_spreadsheets_write_them_and_moments_are_the_banks_days(ours: Bank) -> None:
    days = {
        "y1": "1990-05-16T21:00:00.000Z", "y2": "31/03/2026 14:05:00", "y3": "31-03-2026", "y4": "2026/03/31",
        "y5": "\u200f31/03/2026",
    }  # fmt: skip
    row = ours.load(as_file([["id", "born"], *([key, value] for key, value in days.items())]))
    assert numbers(row) == (5, 0, 0, 0)
    assert properties(ours, "born") == {"y1": "1990-05-17"} | dict.fromkeys(["y2", "y3", "y4", "y5"], "2026-03-31")


def test_the_file_of_bad_rows_comes_back_mended(ours: Bank) -> None:
    first = ours.load(
        "id,phone,amount,note\nR1,05260,-500,-\n@R4,05260,5,@home\n=R5,05260,x,'=x\n", types={"amount": "number"}
    )
    assert numbers(first) == (2, 0, 1, 2)
    rows = downloaded(ours, first)
    assert [line[3:] for line in rows[1:3]] == [["R1", "05260", "-500", "'-"], ["'@R4", "05260", "5", "'@home"]]
    mended = [[cell.replace("05260", "0526000001") if cell != "x" else "7" for cell in line] for line in rows]
    again = ours.load(as_file(mended))
    assert numbers(again) == (1, 2, 0, 0)
    assert properties(ours, "amount") == {"R1": -500, "@R4": 5, "=R5": 7}
    assert properties(ours, "note") == {"R1": "-", "@R4": "@home", "=R5": "=x"}


def test_a_bad_address_costs_itself_and_not_the_row(ours: Bank) -> None:
    row = ours.load("id,first_name,phone,email\n1,Noa,12,noa at mail\n,Dan,12,dan@mail.example\n,Gil,12,\n")
    assert numbers(row) == (2, 0, 1, 2)
    assert [line[:3] for line in downloaded(ours, row)[1:]] == [
        ["2", "email, phone", "These are not valid addresses."],
        ["3", "phone", "This is not a valid phone number."],
        ["4", "phone", "This is not a valid phone number."],
    ]


def test_who_has_no_number_is_recognised_by_the_address(ours: Bank) -> None:
    ours.load("id,email\n1,noa@mail.example\n,gil@mail.example\n")
    row = ours.load(
        "id,email,city\n,noa@mail.example,Acre\n2,dan@mail.example,Haifa\n,dan@mail.example,Yafo\n,gil@mail.example,Eilat\n"
    )
    assert numbers(row) == (1, 3, 0, 0)
    assert ours.all("SELECT external_id, city FROM live.contacts ORDER BY 1") == [
        ("1", "Acre"),
        ("2", "Yafo"),
        (None, "Eilat"),
    ]


def test_an_address_that_two_rows_share_names_nobody(ours: Bank) -> None:
    row = ours.load("id,email\n1,home@mail.example\n2,home@mail.example\n,home@mail.example\n")
    assert numbers(row) == (2, 0, 1, 0)


def test_yes_and_no_in_hebrew_are_boolean(ours: Bank) -> None:
    ours.load("id,מנוי\n1,כן\n2,לא\u200f\n")
    assert properties(ours, "מנוי") == {"1": True, "2": False}


def test_a_refused_file_is_not_kept(ours: Bank) -> None:
    with ours.unit() as session:
        folder = Files(settings_of(session), ours.by.organisation_id)._folder
        with pytest.raises(Exception, match="no rows"):
            imports.upload(session, "x.csv", io.BytesIO(b"id,name\n"), by=ours.by)
        assert not folder.exists() or not list(folder.iterdir())
        row = imports.upload(session, "x.csv", io.BytesIO(b"id,name\n1,2\n"), by=ours.by)
        twin = imports.upload(session, "y.csv", io.BytesIO(b"id,name\n1,2\n"), by=ours.by)
        imports.cancel(session, row.id, by=ours.by)
        assert len(list(folder.iterdir())) == 1
        session.delete(row)
        session.flush()
        imports.cancel(session, twin.id, by=ours.by)
        assert not list(folder.iterdir())


def test_another_delimiter_may_be_chosen_for_an_uploaded_file(ours: Bank) -> None:
    with ours.unit() as session:
        row = imports.upload(session, "x.csv", io.BytesIO(b"id,phone;city\n1,2;Haifa\n"), by=ours.by)
        assert imports.cut_by(session, row.id, ";", by=ours.by).columns == ["id,phone", "city"]
        with pytest.raises(Exception, match="comma"):
            imports.cut_by(session, row.id, "x", by=ours.by)


def test_what_was_chosen_is_there_when_the_wizard_is_opened_again(ours: Bank) -> None:
    with ours.unit() as session:
        row = imports.upload(session, "x.csv", io.BytesIO(b"id,note\n1,x\n"), by=ours.by)
        chosen = imports.suggested(row).model_copy(
            update={
                "mapping": {"id": "external_id", "note": ""},
                "dedupe": "fill",
                "consent": ("sms",),
                "basis": "form",
            }
        )
        remembered.keep(session, row, chosen)
        assert remembered.options(session, row) == (chosen, None)
