"""What is compressed on its way out, and what must not be."""

import gzip
import re

import brotli
import pytest

from app.http.csrf import unmasked
from tests.factories import people
from tests.web.campaigning import Campaigning
from tests.web.pages import House
from tests.web.test_campaigns import shown

CHROME = {"Accept-Encoding": "gzip, deflate, br, zstd", "Sec-Fetch-Site": "none"}
UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress}
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.mark.parametrize(
    ("accepted", "coding"), [(CHROME["Accept-Encoding"], "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip")]
)
def test_pages_go_out_compressed_as_their_reader_likes(bank: House, accepted: str, coding: str) -> None:
    with bank.unit() as session:
        people.contacts(session, 25)
    client = bank.browser("viewer").client
    plain = client.get("/contacts")
    assert "Content-Encoding" not in plain.headers
    packed = client.get("/contacts", headers={"Accept-Encoding": accepted})
    assert packed.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "HX-Request" in packed.headers["Vary"]
    page = UNPACK[coding](packed.data).decode()
    assert TOKEN.sub("", page).split("<main")[1] == TOKEN.sub("", plain.text).split("<main")[1]
    assert len(packed.data) * 4 < len(plain.data)
    assert int(packed.headers["Content-Length"]) == len(packed.data)


def test_toasts_are_packed_with_their_part(bank: House) -> None:
    marketer = bank.browser("marketer")
    marketer.get("/suppressions")
    token = marketer._token
    given = {"csrf_token": token, "channel": "sms", "address": "052-2345678", "reason": "manual"}
    marketer.client.post("/suppressions/new", data=given)
    page = marketer.client.get("/suppressions", headers=CHROME)
    assert "The address is on the list" in brotli.decompress(page.data).decode()


def test_another_sites_guesses_meet_no_compressed_answer(bank: House) -> None:
    client = bank.browser("viewer").client
    for site in ("cross-site", "same-site"):
        assert "Content-Encoding" not in client.get("/contacts", headers={**CHROME, "Sec-Fetch-Site": site}).headers
    for site in ("same-origin", "none"):
        assert client.get("/contacts", headers={**CHROME, "Sec-Fetch-Site": site}).headers["Content-Encoding"] == "br"


def test_what_is_told_once_is_not_compressed(campaigns: Campaigning) -> None:
    owner = campaigns.bank.browser("owner")
    owner.get("/account/keys")
    values = {"csrf_token": owner._token, "name": "Till", "reach": "*", "code": campaigns.code("owner")}
    made = owner.client.post("/account/keys/new", data=values, headers=CHROME)
    (key,) = re.findall(r'<output class="secret" dir="ltr">([^<]+)</output>', made.text)
    assert "Content-Encoding" not in made.headers
    bearer = {**CHROME, "Authorization": f"Bearer {key}"}
    listed = campaigns.bank.app.test_client().get("/api/v1/users", headers=bearer)
    assert listed.headers["Content-Encoding"] == "br", "JSON is compressed, too"
    again = campaigns.bank.app.test_client().post(
        "/api/v1/keys", json={"name": "Again", "scopes": ["contacts:read"]}, headers=bearer
    )
    assert again.get_json()["data"]["secret_key"].startswith("ck_")
    assert "Content-Encoding" not in again.headers


def test_the_token_of_a_browser_looks_another_in_every_answer_and_works(bank: House) -> None:
    marketer = bank.browser("marketer")
    first, second = (marketer.get("/contacts").text for _ in range(2))
    (one,), (two,) = (
        {*TOKEN.findall(page), *re.findall(r'name="csrf-token" content="([^"]+)"', page)} for page in (first, second)
    )
    assert one != two
    assert one[: len(one) // 2 - 8] != two[: len(two) // 2 - 8]
    with marketer.client.session_transaction() as kept:
        raw = kept["csrf_token"]
    assert raw not in first
    assert unmasked(one) not in first, "nor as it is signed"
    for token in (one, two):
        assert marketer.client.post("/contacts/search", data={"csrf_token": token, "q": "1"}).status_code == 303
        assert (
            marketer.client.post("/contacts/search", data={"q": "1"}, headers={"X-CSRFToken": token}).status_code == 303
        )
    for wrong in ("", "x", "א", one[:-4], one[4:] + one[:4], unmasked(one), raw, "A" * len(one)):
        refused = marketer.client.post("/contacts/search", data={"csrf_token": wrong, "q": "1"})
        assert refused.status_code == 400, wrong
        assert "This page was open for too long" in shown(refused)
