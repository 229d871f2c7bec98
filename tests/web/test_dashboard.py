"""The first page: its days, its numbers, what it may show to whom; the same over the API."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from app.core import clock
from app.core.errors import Invalid
from app.domain.messages import totals
from app.domain.reports import daily, dashboard, period
from tests.web.campaigning import Campaigning
from tests.web.pages import House

ZONE = "Asia/Jerusalem"


def day(back: int = 0) -> str:
    return (clock.today(ZONE) - timedelta(days=back)).isoformat()


def test_the_days_are_the_same_numbers_as_the_campaigns(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    campaigns.dispatch()
    with campaigns.bank.unit() as session:
        session.execute(text("UPDATE messages SET opened_at = :now WHERE state = 'sent'"), {"now": clock.now()})
    by = campaigns.bank.staff["marketer"]
    with campaigns.bank.unit("marketer") as session:
        sending = daily.sending(session, period.usual(ZONE), by=by)
        whole = totals.together(totals.of_source(session, campaign_id))
        assert sending.whole.handed_over == whole.handed_over == 12
        assert sending.whole.delivered == whole.delivered
        assert sending.whole.opened is None  # nobody knows whether an SMS was opened
        assert [one.handed_over for _, one in sending.days] == [0] * 13 + [12]
        earlier = period.read(ZONE, first=day(9), last=day(1))
        assert daily.sending(session, earlier, by=by).whole.handed_over == 0
        assert daily.growth(session, period.usual(ZONE), by=by).came == 14
        assert daily.growth(session, earlier, by=by).contacts == 14


def test_a_message_belongs_to_the_day_of_the_banks_calendar(campaigns: Campaigning) -> None:
    campaigns.launched()
    campaigns.dispatch()
    by = campaigns.bank.staff["marketer"]
    with campaigns.bank.unit() as session:  # clocks went back on the 25th: it has 25 hours
        session.execute(text("UPDATE sends SET created_at = '2026-10-20', not_after = '2026-10-30'"))
        ids = list(session.execute(text("SELECT id FROM messages WHERE state = 'sent' ORDER BY id")).scalars())
        for moment, some in (
            ("2026-10-24 20:59:59+00", ids[:1]),
            ("2026-10-24 21:00+00", ids[1:3]),
            ("2026-10-25 21:59+00", ids[3:6]),
            ("2026-10-25 22:00+00", ids[6:]),
        ):
            session.execute(text("UPDATE messages SET sent_at = :at WHERE id = ANY(:ids)"), {"at": moment, "ids": some})
    with campaigns.bank.unit("marketer") as session:
        sending = daily.sending(session, period.read(ZONE, first="2026-10-24", last="2026-10-26"), by=by)
        assert [one.handed_over for _, one in sending.days] == [1, 5, 6]


def test_one_pass_for_the_messages_and_few_statements_for_what_polls(campaigns: Campaigning) -> None:
    campaigns.launched()
    by = campaigns.bank.staff["marketer"]
    with campaigns.bank.unit("marketer") as session:
        said: list[str] = []
        event.listen(session.connection().engine, "before_cursor_execute", lambda _c, _k, sql, *_: said.append(sql))
        daily.sending(session, period.usual(ZONE), by=by)
        daily.growth(session, period.usual(ZONE), by=by)
        assert len([sql for sql in said if "kept_counts" not in sql]) == 2
        said.clear()
        dashboard.board(session, by=by)
        assert len(said) <= 8
        assert not [sql for sql in said if "FROM live.contacts" in sql]


@pytest.mark.parametrize(
    ("asked", "field", "sentence"),
    [
        ({"days": "0"}, "days", "number of days"),
        ({"days": "x"}, "days", "number of days"),
        ({"days": "9" * 5000}, "days", "number of days"),
        ({"from": "yesterday"}, "from", "This is not a date"),
        ({"to": "2026-02-30"}, "to", "This is not a date"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "from", "This is not a date"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from", "The first day is after the last."),
        ({"from": "2020-01-01", "to": "2026-03-01"}, "from", "too long"),
    ],
)
def test_days_that_are_none_get_a_sentence(asked: dict[str, str], field: str, sentence: str, bank: House) -> None:
    with pytest.raises(Invalid) as refused:
        period.read(ZONE, days=asked.get("days", ""), first=asked.get("from", ""), last=asked.get("to", ""))
    assert refused.value.details[0].field == field
    page = bank.browser("viewer").client.get("/", query_string=asked)
    assert page.status_code == 422
    assert sentence in page.text
    if field != "days":
        assert f'value="{asked[field]}"' in page.text


def test_the_page_shows_what_waits_and_the_board_comes_alone(campaigns: Campaigning) -> None:
    campaigns.submitted(name="Waiting for Adam")
    admin = campaigns.bank.browser("admin")
    page = admin.get(f"/?from={day(3)}&to={day()}").text
    assert "Waiting for Adam" in page
    assert "Messages a day" in page
    assert 'aria-current="true"' not in page.split("Other days")[0].split("Days shown")[1]
    assert "Waiting for Adam" in admin.get("/", htmx=True).text
    assert "<html" not in admin.get("/", htmx=True).text
    assert page.count("counted once a minute") == 1
    assert "Nothing waits for you." in campaigns.bank.browser("marketer").get("/").text
