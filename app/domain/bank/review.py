"""A run goes to a second person: what is asked for is pinned, and only that is released.

The request binds the list as it stands, the overrides and waived gates with their reasons, the text, and who may carry it.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import Actor, require
from app.core.db import live
from app.core.errors import Conflict, Invalid, Issue, mark
from app.core.sql import load
from app.domain.approvals import decisions
from app.domain.approvals.decisions import digest_of
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.bank import balances, outcomes, overrides, programmes, qualification, sample, states
from app.domain.bank.balances import month_of
from app.domain.bank.happenings import QualificationApproved
from app.domain.bank.models import BalanceFile, Notice, Outcome, ProgrammeVersion, QualificationRun
from app.domain.bank.qualification import SUBJECT
from app.domain.contacts.models import Contact
from app.domain.content import checks, library
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.preview import data_for
from app.domain.content.render import prepared
from app.domain.messages import policy
from app.domain.outbox.publish import publish
from app.domain.providers import accounts

GIVEN = frozenset({"month", "programme"})  # the values a programme's text may use
_SQL = load("bank/queries.sql")


class SubmitInput(BaseModel):
    """What goes with a run that is submitted: why a gate that did not pass may be passed by, by its code."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    waived: dict[str, str] = Field(default_factory=dict)


class Pinned(BaseModel):
    """What a decision on a run is about, and what is released."""

    model_config = ConfigDict(frozen=True)

    people: int
    list_digest: str
    programme: str
    template_id: UUID
    version_id: UUID
    message_class: str
    routes: tuple[str, ...]
    senders: tuple[str, ...]
    waived: dict[str, str]


def submit(session: Session, run_id: UUID, new: SubmitInput, *, by: Actor) -> QualificationRun:
    """Ask a second person to approve a run and what its customers are told.

    Raises:
        NotFound, Conflict (it is not under review, or balances came in since), Invalid (a gate without a reason, no text or one
        with errors, no provider, nobody qualified), Forbidden.
    """
    run = qualification.moved(session, run_id, "submit", by=by)
    if is_stale(session, run):
        raise Conflict(mark("Balances of this month came in after it was calculated. Calculate it again."))
    pinned = _pin(session, run, _waived(run, new))
    version = session.get_one(TemplateVersion, pinned.version_id)
    approval = decisions.submit(
        session,
        (SUBJECT, run.id),
        name_of(session, run),
        digest=_digest(session, run, pinned),
        summary=_summary(session, run, pinned, version, by),
        editors=_authors(session, run, pinned),
        pinned=pinned.model_dump(mode="json"),
        needs=states.NEEDS["approve"],
        by=by,
    )
    run.approval_id = approval.id
    return run


def withdraw(session: Session, run_id: UUID, *, by: Actor) -> QualificationRun:
    """Take a run back from its decision, or its release. Raises NotFound, Conflict, Forbidden."""
    run = qualification.moved(session, run_id, "withdraw", by=by)
    decisions.void(session, (SUBJECT, run.id))
    run.approval_id = run.planned_for = run.planned_by = run.plan_failure = None
    trail.record(session, by, "run.withdrawn", (SUBJECT, run.id))
    return run


def approve(session: Session, run_id: UUID, *, note: str = "", seen: UUID | None = None, by: Actor) -> QualificationRun:
    """Approve a run: it may be released, as it was submitted. `seen` is the request its approver has read.

    Raises NotFound, Conflict (not in review, expired, changed meanwhile), Forbidden (somebody who made it), FactorNeeded.
    """
    run = qualification.moved(session, run_id, "approve", by=by)
    approval = _request(session, run, seen)
    if is_stale(session, run):
        raise Conflict(
            mark("Balances of this month came in after it was calculated. Send it back to be calculated again.")
        )
    decisions.approve(session, approval.id, digest=_present_digest(session, run, approval), note=note, by=by)
    publish(session, QualificationApproved(subject=run.id))
    return run


def reject(session: Session, run_id: UUID, *, note: str, seen: UUID | None = None, by: Actor) -> QualificationRun:
    """Send a run back to its officer with a note. Raises NotFound, Conflict, Invalid (no note), Forbidden."""
    run = qualification.moved(session, run_id, "reject", by=by)
    decisions.reject(session, _request(session, run, seen).id, note=note, by=by)
    return run


def blocked_reason(session: Session, run: QualificationRun, approval: Approval, *, by: Actor) -> str:
    """Why this actor cannot approve a request now: decided, expired, own, role, hands, changed; empty if he can."""
    if run.state != "in_review":
        return "decided"
    if reason := decisions.blocked_reason(session, approval, by=by):
        return reason
    return "changed" if is_stale(session, run) or _present_digest(session, run, approval) != approval.digest else ""


