"""What if, on its page and over the API."""

import re

from tests.api.test_contacts import Caller
from tests.domain.bank.conftest import WHY
from tests.web.pages import House
from tests.web.test_bank import first_bank, november, shown  # noqa: F401 - fixtures
from tests.web.test_bank_customer import a_run


def test_a_month_is_seen_by_another_rule_side_by_side(first_bank: House) -> None:  # noqa: F811
    run_id, ids = a_run(first_bank)
    officer = first_bank.browser("bank_officer")
    assert f"/bank/what-if?run={run_id}" in officer.get(f"/bank/runs/{run_id}").get_data(as_text=True)
    form = officer.get(f"/bank/what-if?run={run_id}").get_data(as_text=True)
    assert 'value="15000.00"' in form
    asked = f"/bank/what-if?run={run_id}&currency=ILS&calendar=value&opening=missing&carry_days=&days="
    page = shown(officer.get(f"{asked}&rule=every&threshold=14000"))
    assert re.search("Not qualified +Qualified", page)
    assert re.search(r"\+ ?1\b", page)
    assert "overrode" not in page
    officer.post(f"/bank/runs/{run_id}/customers/{ids['1']}/override", {"outcome": "qualified", "reason": WHY.reason})
    page = shown(officer.get(f"{asked}&rule=every&threshold=15000"))
    assert "A person overrode 1 outcome of this month. It is left out here" in page
    assert Caller(first_bank, "bank_officer").data("POST", "/bank/what-if", {"run": run_id})["overridden"] == 1
    refused = officer.get(f"{asked}&rule=at_least&threshold=much")
    assert refused.status_code == 422
    assert "needs your attention" in shown(refused)
    assert officer.get(f"{asked}&rule=no&threshold=1").status_code == 422
    assert officer.get("/bank/what-if?run=x").status_code == 404
    assert first_bank.browser("viewer").get(f"/bank/what-if?run={run_id}").status_code == 403


def test_the_same_over_the_api(first_bank: House) -> None:  # noqa: F811
    run_id, _ids = a_run(first_bank)
    call = Caller(first_bank, "bank_officer")
    found = call.data("POST", "/bank/what-if", {"run": run_id, "threshold": "14000.00"})
    assert found["totals"] == {"qualified": 1, "not_qualified": 1, "indeterminate": 1}
    assert found["would"] == {"qualified": 2, "not_qualified": 0, "indeterminate": 1}
    assert found["became"] == [{"from": "not_qualified", "to": "qualified", "count": 1}]
    assert found["asked"]["rule"] == "every"
    many = call.data("POST", "/bank/what-if", {"run": run_id, "rule": "at_least", "days": 30})
    assert many["would"]["qualified"] == 3
    for wrong in ({"rule": "at_least"}, {"threshold": "-1"}, {"calendar": "moon"}, {"threshold": "1e99"}):
        assert call("POST", "/bank/what-if", {"run": run_id, **wrong}).status_code == 422, wrong
