"""What a run of dispatch has leased, and the steps it takes with it: intent, record, giving back."""

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
from app.domain.calendar.windows import Windows
from app.domain.consent import restrictions, suppression
from app.domain.content.models import TemplateVersion
from app.domain.messages import capping, outcomes, retries, shortlinks
from app.domain.messages import told as tellings
from app.domain.messages.capping import NONE, InForce
from app.domain.messages.models import Send
from app.domain.messages.outcomes import Before, Told
from app.domain.messages.reference import keys
from app.domain.messages.rendering import Ready, Scene, Unready
from app.domain.messages.states import RANKS
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
    before: Mapping[UUID, Before]
    until: datetime | None = None  # when the allowed hours of the first of its people end, for what keeps them
    windows: Windows | None = None  # the allowed hours, for what keeps them
    caps: InForce = NONE  # how much marketing one person may get, for what is under it

    @property
    def is_over(self) -> bool:
        """True if the allowed hours have ended since it was claimed."""
        return self.until is not None and clock.now() >= self.until

    @property
    def common(self) -> dict[str, Any]:
        """What every step of it needs."""
        return {"token": self.token, "account": self.account.id, "now": clock.now()}


Landed = tuple[Claim, Ready, Outcome]


def records(landed: Iterable[Landed]) -> list[Step]:
    """The steps that write down what became of messages, one for each claim."""
    by_claim: dict[Claim, Told] = {}
    for claim, ready, outcome in landed:
        by_claim.setdefault(claim, []).append((ready, outcome))
    return [step for claim, told in by_claim.items() for step in _record(claim, told)]


def _record(claim: Claim, told: Told) -> list[Step]:
    again = retries.again(claim.scene.send, claim.windows)
    lines = outcomes.lines(told, claim.account, claim.before, again)
    named = keys([(ready.occurrence_id, ready.id) for ready, _ in told])
    values = {
        **claim.common,
        **named,
        "occurrences": list(set(named["occurrences"])),
        "told": json.dumps(lines),
    }
    stays_open = {"send": claim.scene.send.id, "due": again.due, "allowed": retries.ALLOWED}
    more: list[Step] = [(_SQL["open_send"], stays_open)] if any(line.get("again") for line in lines) else []
    if claim.scene.send.tells:
        more.append(tellings.step([(ready.occurrence_id, ready.id) for ready, _ in told], tellings.SAID_AT_ONCE))
    return [(_SQL["record"], values), *more]


Refused = tuple[str, str, str]  # channel, address, why nobody may write to it any more


def refused(landed: Iterable[Landed]) -> list[Refused]:
    """What a provider has just refused for good because of its address."""
    return [
        (claim.scene.send.channel, ready.outgoing.to, reason)
        for claim, ready, outcome in landed
        if isinstance(outcome, Rejected) and (reason := outcomes.consequence("rejected", outcome.category))
    ]


def suppress(open_unit: Callable[[], AbstractContextManager[Session]], addresses: Sequence[Refused]) -> None:
    """Put refused addresses on the list.

    Before the refusal is recorded: so a worker that dies in between leaves a doubt and forgets nothing.
    """
    if addresses:
        with open_unit() as session:
            for channel, address, reason in addresses:
                suppression.suppress(session, address, channel=channel, reason=reason, source="provider")


def give_back(claim: Claim, messages: Sequence[tuple[UUID, UUID]]) -> Step:
    """The step that ends the lease of rows (occurrence, id) that are still queued."""
    return _SQL["release"], {"token": claim.token, **keys(messages)}


def begin(claim: Claim, ready: Sequence[Ready], unready: Sequence[Unready]) -> list[Step]:
    """The steps of a window before it takes off; the rows of the last one are who may go, if anybody is ready."""
    codes = [(one.occurrence_id, one.id, one.code) for one in ready if one.code is not None]
    return [
        *([_finish(claim, unready)] if unready else []),
        *([shortlinks.keep(codes)] if codes else []),
        *(_intend(claim, ready) if ready else []),
    ]


def _finish(claim: Claim, unready: Sequence[Unready]) -> Step:
    """End what will not be sent, with the reason why."""
    return _SQL["finish_claimed"], {
        "token": claim.token,
        "now": clock.now(),
        **keys([(one.occurrence_id, one.id) for one in unready]),
        "states": [one.state for one in unready],
        "ranks": [RANKS[one.state] for one in unready],
        "reasons": [one.reason for one in unready],
    }


def _intend(claim: Claim, window: Sequence[Ready]) -> list[Step]:
    """Look once more who of a window may go, mark them as on the wire, and keep what they say."""
    named = keys([(ready.occurrence_id, ready.id) for ready in window])
    values = {
        **claim.common,
        **named,
        **capping.at_the_gate(claim.caps),
        "digest": claim.scene.send.digest,
        "blocking": restrictions.blocking(claim.scene.send.message_class),
        "stale": clock.now() - restrictions.FRESH,
        "languages": [ready.language for ready in window],
        "sealed": [ready.sealed for ready in window],
    }
    return [*capping.take_turns(claim.caps, named), (_SQL["intend"], values)]


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
