"""Hand messages to providers: claim | render | intend (commit) | send | record (commit).

The promise: nothing lost, nothing handed over twice. An intent is committed before the first byte of its window is written;
whatever has no outcome afterwards is in doubt, never queued again without evidence. This is the one verb that commits.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.core import breaker, clock
from app.core.links import Links
from app.core.sql import load
from app.core.unit import settings_of
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.content.models import TemplateVersion
from app.domain.messages import sends
from app.domain.messages.models import Send
from app.domain.messages.rendering import Ready, Scene, Unready, make
from app.domain.messages.states import RANKS
from app.domain.providers import accounts
from app.domain.providers.accounts import OpenChannel
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Accepted, Channel, InDoubt, Outcome, Rejected, Unavailable

log = logging.getLogger(__name__)

CLAIM = 500
# The most a killed worker can leave in doubt. (Tried: two lanes of 25, one on the wire while a thread records the other: a tenth
# slower, since the thread waits for the interpreter.)
WINDOW = 50
TRIES = 6
_SQL = load("messages/queries.sql")

OpenUnit = Callable[[], AbstractContextManager[Session]]


@dataclass
class Tally:
    """What a run of dispatch did."""

    sent: int = 0
    rejected: int = 0
    later: int = 0
    in_doubt: int = 0
    skipped: int = 0
    provider_down: bool = False
    time_over: bool = False


@dataclass
class _Claim:
    """Rows of one send leased to this run."""

    scene: Scene
    account: ProviderAccount
    secret: str
    token: UUID
    ready: list[Ready] = field(default_factory=list)
    unready: list[Unready] = field(default_factory=list)
    tries: dict[UUID, int] = field(default_factory=dict)

    @property
    def common(self) -> dict[str, Any]:
        return {
            "occurrence": self.scene.send.occurrence_id,
            "token": self.token,
            "account": self.account.id,
            "now": clock.now(),
        }


def dispatch(open_unit: OpenUnit, open_channel: OpenChannel, channel: str, *, seconds: float = 30) -> Tally:
    """Send what is due on one channel for one organisation until nothing is, or the time is over.

    `open_unit` opens a unit of work for the organisation and commits it. Raises nothing for a provider that is down: the
    messages stay queued and the tally says so.
    """
    return asyncio.run(_Run(open_unit, open_channel, channel, monotonic() + seconds).go())


class _Run:
    """One run over the due messages of a channel."""

    def __init__(self, open_unit: OpenUnit, open_channel: OpenChannel, channel: str, until: float) -> None:
        self._unit = open_unit
        self._open_channel = open_channel
        self._channel = channel
        self._until = until
        self._redis = ""
        self._open: dict[UUID, Channel] = {}
        self.tally = Tally()

    async def go(self) -> Tally:
        try:
            while monotonic() < self._until:
                claim = self._claim()
                if claim is None:
                    break
                await self._send_claim(claim)
                if self.tally.provider_down:
                    break
            else:
                self.tally.time_over = True
        finally:
            for channel in self._open.values():
                await channel.close()
        with self._unit() as session:
            sends.close_drained(session)
        return self.tally

    def _claim(self) -> _Claim | None:
        """Lease the next due rows, of the most urgent send that has any, and render them."""
        with self._unit() as session:
            self._redis = settings_of(session).redis_url
            account = self._account(session)
            if account is None:
                return None
            for send in sends.runnable(session, self._channel):
                token = uuid4()
                rows = session.execute(
                    _SQL["claim"],
                    {
                        "send": send.id,
                        "occurrence": send.occurrence_id,
                        "token": token,
                        "now": clock.now(),
                        "most": CLAIM,
                    },
                ).all()
                if rows:
                    people = session.execute(
                        _SQL["recipients"], {"contacts": [row.contact_id for row in rows]}
                    ).mappings()
                    by_id = {person["id"]: dict(person) for person in people}
                    claim = _Claim(_scene(session, send, account), account, accounts.secret_of(session, account), token)
                    break
            else:
                return None
        for row in rows:
            claim.tries[row.id] = row.attempts + 1
            made = make(claim.scene, row.id, row.address_position, by_id.get(row.contact_id))
            (claim.ready if isinstance(made, Ready) else claim.unready).append(made)  # type: ignore[arg-type]
        return claim

    def _account(self, session: Session) -> ProviderAccount | None:
        """The first account of the channel that is not known to be down."""
        for account in accounts.in_order(session, self._channel):
            if breaker.allows(self._redis, str(account.id)):
                return account
        self.tally.provider_down = True
        return None

    async def _send_claim(self, claim: _Claim) -> None:
        if claim.unready:
            self._finish_unready(claim)
        channel = await self._opened(claim)
        told: list[tuple[Ready, Outcome]] = []
        for start in range(0, len(claim.ready), WINDOW):
            going = self._intend(claim, claim.ready[start : start + WINDOW], told)
            told = await self._hand_over(channel, going)
            self._note_health(claim, told)
            if self.tally.provider_down:
                self._release(claim, claim.ready[start + WINDOW :])
                break
        self._record(claim, told)

    def _finish_unready(self, claim: _Claim) -> None:
        with self._unit() as session:
            session.execute(
                _SQL["finish_claimed"],
                {
                    **claim.common,
                    "ids": [u.id for u in claim.unready],
                    "states": [u.state for u in claim.unready],
                    "ranks": [RANKS[u.state] for u in claim.unready],
                    "reasons": [u.reason for u in claim.unready],
                },
            )
        self.tally.skipped += len(claim.unready)

    def _intend(self, claim: _Claim, window: Sequence[Ready], told: list[tuple[Ready, Outcome]]) -> list[Ready]:
        """Record the last window and commit the intent of the next, in one transaction; those that may go."""
        with self._unit() as session:
            if told:
                self._write(session, claim, told)
            rows = session.execute(
                _SQL["intend"],
                {**claim.common, "digest": claim.scene.send.digest, "ids": [ready.id for ready in window]},
            )
            going = set(rows.scalars())
        self.tally.skipped += len(window) - len(going)
        return [ready for ready in window if ready.id in going]

    async def _hand_over(self, channel: Channel, going: list[Ready]) -> list[tuple[Ready, Outcome]]:
        by_reference = {ready.outgoing.reference: ready for ready in going}
        outcomes = channel.send([ready.outgoing for ready in going])
        told: list[tuple[Ready, Outcome]] = [(by_reference.pop(o.reference), o) async for o in outcomes]
        told += [(ready, InDoubt("the provider gave no outcome", reference=ref)) for ref, ready in by_reference.items()]
        return told

    def _note_health(self, claim: _Claim, told: list[tuple[Ready, Outcome]]) -> None:
        """Count the window for the breaker shared by all workers; the tally says if the account should be left alone now."""
        bad = [o for _, o in told if isinstance(o, Unavailable | InDoubt)]
        if not told:
            return
        moved = breaker.record(self._redis, str(claim.account.id), len(told) - len(bad), len(bad))
        whole = next((o for o in bad if isinstance(o, Unavailable) and o.whole_account), None)
        if not moved and not whole:
            return
        with self._unit() as session:
            accounts.note_health(session, claim.account.id, bad[0].reason if bad else None)
        self.tally.provider_down = self.tally.provider_down or moved == "opened" or whole is not None

    def _record(self, claim: _Claim, told: list[tuple[Ready, Outcome]]) -> None:
        if told:
            with self._unit() as session:
                self._write(session, claim, told)

    def _release(self, claim: _Claim, rest: Iterable[Ready]) -> None:
        ids = [ready.id for ready in rest]
        if ids:
            with self._unit() as session:
                session.execute(_SQL["release"], {**claim.common, "ids": ids, "due": None})

    def _write(self, session: Session, claim: _Claim, told: list[tuple[Ready, Outcome]]) -> None:
        lines = [self._line(claim, ready, outcome) for ready, outcome in told]
        session.execute(
            _SQL["record"],
            {**claim.common, "ids": [ready.id for ready, _ in told]}
            | {name: [line[name] for line in lines] for name in lines[0]},
        )

    def _line(self, claim: _Claim, ready: Ready, outcome: Outcome) -> dict[str, Any]:
        """One message's place in the arrays of `record`."""
        line: dict[str, Any] = dict.fromkeys(("reasons", "references", "parts", "costs", "dues", "errors"))
        if isinstance(outcome, Accepted):
            self.tally.sent += 1
            parts = outcome.parts or ready.parts
            cost = outcome.cost if outcome.cost is not None else claim.account.cost * Decimal(parts)
            return (
                line | _state("sent", "accepted") | {"references": outcome.provider_id, "parts": parts, "costs": cost}
            )
        line |= {"reasons": outcome.category.value, "errors": outcome.reason[:500]}
        if isinstance(outcome, InDoubt):
            self.tally.in_doubt += 1
            return line | _state("in_doubt", "unknown")
        if isinstance(outcome, Rejected):
            self.tally.rejected += 1
            return line | _state("failed", "rejected")
        tries = claim.tries[ready.id]
        if tries >= TRIES and not outcome.whole_account:
            self.tally.rejected += 1
            return line | _state("failed", "not_sent")
        self.tally.later += 1
        pause = outcome.retry_after or min(15 * 2 ** (tries - 1), 3600)
        return line | _state("queued", "not_sent") | {"dues": clock.now() + timedelta(seconds=pause)}

    async def _opened(self, claim: _Claim) -> Channel:
        account = claim.account
        if account.id not in self._open:
            channel = self._open_channel(account.kind, account.config, claim.secret)
            await channel.open()
            self._open[account.id] = channel
        return self._open[account.id]


def _state(state: str, outcome: str) -> dict[str, Any]:
    return {"states": state, "ranks": RANKS[state], "outcomes": outcome}


def _scene(session: Session, send: Send, account: ProviderAccount) -> Scene:
    return Scene(
        send=send,
        version=session.get_one(TemplateVersion, send.template_version_id),
        vault=vault_of(session),
        links=Links(settings_of(session)),
        organisation_name=organisation_of(session).name,
        source_name=send.source_name,
        sender=account.sender,
    )
