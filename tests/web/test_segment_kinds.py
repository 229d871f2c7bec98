"""A kind of condition that the builder has no inputs for: shown in words, kept as it is, explained, told over the API."""

import json
import re
from html import unescape

import pytest

from app.domain.access import keys
from app.domain.access.models import User
from app.domain.segments import library
from app.domain.segments.kinds import KINDS
from app.domain.segments.library import SegmentInput
from tests.domain.segments.test_kinds import EndsWith
from tests.factories import people
from tests.web.pages import House
from tests.web.test_segments import Builder, asked


def test_a_kind_without_inputs_is_kept_and_said(bank: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "digit", EndsWith)
    with bank.unit("marketer") as session:
        people.contacts(session, 12)
        city = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
        new = SegmentInput(name="Ends", definition={"where": {"all": [{"kind": "digit", "digit": 1}, {"not": city}]}})
        segment_id = library.create(session, new, by=bank.staff["marketer"]).id
        user = session.get_one(User, bank.staff["marketer"].id)
        key = keys.create(session, user, name="tests", scopes=["*"], by=bank.staff["marketer"])
    marketer = bank.browser("marketer")
    url = f"/segments/{segment_id}"
    assert "the number ends with 1" in marketer.get(url).text
    assert "the number ends with 1" in marketer.get(f"{url}/outline", htmx=True).text
    assert "now: 11" in unescape(re.sub(r"<[^>]+>", "", asked(marketer, f"{url}/why", "11").text))
    builder = Builder(marketer, f"{url}/edit")
    assert "the number ends with 1" in builder.words
    builder.do(r2__v="Eilat")
    assert "By itself: 2" in builder.words
    assert builder.save(name="Ends").status_code == 303
    with bank.unit("marketer") as session:
        stored = library.get(session, segment_id, by=bank.staff["marketer"]).definition["where"]
    assert stored == {"all": [{"kind": "digit", "digit": 1}, {"not": {**city, "value": "Eilat"}}]}
    for damaged in ("", "[", "7", json.dumps({"kind": "digit", "digit": 77}), json.dumps({"all": []}), "[" * 9000):
        again = Builder(marketer, f"{url}/edit")
        again.do(r1__v=damaged)
        assert again.save(name="Ends").status_code in (303, 422)
    client, auth = bank.app.test_client(), {"Authorization": f"Bearer {key}"}
    counted = client.post(
        "/api/v1/segments/count", json={"definition": {"where": {"kind": "digit", "digit": 1}}}, headers=auth
    )
    assert counted.get_json()["data"]["count"] == 2
    assert counted.get_json()["data"]["words"] == "Everybody for whom the number ends with 1."
