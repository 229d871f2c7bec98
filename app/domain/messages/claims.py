"""What a run of dispatch has leased, and the steps it takes for it: intent, record, giving back."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import clock
from app.core.links import Links
from app.core.pipeline import Step
from app.core.sql import load
from app.core.unit import settings_of
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.consent import suppression
from app.domain.content.models import TemplateVersion
from app.domain.messages import outcomes, shortlinks
from app.domain.messages.models import Send
from app.domain.messages.outcomes import Told
from app.domain.messages.rendering import Ready, Scene
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Outcome, Rejected

_SQL = load("messages/queries.sql")


@dataclass(eq=False)
class Claim:
    """Rows of one send leased to this run; they are rendered a window at a time, so that a slow text holds nobody up."""

    scene: Scene
    account: ProviderAccount
    secret: str
    token: UUID
    is_probe: bool
    rows: deque[Mapping[str, Any]]
    people: Mapping[UUID, Mapping[str, Any]]
    tries: dict[UUID, int]
    until: datetime | None = None  # when the allowed hours end, for what keeps them

    @property
    def is_over(self) -> bool:
        """True if the allowed hours have ended since it was claimed."""
        return self.until is not None and clock.now() >= self.until

    @property
    def common(self) -> dict[str, Any]:
        """What every step of it needs."""
        return {
            "occurrence": self.scene.send.occurrence_id,
            "token": self.token,
            "account": self.account.id,
            "now": clock.now(),
        }


Landed = tuple[Claim, Ready, Outcome]


def records(landed: Iterable[Landed]) -> list[Step]:
    """The steps that write down what became of messages, one for each claim."""
    by_claim: dict[Claim, Told] = {}
    for claim, ready, outcome in landed:
        by_claim.setdefault(claim, []).append((ready, outcome))
    return [_record(claim, told) for claim, told in by_claim.items()]


def _record(claim: Claim, told: Told) -> Step:
    lines = outcomes.lines(told, claim.account, claim.tries)
    return _SQL["record"], {**claim.common, "told": json.dumps(lines), "ids": [ready.id for ready, _ in told]}


def suppress(open_unit: Callable[[], AbstractContextManager[Session]], landed: Iterable[Landed]) -> None:
    """Put on the list what a provider has just refused for good because of its address.

    Before the refusal is recorded: so a worker that dies in between leaves a doubt and forgets nothing.
    """
    refused = [
        (claim.scene.send.channel, ready.outgoing.to, reason)
        for claim, ready, outcome in landed
        if isinstance(outcome, Rejected) and (reason := outcomes.consequence("rejected", outcome.category))
    ]
    if refused:
        with open_unit() as session:
            for channel, address, reason in refused:
                suppression.suppress(session, address, channel=channel, reason=reason, source="provider")


def give_back(claim: Claim, ids: list[UUID]) -> Step:
    """The step that ends the lease of rows that are still queued."""
    return _SQL["release"], {**claim.common, "ids": ids, "due": None}


def links(claim: Claim, window: Iterable[Ready]) -> list[Step]:
    """The step that keeps the short links of a window, where its texts have any."""
    codes = [(ready.id, ready.code) for ready in window if ready.code is not None]
    return [shortlinks.keep(claim.scene.send.occurrence_id, codes)] if codes else []


def intend(claim: Claim, window: Sequence[Ready]) -> Step:
    """The step that looks once more who of a window may go, marks them as on the wire, and keeps what they say."""
    return _SQL["intend"], {
        **claim.common,
        "digest": claim.scene.send.digest,
        "ids": [ready.id for ready in window],
        "languages": [ready.language for ready in window],
        "sealed": [ready.sealed for ready in window],
    }


def scene(session: Session, send: Send, account: ProviderAccount) -> Scene:
    """What all messages of a send have in common."""
    return Scene(
        send=send,
        version=session.get_one(TemplateVersion, send.template_version_id),
        vault=vault_of(session),
        links=Links(settings_of(session)),
        organisation_name=organisation_of(session).name,
        source_name=send.source_name,
        sender=account.sender,
    )
