"""One customer's month on its page and over the API."""

from sqlalchemy import select

from app.domain.bank.models import QualificationRun
from app.domain.contacts.models import Contact
from tests.api.test_contacts import Caller
from tests.web.pages import House
from tests.web.test_bank import a_month, calculated, first_bank, november, premium, shown, taken  # noqa: F401 - fixtures


def a_run(bank: House) -> tuple[str, dict[str, str]]:
    """October as `a_month` tells it, calculated: the address of the run and the customers' ids by number."""
    programme_id = premium(bank)
    officer = bank.browser("bank_officer")
    officer.get("/bank")
    officer.post("/bank/balances", {"month": "2026-10"})
    taken(bank, a_month())
    officer.post("/bank/runs", {"month": "2026-10", "programme": str(programme_id)})
    calculated(bank)
    with bank.unit() as session:
        run_id = session.execute(select(QualificationRun.id)).scalar_one()
        ids = dict(session.execute(select(Contact.external_id, Contact.id)).all())
    return str(run_id), {str(number): str(contact) for number, contact in ids.items()}


def test_a_page_tells_the_days_of_one_customer_and_leads_to_the_next(first_bank: House) -> None:  # noqa: F811
    run_id, ids = a_run(first_bank)
    officer = first_bank.browser("bank_officer")
    listed = officer.get(f"/bank/runs/{run_id}?outcome=not_qualified").get_data(as_text=True)
    address = f"/bank/runs/{run_id}/customers/{ids['1']}"
    assert f'href="{address}?outcome=not_qualified"' in listed
    raw = officer.get(address).get_data(as_text=True)
    page = shown(officer.get(address))
    assert "1,000.00 below the threshold" in page
    assert raw.count('class="day day-held"') == 30
    assert raw.count('class="day day-below"') == 1
    assert "<svg" in raw
    assert f'customers/{ids["2"]}" data-key="j"' in raw
    assert f'customers/{ids["0"]}" data-key="k"' in raw
    alone = officer.get(f"{address}?outcome=not_qualified").get_data(as_text=True)
    assert "data-key" not in alone, "he is the only one of this outcome"
    missing = shown(officer.get(f"/bank/runs/{run_id}/customers/{ids['2']}"))
    assert "Days without a value: 1 of 31." in missing
    assert "No record came" in missing


def test_it_is_read_in_hebrew(first_bank: House) -> None:  # noqa: F811
    run_id, ids = a_run(first_bank)
    officer = first_bank.browser("bank_officer")
    officer.client.set_cookie("carillon_locale", "he")
    page = officer.get(f"/bank/runs/{run_id}/customers/{ids['1']}").get_data(as_text=True)
    assert 'dir="rtl"' in page
    assert "מתחת לסף" in page


def test_who_may_not_and_what_is_not(first_bank: House) -> None:  # noqa: F811
    run_id, ids = a_run(first_bank)
    assert first_bank.browser("viewer").get(f"/bank/runs/{run_id}/customers/{ids['1']}").status_code == 403
    assert first_bank.browser("bank_officer").get(f"/bank/runs/{run_id}/customers/{run_id}").status_code == 404


def test_the_same_over_the_api(first_bank: House) -> None:  # noqa: F811
    run_id, _ids = a_run(first_bank)
    call = Caller(first_bank, "bank_officer")
    found = call.data("GET", f"/bank/runs/{run_id}/outcomes/1")
    assert (found["outcome"], found["why"]) == (
        "not_qualified",
        "On 2026-10-09 the balance was 14000.00, 1000.00 below the threshold.",
    )
    assert found["days"][8]["date"] == "2026-10-09"
    assert (len(found["days"]), found["days"][8]["verdict"], found["days"][8]["amount"]) == (31, "below", "14000.00")
    assert found["days"][0]["versions"][0]["source"] == "core_bank"
    assert call("GET", f"/bank/runs/{run_id}/outcomes/77").status_code == 404
