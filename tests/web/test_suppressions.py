"""The suppression list in the browser."""

import re
from io import BytesIO
from typing import Any

from tests.web.pages import Browser, House


def upload(text: bytes, **values: str) -> dict[str, Any]:
    return {"list-file": (BytesIO(text), "list.csv"), "list-channel": "email", "list-reason": "manual", **values}


def searched(browser: Browser, address: str) -> str:
    """The address of the list of what was searched for."""
    answer = browser.post("/suppressions/search", {"address": address, "channel": "sms"})
    assert "channel=sms" in answer.location
    assert "5223" not in answer.location
    return str(answer.location)


def test_who_refused_is_not_written_to_again_by_one_person(bank: House) -> None:
    marketer = bank.browser("marketer")
    marketer.get("/suppressions")
    marketer.post("/suppressions/new", {"channel": "sms", "address": "052-2345679", "reason": "opt_out"})
    found = marketer.get(searched(marketer, "+972522345679")).text
    lift = re.findall(r'href="([^"]+/lift)"', found)[0]
    vague = marketer.post(lift, {"reason": "asked"})
    assert vague.status_code == 422
    assert "Say what shows" in vague.get_data(as_text=True)
    assert marketer.post(lift, {"reason": "signed form of 3 March"}).location.startswith("/approvals/")
    assert marketer.get(lift).status_code == 200, "it still stands"


def test_an_address_is_added_found_and_lifted(bank: House) -> None:
    marketer = bank.browser("marketer")
    assert "Nothing is suppressed" in marketer.get("/suppressions").get_data(as_text=True)
    assert (
        marketer.post("/suppressions/new", {"channel": "sms", "address": "12", "reason": "manual"}).status_code == 422
    )
    assert (
        marketer.post("/suppressions/new", {"channel": "sms", "address": "052-2345678", "reason": "manual"}).status_code
        == 303
    )
    found = marketer.get(searched(marketer, "+972522345678")).text
    assert "+972•••••78" in found
    lift = re.findall(r'href="([^"]+/lift)"', found)[0]
    assert marketer.post(lift, {"reason": ""}).status_code == 422
    assert marketer.post(lift, {"reason": "a slip of the hand"}).status_code == 303
    assert marketer.get(lift).status_code == 404
    assert "Nothing is suppressed" in marketer.get("/suppressions").get_data(as_text=True)


def test_a_list_is_read_and_an_exported_one_again(bank: House) -> None:
    marketer = bank.browser("marketer")
    listed = b"a@mail.example\nnonsense\nB@mail.example\na@mail.example\n"
    assert marketer.post("/suppressions/list", upload(listed)).status_code == 303
    page = marketer.get("/suppressions").get_data(as_text=True)
    assert "2 addresses were added" in page
    assert "left out: 2" in page
    exported = marketer.post("/suppressions/export").get_data()
    assert b"a@mail.example" in exported
    marketer.post("/suppressions/list", upload(exported))
    assert "2 were there already" in marketer.get("/suppressions").get_data(as_text=True)
    assert marketer.post("/suppressions/list", upload(b"\xff\xfe\x00")).status_code == 422
    assert marketer.post("/suppressions/list", upload(b"")).status_code == 422


def test_a_viewer_sees_and_changes_nothing(bank: House) -> None:
    viewer = bank.browser("viewer")
    assert viewer.get("/suppressions").status_code == 200
    assert viewer.get("/suppressions/new").status_code == 403
    assert viewer.post("/suppressions/export").status_code == 403
