"""Replies people write: STOP and its synonyms end marketing on the channel at once (E9). Nothing else is kept of them yet."""

import re
import unicodedata
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import among
from app.domain.consent import ledger, suppression
from app.domain.consent.models import ConsentState
from app.domain.contacts.identifiers import with_address
from app.domain.providers import accounts
from app.domain.providers.accounts import OpenChannel

STOP = frozenset({
    "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "remove", "opt out", "optout",
    "הסר", "הסרה", "הסירו", "הסירו אותי", "תסירו אותי", "עצור", "די", "בטל",
    "стоп", "отписаться", "отмена", "توقف", "قف", "إلغاء", "الغاء",
})  # fmt: skip
_NOT_A_WORD = re.compile(r"[^\w ]+")


def receive(
    session: Session, account_id: UUID, headers: Mapping[str, str], body: bytes, *, open_channel: OpenChannel
) -> int | None:
    """Obey the replies of a provider's call; how many, or None if the signature is not the provider's.

    A reply that comes twice changes nothing the second time. Raises gateways' BadReceipt for a signed body that cannot be read.
    """
    account = accounts.get(session, account_id)
    channel = open_channel(account.kind, account.config, accounts.secret_of(session, account))
    if not channel.verify(headers, body, clock.now()):
        return None
    replies = channel.parse_inbound(body)
    for reply in replies:
        if says_stop(reply.text):
            _stop(session, account.channel, reply.sender)
    return len(replies)


def says_stop(text: str) -> bool:
    """Whether a text is one of the words that end marketing, and nothing beside it."""
    plain = _NOT_A_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(plain.split()) in STOP


def _stop(session: Session, channel: str, sender: str) -> None:
    """The address is never written to again for marketing, and everybody who has it is known to have said so."""
    ids = with_address(session, "email" if channel == "email" else "phone", sender)
    if ids is None:
        return
    suppression.suppress(session, sender, channel=channel, reason="opt_out", source="reply")
    people = [row[0] for row in session.execute(ids)]
    granted = select(ConsentState.contact_id).where(
        among(ConsentState.contact_id, people),
        ConsentState.channel == channel,
        ConsentState.purpose == "marketing",
        ConsentState.state == "granted",
    )
    for contact_id in session.execute(granted).scalars():
        ledger.withdraw(session, contact_id, [channel], basis="wrote STOP", source="reply")
