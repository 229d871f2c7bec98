"""What goes out is what was approved, whatever is changed before, during and after the launch."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden
from app.domain.access.models import Organisation
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.audit.models import AuditEntry
from app.domain.calendar import hours
from app.domain.calendar.hours import CalendarInput, Hours
from app.domain.campaigns import drafts, launch, lifecycle, pinned, preview
from app.domain.campaigns.drafts import Audience, CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.contacts import profile
from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from app.domain.content.models import TemplateVersion
from app.domain.messages import sends
from app.domain.messages.models import Message, Send
from app.domain.providers import accounts
from app.domain.providers.models import ProviderAccount
from app.domain.segments import library as segments
from app.domain.segments.library import SegmentInput
from tests.factories import people, sending

SMS = "Advertisement. Hello {{ contact.first_name | default: 'customer' }}, in {{ contact.city | default: 'town' }}. {{ unsubscribe_url }}"


class Bank:
    """A marketer's campaign to the people of a city, and everybody who may meddle with it."""

    def __init__(self, session: Session, number: int = 5) -> None:
        self.session = session
        self.marketer, self.writer, self.analyst, self.admin = (
            people.staff(session, role, name)
            for role, name in (("marketer", "maya"), ("marketer", "will"), ("marketer", "ann"), ("admin", "adam"))
        )
        self.contacts = people.contacts(session, number, city="Haifa")
        self.account = sending.account(session)
        text = TemplateInput(name="Offer", channel="sms", texts={"en": Said(body=SMS)})
        self.template_id = library.create(session, text, by=self.writer).id
        self.segment_id = segments.create(session, self._segment("Haifa"), by=self.analyst).id
        new = CampaignInput(
            name="Offer", audience=Audience(segments=(self.segment_id,)), sms_template_id=self.template_id
        )
        self.campaign_id = drafts.create(session, new, by=self.marketer).id
        session.commit()

    def _segment(self, city: str) -> SegmentInput:
        where = {"all": [{"kind": "field", "field": "city", "op": "eq", "value": city}]}
        return SegmentInput(name="Here", definition={"version": 1, "zone": "organisation", "where": where})

    def rewrite(self, by: Actor | None = None) -> None:
        text = TemplateInput(name="Offer", channel="sms", texts={"en": Said(body=f"{SMS} NOT WHAT WAS APPROVED")})
        library.update(self.session, self.template_id, text, by=by or self.writer)
        self.session.commit()

    def widen(self) -> None:
        segments.update(self.session, self.segment_id, self._segment("Acre"), by=self.analyst)
        self.session.commit()

    def redirect(self) -> None:
        account = self.session.get_one(ProviderAccount, self.account.id)
        account.config = {**account.config, "settle_seconds": 1}
        self.session.commit()

    def approved(self) -> UUID:
        self.submitted()
        lifecycle.approve(self.session, self.campaign_id, by=self.admin)
        self.session.commit()
        return self.campaign_id

    def submitted(self) -> UUID:
        lifecycle.submit(self.session, self.campaign_id, by=self.marketer)
        self.session.commit()
        return self.campaign_id

    def launched(self) -> Campaign:
        campaign = launch.launch(self.session, self.campaign_id)
        self.session.commit()
        return campaign

    def queued(self) -> int:
        return self.session.execute(select(func.count()).where(Message.state == "queued")).scalar_one()

    def request(self) -> Approval:
        return decisions.of_subject(self.session, ("campaign", self.campaign_id))[0]


@pytest.fixture
def bank(session: Session, organisation: Organisation) -> Bank:
    return Bank(session)


@pytest.mark.parametrize("meddle", [Bank.rewrite, Bank.widen, Bank.redirect], ids=["text", "segment", "destination"])
def test_a_change_between_approval_and_launch_sends_nothing(bank: Bank, meddle: Callable[[Bank], None]) -> None:
    bank.approved()
    meddle(bank)
    campaign = bank.launched()
    assert (campaign.state, campaign.failure, bank.queued()) == ("draft", "changed_after_approval", 0)


