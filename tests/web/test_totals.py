"""One campaign in six states: page, list, API, Excel and PDF say the same numbers and the same rates."""

import re
from io import BytesIO
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import text

from app.core import i18n
from app.domain.access import keys
from app.domain.access.models import User
from app.domain.campaigns import results
from app.domain.campaigns.models import Campaign
from app.domain.messages import totals
from app.domain.messages.states import RANKS
from app.domain.messages.totals import Totals
from app.domain.reports import campaign as report
from tests.factories import sending
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown

# What became of the twelve who were to get it, on each channel: {state: number}; the rest waits.
FATES: dict[str, dict[str, int]] = {
    "running": {"sent": 3, "delivered": 2},
    "paused": {"sent": 1, "delivered": 5, "in_doubt": 1},
    "cancelled": {"delivered": 4, "cancelled": 8},
    "completed": {"delivered": 12},
    "completed, with failures": {"delivered": 6, "failed": 3, "undeliverable": 1, "sent": 2},
    "completed, out of date": {"delivered": 5, "in_doubt": 2, "expired": 5},
}


@pytest.fixture(params=FATES, ids=FATES)
def case(request: pytest.FixtureRequest, campaigns: Campaigning) -> tuple[Campaigning, UUID]:
    """A campaign by SMS and e-mail, with some opens, clicks and costs."""
    with campaigns.bank.unit() as session:
        sending.account(session, "email")
        email = sending.email_template(session).id
    campaign_id = campaigns.launched(email_template_id=email)
    with campaigns.bank.unit() as session:
        for channel in ("sms", "email"):
            _meet(session, channel, FATES[request.param])
        session.get_one(Campaign, campaign_id).state = request.param.partition(",")[0]
    return campaigns, campaign_id


def _meet(session: Any, channel: str, fates: dict[str, int]) -> None:
    for state, number in fates.items():
        session.execute(
            text(
                "UPDATE messages SET state = :state, rank = :rank, cost = 0.1, parts = 2, sent_at = now(), "
                "reason = CASE WHEN :state IN ('failed', 'undeliverable') THEN 'provider_error' END WHERE (occurrence_id, id) IN "
                "(SELECT occurrence_id, id FROM messages WHERE channel = :channel AND state = 'queued' ORDER BY id LIMIT :number)"
            ),
            {"state": state, "rank": RANKS[state], "channel": channel, "number": number},
        )
    opened = "SELECT occurrence_id, id FROM messages WHERE channel = 'email' AND state = 'delivered' ORDER BY id LIMIT :number"
    session.execute(
        text(f"UPDATE messages SET opened_at = now() WHERE (occurrence_id, id) IN ({opened})"), {"number": 2}
    )
    session.execute(
        text(f"UPDATE messages SET clicked_at = now() WHERE (occurrence_id, id) IN ({opened})"), {"number": 1}
    )


def spelt(one: Totals, name: str) -> list[str]:
    """A number, and its rate, as people read them."""
    value, rate = getattr(one, name), one.rate(name) if name in RATED else None
    number = "–" if value is None else i18n.number(value, "en")
    return [number] if rate is None else [number, i18n.percent(rate, "en")]


