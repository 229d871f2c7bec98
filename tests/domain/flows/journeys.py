"""Flows for tests, with the people who draw, write and approve."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from app.domain.flows import drafts, lifecycle
from app.domain.flows.drafts import FlowInput
from app.domain.flows.models import Flow
from app.domain.segments import library as segments
from app.domain.segments.library import SegmentInput
from tests.factories import people, sending

SMS = "Hello {{ contact.first_name | default: 'customer' }}, welcome."


class Bank:
    """Maya draws, will writes texts, ann makes segments, adam approves."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.maya, self.will, self.ann, self.adam = (
            people.staff(session, role, name)
            for role, name in (("marketer", "maya"), ("marketer", "will"), ("marketer", "ann"), ("admin", "adam"))
        )
        self.account = sending.account(session)
        self.template_id = self.text(SMS)
        where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
        self.segment_id = segments.create(session, SegmentInput(name="Haifa", definition=where), by=self.ann).id
        session.commit()  # who did what is in the trail

    def text(self, body: str, name: str = "Welcome", channel: str = "sms") -> UUID:
        """A service text."""
        new = TemplateInput(name=name, channel=channel, message_class="service", texts={"en": Said(body=body)})  # type: ignore[arg-type]
        return library.create(self.session, new, by=self.will).id

    def rewrite(self, body: str) -> None:
        """Another version of the text."""
        new = TemplateInput(name="Welcome", channel="sms", message_class="service", texts={"en": Said(body=body)})
        library.update(self.session, self.template_id, new, by=self.will)

    @property
    def trigger(self) -> dict[str, Any]:
        """Whoever enters the segment."""
        return {"type": "segment_enter", "config": {"segment_id": str(self.segment_id)}}

    def definition(self, *lane: dict[str, Any], **whole: Any) -> dict[str, Any]:
        """A flow of these steps; of a greeting, a wait and an end if none are given."""
        greeting = {"id": "s1", "type": "send_sms", "config": {"template_id": str(self.template_id)}}
        plain = ({"id": "s2", "type": "wait", "config": {"days": 3}}, {"id": "s3", "type": "exit"})
        return {"trigger": self.trigger, "lane": list(lane or (greeting, *plain)), **whole}

    def flow(self, name: str = "Welcome", definition: dict[str, Any] | None = None) -> Flow:
        """A draft of maya's."""
        new = FlowInput(name=name, definition=definition or self.definition())
        return drafts.create(self.session, new, by=self.maya)

    def submitted(self, flow: Flow) -> Flow:
        """In review."""
        return lifecycle.submit(self.session, flow.id, by=self.maya)

    def active(self, flow: Flow) -> Flow:
        """It runs."""
        self.submitted(flow)
        lifecycle.approve(self.session, flow.id, by=self.adam)
        lifecycle.activate(self.session, flow.id, by=self.maya)
        return flow
