"""A campaign as its pages draw it: what may be done with it, its plan as waterfalls, its numbers as an equation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask_babel import gettext as _

from app.core import clock
from app.core.db import db
from app.core.errors import mark
from app.domain.access import users
from app.domain.approvals import decisions
from app.domain.campaigns import drafts, plan, results, resuming
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.possible import possible
from app.domain.messages import listing, totals
from app.domain.messages.states import NOT_SENT
from app.domain.messages.totals import Totals
from app.web import reasons

LANGUAGES = {"en": mark("English"), "he": mark("Hebrew"), "ar": mark("Arabic"), "ru": mark("Russian")}
SENDING = ("approved", "running", "paused")


def head(campaign: Campaign) -> dict[str, Any]:
    """What every page and part of a campaign draws."""
    verbs = possible(db.session(), campaign, by=g.actor)
    return {"campaign": campaign, "verbs": verbs, "resuming": resuming.waiting(db.session(), campaign)}


def sending(campaign: Campaign) -> dict[str, Any]:
    """How the sending goes."""
    numbers = results.numbers(db.session(), campaign, by=g.actor) if campaign.occurrence_id else []
    return {
        "numbers": numbers,
        "whole": totals.together(numbers),
        "held_until": results.held_until(db.session(), campaign, by=g.actor),
        "is_sending": campaign.state in SENDING,
        "stalled": listing.stalled(db.session(), campaign.id, by=g.actor) if campaign.state == "running" else [],
    }


def facts(campaign: Campaign, *others: UUID) -> dict[str, Any]:
    """What it is made of, who made it, and the names of `others`."""
    session = db.session()
    approval = decisions.get(session, campaign.approval_id) if campaign.approval_id else None
    people = [
        campaign.created_by,
        *campaign.editors,
        *([approval.decided_by] if approval and approval.decided_by else []),
        *others,
    ]
    waits = campaign.state in ("draft", "in_review", "approved", "scheduled")
    return {
        "goes_at": plan.goes_at(session, campaign) if waits else None,
        "now": clock.now(),
        "used": drafts.used(session, campaign),
        "approval": approval,
        "names": users.names(session, people),
    }


@dataclass(frozen=True)
class ChannelShown:
    """One channel of a plan, ready to be drawn."""

    channel: str
    plan: Mapping[str, Any]
    rows: list[dict[str, Any]]
    findings: list[tuple[str, str]]

    @property
    def marked_in(self) -> str:
        """The languages in which an advertisement has its marks; empty for other messages."""
        return ", ".join(language(one) for one in self.plan.get("marked_in", []))

    @property
    def will_receive(self) -> int:
        return int(self.plan["waterfall"].get("will_receive", 0))

    @property
    def matched(self) -> int:
        return int(self.plan["waterfall"].get("matched", 0))


def channels(summary: Mapping[str, Any]) -> list[ChannelShown]:
    """The channels of a plan's summary."""
    return [
        ChannelShown(one["channel"], one, reasons.falls(one["waterfall"]), _findings(one["findings"]))
        for one in summary["channels"]
    ]


COMPARED = ("template", "template_version", "message_class", "sender", "provider", "destination", "parts", "cost")


def keyed(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary with its channels by name and its reasons in words, so that two of them can be compared."""
    keyed: dict[str, Any] = {"cost": summary["cost"]}
    for one in summary["channels"]:
        falls = {reasons.reason(name): number for name, number in one["waterfall"].items()}
        keyed[one["channel"]] = {**{name: one.get(name) for name in COMPARED}, **falls}
    return keyed


def _findings(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(level, sentence) of each check that has something to say, errors first."""
    return [(str(one["level"]), f"{language(one['language'])}: {_(one['message']) % one['values']}") for one in found]


def language(code: str) -> str:
    """The name of a text's language in the reader's words."""
    return _(LANGUAGES[code]) if code in LANGUAGES else code


@dataclass(frozen=True)
class Term:
    """One number of the equation, with the list of those contacts behind it."""

    label: str
    number: int
    url: str
    tone: str = ""


@dataclass(frozen=True)
class Equation:
    """audience = all the terms; `skips` add up to what was not sent, `failures` to what failed."""

    channel: str
    audience: int
    terms: list[Term]
    skips: list[Term]
    failures: list[Term]


TONES = {"delivered": "good", "failed": "bad", "undeliverable": "bad", "in_doubt": "warn"}


def equations(campaign: Campaign, numbers: Sequence[Totals]) -> list[Equation]:
    """For each channel: where everybody of the audience ended."""
    return [_equation(campaign, one) for one in numbers]


def _equation(campaign: Campaign, one: Totals) -> Equation:
    def linked(label: str, number: int, tone: str = "", state: str | None = None, reason: str | None = None) -> Term:
        url = url_for("messages.index", campaign=campaign.id, channel=one.channel, state=state, reason=reason)
        return Term(label, number, url, tone)

    order = ("delivered", "sent", "undeliverable", "failed", "in_doubt", "sending", "queued", *NOT_SENT)
    terms = [
        linked(reasons.state(state), one.states[state], TONES.get(state, ""), state=state)
        for state in order
        if one.states.get(state)
    ]
    return Equation(
        one.channel,
        one.audience,
        terms,
        [linked(reasons.reason(reason), number, reason=reason) for reason, number in _largest(one.skips)],
        [linked(reasons.reason(reason), number, reason=reason) for reason, number in _largest(one.failures)],
    )


def _largest(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda pair: -pair[1])