@pytest.mark.parametrize("meddle", [Bank.rewrite, Bank.widen, Bank.redirect], ids=["text", "segment", "destination"])
def test_a_change_in_the_moment_of_the_launch_is_not_sent(
    bank: Bank, meddle: Callable[[Bank], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change comes after the launch has proved that nothing was changed, and before it reads what to send."""
    bank.approved()
    proved = launch._is_another

    def prove(*given: object) -> bool:
        answer = proved(*given)  # type: ignore[arg-type]
        meddle(bank)
        return answer

    monkeypatch.setattr(launch, "_is_another", prove)
    campaign = bank.launched()
    assert (campaign.state, bank.queued()) == ("running", 5)
    [send] = sends.of_source(bank.session, "campaign", campaign.id)
    version = bank.session.get_one(TemplateVersion, send.template_version_id)
    assert version.texts["en"]["body"] == SMS
    assert sends.may_carry(bank.session.get_one(ProviderAccount, bank.account.id), send) is (
        meddle is not Bank.redirect
    )


def test_a_destination_changed_while_it_runs_is_not_used(bank: Bank) -> None:
    bank.approved()
    campaign = bank.launched()
    [send] = sends.of_source(bank.session, "campaign", campaign.id)
    account = bank.session.get_one(ProviderAccount, bank.account.id)
    assert sends.may_carry(account, send)
    bank.redirect()
    assert not sends.may_carry(account, send)


@pytest.mark.parametrize("meddle", [Bank.rewrite, Bank.widen, Bank.redirect], ids=["text", "segment", "destination"])
def test_a_change_while_it_waits_cannot_be_approved(bank: Bank, meddle: Callable[[Bank], None]) -> None:
    bank.submitted()
    meddle(bank)
    with pytest.raises(Conflict):
        lifecycle.approve(bank.session, bank.campaign_id, by=bank.admin)


def test_the_approver_reads_what_was_submitted(bank: Bank) -> None:
    bank.submitted()
    bank.rewrite()
    campaign = bank.session.get_one(Campaign, bank.campaign_id)
    assert "NOT WHAT" not in preview.texts(bank.session, campaign, by=bank.admin)[0].body
    bank.widen()
    assert len(preview.samples(bank.session, campaign, by=bank.admin)) == 5


def test_an_audience_that_grew_waits_for_another_approval(bank: Bank) -> None:
    first = bank.session.get_one(Campaign, bank.approved()).approval_id
    people.contacts(bank.session, 300, start=1000, city="Haifa")
    campaign = bank.launched()
    assert (campaign.state, bank.queued()) == ("in_review", 0)
    assert bank.session.execute(select(func.count()).select_from(Send)).scalar_one() == 0
    request = bank.request()
    assert request.id == campaign.approval_id != first
    assert request.summary["again"] == {"grown": {"sms": {"approved": 5, "now": 305}}}
    assert request.summary["channels"][0]["waterfall"]["will_receive"] == 305
    with pytest.raises(Forbidden):  # still an author's own work
        lifecycle.approve(bank.session, bank.campaign_id, by=replace(bank.admin, id=bank.writer.id))
    lifecycle.approve(bank.session, bank.campaign_id, seen=request.id, by=bank.admin)
    assert (bank.launched().state, bank.queued()) == ("running", 305)


@pytest.mark.parametrize(("more", "goes"), [(20, True), (21, False)], ids=["twenty", "twenty-one"])
def test_a_small_audience_may_grow_by_twenty(bank: Bank, more: int, goes: bool) -> None:
    bank.approved()
    people.contacts(bank.session, more, start=1000, city="Haifa")
    assert (bank.launched().state == "running") is goes


def test_a_large_audience_may_grow_by_a_share(session: Session, organisation: Organisation) -> None:
    bank = Bank(session, number=1000)
    bank.approved()
    people.contacts(session, 50, start=2000, city="Haifa")
    assert (bank.launched().state, bank.queued()) == ("running", 1050)


def test_the_policy_of_growth_is_the_organisations_own(bank: Bank, organisation: Organisation) -> None:
    organisation.settings = {"growth": {"percent": 1, "people": 0}}
    bank.approved()
    people.contacts(bank.session, 1, start=1000, city="Haifa")
    assert bank.launched().state == "in_review"


def _edit(bank: Bank, by: Actor, contact_id: UUID, **given: object) -> None:
    present = profile.input_of(bank.session, profile.get(bank.session, contact_id, by=by))
    profile.update(bank.session, contact_id, present.model_copy(update=given), by=by)
    bank.session.commit()


def test_an_author_who_changes_what_is_sent_needs_another_approval(bank: Bank) -> None:
    bank.approved()
    _edit(bank, bank.writer, bank.contacts[0], first_name="Click www.evil.example")
    assert bank.launched().state == "in_review"
    [change] = bank.request().summary["again"]["changes"]
    assert change == {"who": "Will", "act": "contact.changed", "fields": ["first_name"]}


@pytest.mark.parametrize("given", [{"country": "IL"}, {"last_name": "Cohen"}], ids=["country", "last name"])
def test_a_field_that_nothing_reads_may_be_changed(bank: Bank, given: dict[str, object]) -> None:
    bank.approved()
    _edit(bank, bank.writer, bank.contacts[0], **given)
    assert bank.launched().state == "running"


def test_who_is_no_author_may_change_data(bank: Bank) -> None:
    stranger = people.staff(bank.session, "marketer", "stranger")
    bank.approved()
    _edit(bank, stranger, bank.contacts[0], first_name="Dina")
    assert bank.launched().state == "running"


def test_data_of_others_than_the_audience_is_none_of_its_business(bank: Bank) -> None:
    [other] = people.contacts(bank.session, 1, start=5000, city="Acre")
    bank.approved()
    _edit(bank, bank.writer, other, first_name="Dina")
    assert bank.launched().state == "running"


@pytest.mark.parametrize(("column", "goes"), [("first_name", False), ("postal_code", True)])
def test_an_author_who_imports_what_is_sent_needs_another_approval(bank: Bank, column: str, goes: bool) -> None:
    bank.approved()
    contact = profile.one_for_update(bank.session, bank.contacts[0])
    contact.updated_at = bank.request().made_at
    mapped = {"id": "external_id", "x": column}
    trail.record(bank.session, bank.marketer, "import.started", ("import", UUID(int=1)), after={"mapping": mapped})
    bank.session.commit()
    assert (bank.launched().state == "running") is goes


def test_an_import_that_ended_before_the_request_counts_no_more(bank: Bank) -> None:
    by = system(bank.marketer.organisation_id)
    mapped = {"mapping": {"x": "first_name"}}
    trail.record(bank.session, bank.marketer, "import.started", ("import", UUID(int=1)), after=mapped)
    trail.record(bank.session, by, "import.completed", ("import", UUID(int=1)))
    bank.session.commit()
    bank.approved()
    profile.one_for_update(bank.session, bank.contacts[0]).updated_at = bank.request().made_at
    assert bank.launched().state == "running"


@pytest.mark.parametrize("who", ["marketer", "writer", "analyst"])
def test_who_wrote_text_or_segment_is_an_author(bank: Bank, who: str) -> None:
    bank.submitted()
    author = getattr(bank, who)
    assert author.id in bank.request().editors
    with pytest.raises(Forbidden):
        lifecycle.approve(bank.session, bank.campaign_id, by=replace(bank.admin, id=author.id))


def test_who_changed_a_segment_that_another_leans_on_is_an_author(bank: Bank) -> None:
    inner = people.staff(bank.session, "marketer", "inner")
    where = {"all": [{"kind": "field", "field": "city", "op": "is_set"}]}
    base = segments.create(
        bank.session,
        SegmentInput(name="Base", definition={"version": 1, "zone": "organisation", "where": where}),
        by=inner,
    )
    leaning = {"all": [{"kind": "segment", "segment": str(base.id), "op": "in"}]}
    definition = {"version": 1, "zone": "organisation", "where": leaning}
    segments.update(bank.session, bank.segment_id, SegmentInput(name="Here", definition=definition), by=bank.analyst)
    bank.session.commit()
    bank.submitted()
    assert inner.id in bank.request().editors


def test_what_is_pinned_goes_through_json_and_back(bank: Bank) -> None:
    campaign = bank.session.get_one(Campaign, bank.submitted())
    request = bank.request()
    kept = pinned.of_approval(request)
    assert kept is not None
    assert pinned.digest(bank.session, kept) == request.digest
    assert accounts.fingerprint(bank.session.get_one(ProviderAccount, bank.account.id)) in kept.routes_of("sms")
    assert kept == pinned.present(bank.session, campaign)


def test_a_request_that_was_voided_after_the_approval_sends_nothing(bank: Bank) -> None:
    """Whatever state the campaign is in: the decision itself must still stand."""
    bank.approved()
    bank.request().state = "void"
    bank.session.commit()
    campaign = bank.launched()
    assert (campaign.state, campaign.failure, campaign.approval_id, bank.queued()) == (
        "draft",
        "changed_after_approval",
        None,
        0,
    )
    acts = [
        entry.action
        for entry in bank.session.execute(select(AuditEntry).where(AuditEntry.subject_id == str(campaign.id))).scalars()
    ]
    assert "campaign.returned" in acts


def test_an_approval_that_pinned_nothing_sends_nothing(bank: Bank) -> None:
    bank.approved()
    bank.request().pinned = None
    bank.session.commit()
    assert (bank.launched().failure, bank.queued()) == ("changed_after_approval", 0)


def test_the_send_carries_the_digest_that_was_approved(bank: Bank) -> None:
    bank.approved()
    [send] = sends.of_source(bank.session, "campaign", bank.launched().id)
    assert send.digest == bank.request().digest


def test_a_campaign_is_launched_once_and_at_its_moment(bank: Bank) -> None:
    assert (bank.launched().state, bank.queued()) == ("draft", 0)
    campaign = bank.session.get_one(Campaign, bank.campaign_id)
    campaign.scheduled_at = clock.now() + timedelta(hours=2)
    bank.session.commit()
    bank.approved()
    assert (bank.launched().state, launch.due(bank.session)) == ("scheduled", [])
    with clock.at(campaign.scheduled_at):
        assert launch.due(bank.session) == [campaign.id]
        assert (bank.launched().state, bank.queued()) == ("running", 5)
        assert launch.due(bank.session) == []
        assert (bank.launched().state, bank.queued()) == ("running", 5)
    assert bank.session.execute(select(func.count()).select_from(Send)).scalar_one() == 1


def test_what_was_launched_may_be_sent_for_a_day(bank: Bank) -> None:
    bank.approved()
    begun = clock.now()
    with clock.at(begun):
        bank.launched()
    with clock.at(begun + timedelta(hours=24, seconds=-1)):
        assert sends.expire_late(bank.session) == 0
    with clock.at(begun + timedelta(hours=24)):
        assert sends.expire_late(bank.session) == 5


def test_the_day_begins_when_the_hours_do(bank: Bank, organisation: Organisation) -> None:
    """Approved on a Friday night, it may still be sent on Sunday."""
    hours.keep(
        bank.session,
        CalendarInput(week={"6": Hours(opens=time(9), closes=time(19))}, holidays="", days=[]),
        by=system(organisation.id),
    )
    bank.approved()
    friday = datetime(2026, 3, 6, 18, tzinfo=UTC)
    sunday = datetime(2026, 3, 8, 7, tzinfo=UTC)  # nine in Jerusalem
    with clock.at(friday):
        [send] = sends.of_source(bank.session, "campaign", bank.launched().id)
    assert (send.not_before, send.not_after) == (friday, sunday + timedelta(hours=24))
