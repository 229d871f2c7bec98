"""The forecast on its page, on the first page of the bank, and over the API."""

from datetime import date

from app.domain.bank import balances
from tests.api.test_contacts import Caller
from tests.domain.bank.test_forecast import LOW, PLENTY, told
from tests.web.pages import House
from tests.web.test_bank import first_bank, november, premium, shown, taken  # noqa: F401 - fixtures


def in_november(bank: House) -> str:
    programme_id = premium(bank)
    first = date(2026, 11, 1)
    with bank.unit("bank_officer") as session:
        balances.ask(session, first, date(2026, 11, 3), by=bank.staff["bank_officer"])
    taken(bank, told(first, {"0": [PLENTY] * 3, "1": [PLENTY, LOW, PLENTY]}))
    return str(programme_id)


def test_the_month_that_runs_is_foreseen(first_bank: House) -> None:  # noqa: F811
    programme_id = in_november(first_bank)
    officer = first_bank.browser("bank_officer")
    address = f"/bank/forecast?programme={programme_id}"
    assert address in officer.get("/bank?month=2026-11").get_data(as_text=True)
    assert address not in officer.get("/bank?month=2026-10").get_data(as_text=True)
    assert address not in officer.get("/bank?month=2026-12").get_data(as_text=True)
    page = officer.get(address).get_data(as_text=True)
    assert "1,000.00" not in page
    assert f'hx-get="{address}" hx-trigger="load"' in page, "a page of many customers is there at once"
    assert f'href="{address}&amp;now=1"' in page, "also without script"
    for whole in (officer.get(address, htmx=True), officer.get(f"{address}&now=1")):
        assert "No past month has been calculated" in shown(whole)
        assert "1,000.00" in shown(whole)
        assert "days are known" not in shown(whole), "all of them are"
    part = officer.get(f"{address}&standing=on_track", htmx=True).get_data(as_text=True)
    assert part.lstrip().startswith('<div id="forecast"')
    assert "5,000.00" in part
    assert officer.get("/bank/forecast?programme=x").status_code == 422
    assert first_bank.browser("viewer").get(address).status_code == 403


def test_without_a_programme_the_page_offers_them(first_bank: House) -> None:  # noqa: F811
    officer = first_bank.browser("bank_officer")
    assert "No programmes yet" in shown(officer.get("/bank/forecast"))
    programme_id = premium(first_bank)
    page = officer.get("/bank/forecast")
    assert page.status_code == 200
    assert f'href="/bank/forecast?programme={programme_id}"' in page.get_data(as_text=True)


def test_days_that_were_not_taken_are_told_and_few_days_foresee_nothing(first_bank: House) -> None:  # noqa: F811
    address = f"/bank/forecast?programme={in_november(first_bank)}"
    officer = first_bank.browser("bank_officer")
    for day, known, is_said in ((6, 4, False), (12, 5, True)):
        with first_bank.unit("bank_officer") as session:
            asked = date(2026, 11, day)
            balances.ask(session, asked, asked, by=first_bank.staff["bank_officer"])
        taken(first_bank, told(date(2026, 11, 1), {"0": [PLENTY] * day}))
        page = shown(officer.get(address, htmx=True))
        assert f"The balances of {known} of {day} days are known." in page
        assert ("that takes half of the days" in page) is is_said
        assert 'href="/bank?month=2026-11"' in officer.get(address, htmx=True).get_data(as_text=True)


def test_it_is_read_in_hebrew(first_bank: House) -> None:  # noqa: F811
    programme_id = in_november(first_bank)
    officer = first_bank.browser("bank_officer")
    officer.client.set_cookie("carillon_locale", "he")
    page = officer.get(f"/bank/forecast?programme={programme_id}&now=1").get_data(as_text=True)
    assert "תחזית" in page
    assert "Lost" not in page


def test_the_same_over_the_api(first_bank: House) -> None:  # noqa: F811
    programme_id = in_november(first_bank)
    call = Caller(first_bank, "bank_officer")
    found = call.data("GET", f"/bank/forecast?programme={programme_id}")
    counted = {name: found[name] for name in ("customers", "on_track", "at_risk", "lost", "unknown", "expected")}
    assert counted == {"customers": 3, "on_track": 1, "at_risk": 0, "lost": 1, "unknown": 1, "expected": None}
    assert (found["month"], found["day"], found["days"], found["days_known"]) == ("2026-11", "2026-11-03", 3, 3)
    [near] = call.data("GET", f"/bank/forecast/customers?programme={programme_id}")
    assert (near["external_id"], near["distance"], near["first_below"]) == ("1", "1000.00", "2026-11-02")
    [fine] = call.data("GET", f"/bank/forecast/customers?programme={programme_id}&standing=on_track")
    assert (fine["external_id"], fine["standing"], fine["latest"]) == ("0", "on_track", "20000.00")
    assert call("GET", f"/bank/forecast/customers?programme={programme_id}&standing=sunny").status_code == 422
    assert call("GET", "/bank/forecast").status_code == 422
