"""Lists of values: typed with commas, pasted from anywhere, ticked; and whoever mistypes one is told."""

import re
from uuid import uuid4

import pytest

from app.web.segments import typed
from tests.factories import people
from tests.web.pages import House
from tests.web.test_campaigns import shown


@pytest.mark.parametrize(
    ("said", "values"),
    [
        (["Haifa, Acre"], ["Haifa", "Acre"]),
        (["Haifa;Acre\tLod"], ["Haifa", "Acre", "Lod"]),
        (["Haifa,\nAcre,\n\nHaifa"], ["Haifa", "Acre"]),
        (['"Tel Aviv, Jaffa", Lod'], ["Tel Aviv, Jaffa", "Lod"]),
        (['בנק בע"מ, חיפה'], ['בנק בע"מ', "חיפה"]),
        (['"say ""no"""'], ['say "no"']),
        (["", "Haifa", "Acre"], ["Haifa", "Acre"]),
        (["Lod", "Haifa"], ["Lod", "Haifa"]),
        (["O'Hara، Cork"], ["O'Hara", "Cork"]),
        ([" , ;"], []),
    ],
)
def test_a_list_is_read_as_people_write_it(said: list[str], values: list[str]) -> None:
    assert typed.listed(said) == values
    assert typed.listed([typed.written(values)]) == values


def test_known_values_are_ticked_and_unknown_ones_told(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 4, city="Haifa", prefix=uuid4().hex[:6])
    marketer = bank.browser("marketer")
    page = marketer.get("/segments/new").get_data(as_text=True)
    fields = re.findall(r'<input[^>]*type="hidden"[^>]*name="t"[^>]*value="([^"]*)"', page)
    form = {"t": fields, "r1.field": "city", "r1.was": "city", "r1.op": "in", "r1.v": ["Hifa, Acre", "Haifa"]}
    if not any(one.startswith("r:") for one in fields):
        form["t"] = ["g:g1", "r:r1", "/"]
    drawn = marketer.post("/segments/build", form, htmx=True).get_data(as_text=True)
    assert re.search(r'name="r1\.v" value="Haifa" checked', drawn)
    assert re.search(r"<textarea[^>]*>Hifa\s+Acre</textarea>", drawn)
    said = shown(marketer.post("/segments/numbers", form, htmx=True))
    assert "Nobody has this in “City”: Hifa, Acre" in said
    assert " 4 " in said
