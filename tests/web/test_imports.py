"""The import wizard as a person without script walks through it."""

import re
from io import BytesIO
from typing import Any

import pytest

from app.domain.transfer import loading
from tests.web.pages import Browser, House

FILE = (
    "מספר לקוח,שם פרטי,email,נייד,balance,opened\n"
    "C1,דנה,dana@mail.example,052-2345678,15000,2026-01-31\n"
    "C2,יוסי,yossi@mail.example,052-2345679,-3,2026-02-28\n"
    "C3,Maya,not an address,052-2345670,1,2026-02-28\n"
)


def uploaded(browser: Browser, text: bytes, name: str = "people.csv") -> Any:
    browser.get("/imports/new")
    return browser.post("/imports/new", {"file": (BytesIO(text), name)})


def choices(page: str) -> dict[str, str]:
    """What a browser would send of the form as it is drawn."""
    sent = {}
    for name, inside in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        found = re.search(r'<option value="([^"]*)" selected', inside)
        sent[name] = found.group(1) if found else ""
    for tag in re.findall(r'<input[^>]*name="key-[^>]*>', page):
        sent[re.findall(r'name="([^"]+)"', tag)[0]] = re.findall(r'value="([^"]*)"', tag)[0]
    return {**sent, "dedupe": "update"}


def test_a_file_goes_from_upload_to_its_result(bank: House) -> None:
    marketer = bank.browser("marketer")
    assert "No imports yet" in marketer.get("/imports").get_data(as_text=True)
    columns = uploaded(marketer, FILE.encode("windows-1255")).headers["Location"]
    page = marketer.get(columns).get_data(as_text=True)
    assert "windows-1255" in page
    assert "דנה" in page
    sent = choices(page)
    assert [sent[f"to-{n}"] for n in range(6)] == ["external_id", "first_name", "email", "phone", "new", "new"]
    assert (sent["key-4"], sent["type-4"], sent["type-5"]) == ("balance", "number", "date")
    base = columns.removesuffix("/columns")
    sent |= {"consent": "sms", "basis": "form at the branch", "tags": "autumn"}
    trial = marketer.post(f"{base}/dry-run", sent).get_data(as_text=True)
    assert "+972522345678" in trial
    assert "This is not a valid e-mail address." in trial
    hidden = dict(re.findall(r'<input type="hidden" name="(?!csrf)([^"]+)" value="([^"]*)">', trial))
    assert hidden["to-4"] == "new"
    assert 'value="balance"' in marketer.post(f"{base}/columns", hidden).get_data(as_text=True)
    assert marketer.post(f"{base}/start", hidden).headers["Location"] == base
    assert 'hx-trigger="every 1s"' in marketer.get(base).get_data(as_text=True)
    assert marketer.post(f"{base}/start", hidden).status_code == 409
    with bank.unit() as session:
        waiting = loading_waiting(session)
    for import_id in waiting:
        loading.run(bank.unit, import_id)
    result = marketer.get(base, htmx=True).get_data(as_text=True)
    assert "hx-trigger" not in result
    assert "Some rows were kept without an address" in result
    bad = marketer.post(f"{base}/errors").get_data().decode("utf-8-sig")
    assert bad.splitlines()[1].startswith("4,email,This is not a valid e-mail address.,C3,Maya")
    people = marketer.get("/contacts?tag=autumn").get_data(as_text=True)
    assert "<bdi>C1</bdi>" in people
    assert "<bdi>C3</bdi>" in people


def loading_waiting(session: Any) -> list[Any]:
    from app.domain.transfer import imports

    return imports.waiting(session)


def test_the_same_header_again_is_mapped_already(bank: House) -> None:
    marketer = bank.browser("marketer")
    columns = uploaded(marketer, FILE.encode()).headers["Location"]
    sent = choices(marketer.get(columns).get_data(as_text=True)) | {"to-2": "", "key-4": "saldo"}
    assert marketer.post(columns.replace("columns", "start"), sent).status_code == 303
    again = marketer.get(uploaded(marketer, FILE.encode()).headers["Location"]).get_data(as_text=True)
    assert "A file with the same header was imported before" in again
    now = choices(again)
    assert (now["to-2"], now["to-4"]) == ("", "properties.saldo")


def test_the_wizard_opened_again_shows_what_was_tried(bank: House) -> None:
    marketer = bank.browser("marketer")
    columns = uploaded(marketer, b"id,Name\n1,Dana\n").headers["Location"]
    page = marketer.get(columns).get_data(as_text=True)
    assert re.search(r'name="personal-1"[^>]* checked', page)
    sent = choices(page) | {"key-1": "whole_name", "dedupe": "fill", "personal-1": "y", "tags": "autumn"}
    assert marketer.post(columns.replace("columns", "dry-run"), sent).status_code == 200
    again = marketer.get(columns).get_data(as_text=True)
    assert choices(again)["key-1"] == "whole_name"
    assert re.search(r'name="personal-1"[^>]* checked', again)
    assert 'value="autumn"' in again
    assert re.search(r'<input[^>]*checked[^>]*value="fill"', again)


def test_the_delimiter_can_be_chosen(bank: House) -> None:
    marketer = bank.browser("marketer")
    columns = uploaded(marketer, b"id,phone;city\n1,2;Haifa\n").headers["Location"]
    again = marketer.post(columns.replace("columns", "delimiter"), {"delimiter": ";"})
    assert again.headers["Location"] == columns
    assert "<bdi>id,phone</bdi>" in marketer.get(columns).get_data(as_text=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"a,b\n", "The file has a header but no rows."),
        (b"PK\x03\x04 and the rest", "This is an Excel or ZIP file."),
        (b"a,b\n1,\x00\n", "This is not a text file."),
    ],
    ids=["empty", "only a header", "excel", "nul"],
)
def test_a_file_that_is_no_list_is_refused_with_the_way_out(bank: House, content: bytes, said: str) -> None:
    answer = uploaded(bank.browser("marketer"), content)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_options_that_do_not_fit_come_back_with_what_was_chosen(bank: House) -> None:
    marketer = bank.browser("marketer")
    columns = uploaded(marketer, FILE.encode()).headers["Location"]
    sent = choices(marketer.get(columns).get_data(as_text=True)) | {
        "to-0": "",
        "to-2": "",
        "to-3": "",
        "key-4": "saldo",
    }
    answer = marketer.post(columns.replace("columns", "dry-run"), sent)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Choose the column that tells who it is" in page
    assert 'value="saldo"' in page


def test_a_viewer_sees_results_and_no_files(bank: House) -> None:
    columns = uploaded(bank.browser("marketer"), FILE.encode()).headers["Location"]
    viewer = bank.browser("viewer")
    assert viewer.get("/imports").status_code == 200
    assert viewer.get(columns.removesuffix("/columns")).status_code == 200
    assert viewer.get(columns).status_code == 403
    assert viewer.get("/imports/new").status_code == 403
    assert viewer.post(columns.replace("columns", "errors")).status_code == 403
