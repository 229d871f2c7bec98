"""Texts, provider accounts and sends for tests of the messages."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from sqlalchemy import CursorResult, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.db import live
from app.core.pipeline import Rows, Step, Transact
from app.core.unit import actor_of
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from app.domain.content.models import Template
from app.domain.messages import sends
from app.domain.messages.claiming import OpenUnit
from app.domain.messages.create_messages import create_messages
from app.domain.messages.models import Send
from app.domain.providers import accounts
from app.domain.providers.accounts import AccountInput
from app.domain.providers.models import ProviderAccount

MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Dear {{ contact.first_name | default: "customer" }}</mj-text>
<mj-button href="https://www.bank.example/offer?a=1&amp;b=2">Read more</mj-button>
<mj-text>Advertisement, {{ organisation.name }}. <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def alone(open_unit: OpenUnit) -> OpenUnit:
    """Units one at a time: those of a test share a connection, and a run opens them in several threads."""
    lock = threading.RLock()

    @contextmanager
    def unit() -> Iterator[Session]:
        with lock, open_unit() as session:
            yield session

    return unit


def through_units(open_unit: OpenUnit) -> Transact:
    """What a pipeline does, by plain units of work: a connection of its own would not see the test's transaction."""

    def run(steps: Sequence[Step]) -> list[Rows]:
        with open_unit() as session:
            done = [session.execute(sql, dict(values)) for sql, values in steps]
            return [
                [dict(row) for row in one.mappings()] if isinstance(one, CursorResult) and one.returns_rows else []
                for one in done
            ]

    async def transact(*steps: Step) -> list[Rows]:
        return await asyncio.to_thread(run, steps)  # another unit may stand still meanwhile; the loop may not

    return transact


def sms_template(
    session: Session, body: str = 'Hello {{ contact.first_name | default: "customer" }}', **given: str
) -> Template:
    """An SMS text."""
    new = TemplateInput(name="An SMS", channel="sms", texts={"en": Said(body=body)}, **given)
    return library.create(session, new, by=system(actor_of(session).organisation_id))


def email_template(session: Session, body: str = MJML) -> Template:
    """An e-mail with one tracked link and a way to unsubscribe."""
    new = TemplateInput(name="An e-mail", channel="email", texts={"en": Said(subject="An offer", body=body)})
    return library.create(session, new, by=system(actor_of(session).organisation_id))


def account(session: Session, channel: str = "sms", kind: str = "", **config: object) -> ProviderAccount:
    """A provider account; in memory unless told otherwise."""
    new = AccountInput(
        name=f"{channel} {kind or 'memory'}",
        kind=kind or f"memory_{channel}",
        channel=channel,
        config=config,
        secret="sandbox-secret",
        sender="CARILLON" if channel == "sms" else "Bank <news@bank.example>",
        cost="0.10",
    )
    return accounts.create(session, new, by=system(actor_of(session).organisation_id))


def send_to_everybody(session: Session, template: Template, source_id: UUID, kind: str = "test") -> Send:
    """Open a send of a text to every contact there is, and create its messages; by `kind` it is no test, but a campaign's."""
    version = library.current(session, template)
    send = sends.open_send(
        session,
        sends.NewSend(
            first_occurrence=(occurrence := sends.new_occurrence(session)),
            source=(kind, source_id),
            source_name="A test",
            channel=template.channel,
            message_class=template.message_class,
            template_version_id=version.id,
            digest=None,
            priority=50,
            not_before=clock.now(),
            not_after=clock.now() + timedelta(hours=24),
        ),
    )
    create_messages(
        session, send, select(live(Contact).c.id).where(live(Contact).c.deleted_at.is_(None)), occurrence=occurrence
    )
    return send
