"""One customer's month on its page and over the API."""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from app.domain.bank.models import Outcome, QualificationRun
from app.domain.contacts.models import Contact
from tests.api.test_contacts import Caller
from tests.domain.bank.conftest import WHY
from tests.domain.bank.feed import Feed
from tests.domain.bank.test_accounts import MORE, held
from tests.domain.bank.test_accounts import bank as told
from tests.web.pages import House
from tests.web.test_bank import a_month, calculated, first_bank, november, premium, shown, taken  # noqa: F401 - fixtures


def a_run(bank: House, feed: Feed | None = None) -> tuple[str, dict[str, str]]:
    """October as `a_month` tells it, calculated: the address of the run and the customers' ids by number."""
    programme_id = premium(bank)
    officer = bank.browser("bank_officer")
    officer.get("/bank")
    officer.post("/bank/balances", {"month": "2026-10"})
    taken(bank, feed or a_month())
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


def test_an_officer_overrides_from_the_page_of_the_customer(first_bank: House) -> None:  # noqa: F811
    run_id, ids = a_run(first_bank)
    officer, address = first_bank.browser("bank_officer"), f"/bank/runs/{run_id}/customers/{ids['1']}"
    assert f'href="{address}/override"' in officer.get(address).text
    assert f'href="{address}/override"' not in first_bank.browser("auditor").get(address).text
    officer.post(f"{address}/override", {"outcome": "qualified", "reason": WHY.reason})
    page = officer.get(address)
    assert "calculated: Not qualified" in shown(page)
    assert WHY.reason in shown(page)
    assert f'action="{address}/override/withdraw"' in page.text


def test_the_page_leads_to_the_same_customer_in_the_month_before_and_after(first_bank: House) -> None:  # noqa: F811
    run_id, ids = a_run(first_bank)
    with first_bank.unit("bank_officer") as session:
        run = session.get_one(QualificationRun, UUID(run_id))
        names = ("organisation_id", "programme_id", "programme_version_id", "created_at", "calculated_at", "totals")
        same = {name: getattr(run, name) for name in names}
        for month, version, state in ((9, 1, "superseded"), (9, 2, "calculated"), (8, 1, "calculated")):
            other = QualificationRun(month=date(2026, month, 1), version=version, state=state, **same)
            session.add(other)
            session.flush()
            session.add(
                Outcome(
                    organisation_id=run.organisation_id, run_id=other.id, contact_id=UUID(ids["1"]), outcome="qualified",
                    days_passed=30, days_required=30, missing=[],
                )
            )  # fmt: skip
            if (month, state) == (9, "calculated"):
                before = other.id
    officer, path = first_bank.browser("bank_officer"), f"customers/{ids['1']}"
    page = officer.get(f"/bank/runs/{run_id}/{path}").text
    assert f'href="/bank/runs/{before}/{path}"' in page, "the newest run of the nearest month"
    assert page.count(f'/{path}">') == 1
    assert f'href="/bank/runs/{run_id}/{path}"' in officer.get(f"/bank/runs/{before}/{path}").text, "and back"
    alone = officer.get(f"/bank/runs/{run_id}/customers/{ids['0']}").text
    assert "September 2026" not in alone, "he was not there"


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


def test_who_has_several_accounts_is_shown_each_and_their_sum(first_bank: House) -> None:  # noqa: F811
    savings = held([*MORE[:16], None, *MORE[17:]], "S1")
    run_id, ids = a_run(first_bank, told(held(["12000.00"] * 31, "C1"), savings, held(["15000.00"] * 31, customer="1")))
    officer = first_bank.browser("bank_officer")
    raw = officer.get(f"/bank/runs/{run_id}/customers/{ids['0']}").get_data(as_text=True)
    assert raw.count('class="day day-held"') == 30
    assert raw.count("Sum of what counts") == 31
    assert (raw.count("<bdi>C1</bdi>"), raw.count("<bdi>S1</bdi>")) == (31, 30)
    assert "Savings accounts" in raw
    assert "17,000.00" in raw
    assert "Sum of what counts" not in shown(officer.get(f"/bank/runs/{run_id}/customers/{ids['1']}"))
    call = Caller(first_bank, "bank_officer")
    days = call.data("GET", f"/bank/runs/{run_id}/outcomes/0")["days"]
    assert (days[0]["amount"], days[0]["accounts"]) == ("17000.00", {"C1": "12000.00", "S1": "5000.00"})
    assert (days[16]["verdict"], days[16]["amount"], days[16]["accounts"]) == ("missing", None, {})
    rows = call.data("GET", "/bank/balances/0?month=2026-10")
    assert {(row["account"], row["account_type"]) for row in rows} == {("C1", "current"), ("S1", "savings")}
    programme = call.data("GET", "/bank/programmes")[0]
    assert programme["accounts"] == []
    asked = {"run": run_id, "accounts": ["current"]}
    assert call.data("POST", "/bank/what-if", asked)["would"]["not_qualified"] == 1
    rule = "threshold=15000&currency=ILS&rule=every&calendar=value&opening=missing&accounts=savings"
    found = shown(officer.get(f"/bank/what-if?run={run_id}&{rule}"))
    assert "Side by side" in found
    change = call("PATCH", f"/bank/programmes/{programme['id']}", {"accounts": ["savings", "current", "current"]})
    assert change.status_code == 202
    request = shown(officer.get(f"/approvals/{change.get_json()['data']['approval_id']}"))
    assert "Accounts that count" in request
    assert call("PATCH", f"/bank/programmes/{programme['id']}", {"accounts": ["No Such"]}).status_code == 422