def test_everybody_says_the_same(case: tuple[Campaigning, UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    campaigns, campaign_id = case
    with campaigns.bank.unit() as session:
        campaign = session.get_one(Campaign, campaign_id)
        known = {one.channel: one for one in totals.of_source(session, campaign_id)}
        progress = results.progress(session, [campaign], by=campaigns.bank.staff["viewer"])[campaign_id]
        html: list[str] = []
        monkeypatch.setattr(report.pdf, "make", lambda page: html.append(page) or b"")
        book = report.make(session, campaign, "en").files["xlsx"]
    whole = totals.together(known.values())
    assert (progress.to_send, progress.done) == (whole.to_send, whole.done)
    for one in (*known.values(), whole):
        _adds_up(one)
    viewer = campaigns.bank.browser("viewer")
    page = viewer.get(f"/campaigns/{campaign_id}/results")
    for one in known.values():
        assert _row(page.get_data(as_text=True), one) == _page_row(one)
    _is_on_the_list(shown(viewer.get("/campaigns")), whole)
    _is_in_the_api(campaigns, campaign_id, known, whole)
    _is_in_excel(book, known)
    _is_in_pdf(html[0], known)


def _adds_up(one: Totals) -> None:
    assert one.audience == one.left_out + one.to_send
    assert one.to_send == one.waiting + one.in_doubt + one.handed_over + one.taken_back
    assert one.handed_over == one.delivered + one.failed + one.no_word
    assert one.done <= one.to_send


RATED = ("delivered", "opened", "clicked", "unsubscribed", "failed")


def _page_row(one: Totals) -> list[list[str]]:
    return [spelt(one, "audience")[:1], spelt(one, "handed_over")[:1], *(spelt(one, name) for name in RATED)]


def _row(page: str, one: Totals) -> list[list[str]]:
    name = {"sms": "SMS", "email": "E-mail"}[one.channel]
    table = page[page.index('aria-label="Results by channel"') if 'aria-label="Results by channel"' in page else 0 :]
    row = next(row for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL) if f'<th scope="row">{name}</th>' in row)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
    return [re.sub(r"<[^>]+>|[\u2066-\u2069]", " ", cell).split() for cell in cells[:7]]


def _is_on_the_list(said: str, whole: Totals) -> None:
    said = re.sub(r"[\u2066-\u2069]", "", said)
    if whole.done == whole.to_send:
        assert f" {whole.to_send} " in said
        assert "to be sent" not in said
    else:
        assert re.search(rf" {whole.done} +of +{whole.to_send} +to be sent", said)


def _is_in_the_api(campaigns: Campaigning, campaign_id: UUID, known: dict[str, Totals], whole: Totals) -> None:
    bank = campaigns.bank
    with bank.unit() as session:
        user = session.get_one(User, bank.staff["viewer"].id)
        key = keys.create(session, user, name="tests", scopes=["*"], by=bank.staff["viewer"])
    answer = bank.app.test_client().get(
        f"/api/v1/campaigns/{campaign_id}/results", headers={"Authorization": f"Bearer {key}"}
    )
    data = answer.get_json()["data"]
    for told, one in [*((told, known[told["channel"]]) for told in data["channels"]), (data["together"], whole)]:
        assert {name: told[name] for name in totals.COUNTED} == {name: getattr(one, name) for name in totals.COUNTED}
        for name, of in totals.RATES.items():
            assert told["rates"][name] == {"value": one.rate(name), "of": of}


def _is_in_excel(book: bytes, known: dict[str, Totals]) -> None:
    sheet = openpyxl.load_workbook(BytesIO(book)).worksheets[0]
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    titles = next(row for row in rows if row and row[0] == "Channel")
    for row in rows[rows.index(titles) + 1 :]:
        one = next((one for one in known.values() if {"sms": "SMS", "email": "E-mail"}[one.channel] == row[0]), None)
        if one is None:
            continue
        told = dict(zip(titles, row, strict=True))
        for name, title, has_rate in report.OVERVIEW:
            assert told[title] == getattr(one, name), (name, told)
            if has_rate:
                assert told[f"{title}, share"] == pytest.approx(one.rate(name)), (name, told)


def _is_in_pdf(html: str, known: dict[str, Totals]) -> None:
    plain = re.sub(r"[\u2066-\u2069]", "", html)
    for one in known.values():
        rows = re.findall(r"<tr>(?:(?!</tr>).)*?</tr>", plain, re.DOTALL)
        name = {"sms": "SMS", "email": "E-mail"}[one.channel]
        told = next(
            re.sub(r"<[^>]+>", " ", row).split()
            for row in rows
            if name in row and row.count("<t") > len(report.OVERVIEW)
        )
        for part in report.OVERVIEW:
            value, rate = getattr(one, part[0]), one.rate(part[0]) if part[2] else None
            assert value is None or i18n.number(value, "en") in told
            assert rate is None or i18n.percent(rate, "en") in told
    email = known["email"]
    last = plain[plain.rindex('aria-label="E-mail"') :]
    shares = dict(re.findall(r'plot-name">([^<]+)</span>.*?plot-share">([^<]*)<', last, re.DOTALL))
    for step, name in (
        ("Handed over", "handed_over"),
        ("Delivered", "delivered"),
        ("Opened", "opened"),
        ("Clicked", "clicked"),
    ):
        rate = email.rate(name)
        assert shares[step] == ("" if rate is None else i18n.percent(rate, "en"))