def possible(session: Session, run: QualificationRun, *, by: Actor) -> frozenset[str]:
    """The verbs that are open to this actor now: what the state allows, his rights, and four eyes."""
    verbs = {verb for verb in states.possible(run.state) if by.may(states.NEEDS[verb])}
    if {"approve", "reject"} & verbs and run.approval_id:
        reason = blocked_reason(session, run, decisions.get(session, run.approval_id), by=by)
        verbs -= {"": set(), "changed": {"approve"}}.get(reason, {"approve", "reject"})
    if run.planned_for is None:
        verbs.discard("call_off")
    return frozenset(verbs)


def is_stale(session: Session, run: QualificationRun) -> bool:
    """True if balances of its month came in after it was calculated."""
    first, after = month_of(run.month)
    carry = session.get_one(ProgrammeVersion, run.programme_version_id).carry_days
    return balances.came_since(session, first - timedelta(days=carry), after, run.calculated_at)


def class_of(session: Session, run: QualificationRun) -> str:
    """The class of what customers are told: a service message or marketing; empty without a text."""
    asked = session.get_one(ProgrammeVersion, run.programme_version_id)
    return session.get_one(Template, asked.template_id).message_class if asked.template_id else ""


def falls(session: Session, run: QualificationRun, message_class: str) -> dict[str, int]:
    """Who of those who qualified will be told, and why everybody else will not; adds up to those who qualified."""
    told = select(Notice.contact_id).where(Notice.programme_id == run.programme_id, Notice.month == run.month)
    audience = outcomes.qualified(run.id)
    found = policy.waterfall(session, audience.where(Outcome.contact_id.not_in(told)), "sms", message_class)
    whole = outcomes.totals(session, run)["qualified"]
    known = whole - found["matched"]
    return {**found, "matched": whole, **({"already_told": known} if known else {})}


def pinned_of(approval: Approval) -> Pinned:
    """What an approval is about."""
    return Pinned.model_validate(approval.pinned)


def is_changed(session: Session, run: QualificationRun, approval: Approval) -> bool:
    """True if what would be released is no longer what was submitted."""
    return _present_digest(session, run, approval) != approval.digest


def texts(session: Session, run: QualificationRun, version_id: UUID, *, by: Actor) -> dict[str, str]:
    """What customers are told, in each language, for an example person. Raises Forbidden, TemplateError."""
    require(by, "bank:read")
    version, name = session.get_one(TemplateVersion, version_id), programmes.of_run(session, run).name
    found = {}
    for language in sorted(version.texts, key=lambda one: one != version.fallback_language):
        values = {"month": i18n.month(run.month, language), "programme": name}
        data = {**data_for(session, None, language), "values": values}
        found[language] = str(prepared(version, "sms").sms(language, data))
    return found


def numbers(session: Session, run: QualificationRun, *, by: Actor) -> dict[UUID, str]:
    """The customer numbers of those whose outcome was overridden."""
    require(by, "bank:read")
    contact = live(Contact).c
    ids = [one.contact_id for one in overrides.of_run(session, run.id)]
    found = session.execute(select(contact.id, contact.external_id).where(contact.id.in_(ids)))
    return {row.id: row.external_id or "" for row in found}


def name_of(session: Session, run: QualificationRun) -> str:
    """What a run is called in lists of requests: the programme and its month."""
    return f"{programmes.of_run(session, run).name} {run.month:%Y-%m}"


def _request(session: Session, run: QualificationRun, seen: UUID | None) -> Approval:
    assert run.approval_id is not None
    if seen is not None and seen != run.approval_id:
        raise Conflict(
            mark("This was changed and submitted again since you opened it. Read it again before you decide.")
        )
    return decisions.get(session, run.approval_id)


def _waived(run: QualificationRun, new: SubmitInput) -> dict[str, str]:
    """The reasons of the gates that did not pass. Raises Invalid with all that are missing."""
    blocking = [gate["code"] for gate in run.gates or [] if gate["verdict"] == "block"]
    said = {code: new.waived.get(code, "").strip() for code in blocking}
    missing = [code for code, reason in said.items() if len(reason) < 10]
    if missing:
        message = mark("Say in a sentence why this check may be passed by: it is printed in the report.")
        raise Invalid(message, details=tuple(Issue(f"waived.{code}", message) for code in missing))
    return said


def _pin(session: Session, run: QualificationRun, waived: dict[str, str]) -> Pinned:
    asked = session.get_one(ProgrammeVersion, run.programme_version_id)
    if asked.template_id is None:
        raise Invalid(
            mark(
                "This version of the programme has no text. Choose one in the programme, then calculate the month again."
            )
        )
    template = session.get_one(Template, asked.template_id)
    version = library.current(session, template)
    usable = accounts.in_order(session, "sms")
    if not usable:
        raise Invalid(mark("There is no provider for SMS. Ask an owner or operator to add or enable one."))
    found = checks.check(
        session, template, version, is_named=all(accounts.names_itself(one) for one in usable), given=GIVEN
    )
    if wrong := [one for one in found if one.level == "error"]:
        details = tuple(Issue("template", one.message, one.values) for one in wrong)
        raise Invalid(
            mark("The text has errors that would reach customers. Correct the template first."), details=details
        )
    people, digest = session.execute(_SQL["list_hash"], {"run": run.id}).one()
    if not people:
        raise Invalid(mark("Nobody qualified, so there is nothing to release."))
    return Pinned(
        people=people, list_digest=digest, programme=programmes.of_run(session, run).name,
        template_id=template.id, version_id=version.id,
        message_class=template.message_class, routes=tuple(sorted(accounts.fingerprint(one) for one in usable)),
        senders=tuple(sorted({one.sender for one in usable})), waived=waived,
    )  # fmt: skip


def _present_digest(session: Session, run: QualificationRun, approval: Approval) -> bytes:
    """The digest of what would be released now, by the text that was submitted."""
    pinned = pinned_of(approval)
    template = session.get_one(Template, pinned.template_id)
    people, digest = session.execute(_SQL["list_hash"], {"run": run.id}).one()
    usable = accounts.in_order(session, "sms")
    now = pinned.model_copy(
        update={
            "people": people, "list_digest": digest, "programme": programmes.of_run(session, run).name,
            "version_id": template.current_id, "message_class": template.message_class,
            "routes": tuple(sorted(accounts.fingerprint(one) for one in usable)),
            "senders": tuple(sorted({one.sender for one in usable})),
        }
    )  # fmt: skip
    return _digest(session, run, now)


def _digest(session: Session, run: QualificationRun, pinned: Pinned) -> bytes:
    version = session.get_one(TemplateVersion, pinned.version_id)
    said = [[str(one.contact_id), one.outcome, one.reason, one.evidence] for one in overrides.of_run(session, run.id)]
    return digest_of(
        {
            "run": str(run.id), "programme": [pinned.programme, str(run.programme_version_id)], "input": run.input_hash,
            "people": pinned.people, "list": pinned.list_digest, "overrides": said,
            "waived": pinned.waived, "text": library.content_of(version, "sms", pinned.message_class), "routes": pinned.routes,
        }
    )  # fmt: skip


def _summary(
    session: Session, run: QualificationRun, pinned: Pinned, version: TemplateVersion, by: Actor
) -> Mapping[str, object]:
    drawn = sample.of_run(session, run.id, by=by)
    return {
        "totals": outcomes.totals(session, run),
        "waterfall": falls(session, run, pinned.message_class),
        "gates": run.gates,
        "waived": pinned.waived,
        "checked": sum(one.drawn.is_right is not None for one in drawn),
        "wrong": sum(one.drawn.is_right is False for one in drawn),
        "sample": len(drawn),
        "list": pinned.list_digest,
        "template": session.get_one(Template, pinned.template_id).name,
        "template_version": version.number,
        "message_class": pinned.message_class,
        "sender": "; ".join(pinned.senders),
        "submitted_at": clock.now().isoformat(),
    }


def _authors(session: Session, run: QualificationRun, pinned: Pinned) -> set[UUID]:
    """Who asked for the run or its rule, put a word against an outcome or took one back, handed in balances, or wrote the text.

    None of them may approve it.
    """
    first, after = month_of(run.month)
    rule = session.get_one(ProgrammeVersion, run.programme_version_id)
    handed_in = select(BalanceFile.created_by).where(
        BalanceFile.day >= first - timedelta(days=rule.carry_days), BalanceFile.day < after, ~BalanceFile.is_signed,
        BalanceFile.state.in_(("queued", "taken")),
    )  # fmt: skip
    hands = {
        run.created_by, rule.created_by, *overrides.hands(session, run.id), *session.execute(handed_in).scalars(),
        *library.authors(session, [pinned.template_id]),
    }  # fmt: skip
    return {one for one in hands if one}
