"""The pack of a month for auditors: everything a run stands on and led to, with a program that proves it without us.

The same month gives the same bytes: its files have no moment of their own and their rows an order. Addresses are masked; balances
are those of the customers that were checked by hand.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require, system
from app.core.errors import mark
from app.core.trace import masked
from app.documents.pack import Pack
from app.documents.table import Row
from app.domain.access import users
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.audit import chain, extract
from app.domain.audit.models import AuditEntry
from app.domain.bank import evidence, figures, programmes, qualification, release, review
from app.domain.bank.models import QualificationRun
from app.domain.bank.qualification import SUBJECT
from app.domain.content import library
from app.domain.content.models import Template, TemplateVersion
from app.domain.messages import masked_recipients, sends
from app.domain.messages.models import Attempt, Message, Receipt
from app.domain.messages.sends import messages_of
from app.domain.providers.models import ProviderAccount
from app.domain.reports.made import Made
from app.domain.reports.words import Words

VERIFY = Path(__file__).with_name("verify.py")
AT_A_TIME = 500
_MESSAGES = (
    "id", "occurrence_id", "send_id", "contact_id", "channel", "state", "reason", "language", "attempts", "parts", "cost",
    "provider_account_id", "provider_reference", "created_at", "sent_at", "final_at",
)  # fmt: skip
_ATTEMPTS = (
    "message_id", "number", "provider_account_id", "started_at", "finished_at", "outcome", "category", "error",
    "provider_reference",
)  # fmt: skip
_RECEIPTS = (
    "message_id", "provider_account_id", "event_key", "kind", "category", "code", "occurred_at", "received_at", "applied_at",
    "result",
)  # fmt: skip
_ENTRIES = (
    "seq", "at", "actor_kind", "actor_id", "actor_name", "action", "subject_kind", "subject_id", "before", "after", "ip",
    "correlation_id", "previous", "hash",
)  # fmt: skip
_APPROVAL = (
    "id", "state", "digest", "summary", "pinned", "needs", "made_by", "made_at", "editors", "expires_at", "decided_by",
    "decided_at", "note",
)  # fmt: skip
_READ_ME = """\
Everything one month of a programme stands on and led to.

    python3 verify.py {here}

computes every digest and count again and says which file is not what it was. It needs nothing but Python 3.9 or newer.
With --sha256 and the digest that the bank's system shows for this pack it proves the pack as a whole.

manifest.json       what the pack is about, and the SHA-256 and size of every file
programme.json      the version of the programme the run went by
calendar.json       the days of the month that count, and those that were exempt
gates.json          the checks of the data, and why those that did not pass were passed by
outcomes.csv        every customer: as calculated, as it stands, days and reasons
inputs.csv          a digest of what each customer had when the month was calculated; the input hash of the month is over them
sample.csv          the customers that were drawn to be checked by hand; balances.csv: what they had, and which of it was judged
overrides.csv       every word put against an outcome; evidence/: the files that show why
approvals.json      who asked, who decided, when, with which note, on which digest
text.json           what customers were told
messages.csv        every message of the release, its address masked; attempts.csv, receipts.csv
not_sent.json       what became of those who qualified, and why some got nothing
balance_days.csv    how the balances of each day were taken; balance_files.csv: the files they came in
balance_issues.csv  what was wrong with records
audit.csv           what was done to the run; audit_chain.csv: the links of the chain it hangs in
"""


def make(session: Session, run: QualificationRun, locale: str) -> Made:
    """Put the pack of a run together."""
    by, say = system(run.organisation_id), Words(locale)
    require(by, "audit:read")
    pack, name = Pack(), review.name_of(session, run)
    requests = decisions.of_subject(session, (SUBJECT, run.id))[::-1]
    approval = next((one for one in requests if one.id == run.approval_id), None)
    _add_month(session, pack, run, approval, by)
    _add_decisions(session, pack, requests, approval)
    messages = _add_messages(session, pack, run, by)
    last = _add_trail(session, pack, run, by)
    program = VERIFY.read_bytes()
    pack.add("README.txt", _READ_ME.format(here=".").encode())
    pack.add("verify.py", program)
    verdict = chain.verify(session, by=by)
    about = {
        "format": 1,
        "name": name,
        "organisation": run.organisation_id,
        "run": run.id,
        "programme": run.programme_id,
        "programme_version": run.programme_version_id,
        "month": run.month,
        "version": run.version,
        "state": run.state,
        "input_hash": run.input_hash,
        "input_format": run.input_format,
        "totals": figures.totals(session, run, by=by),
        "list_digest": approval.summary["list"] if approval else None,
        "approval": approval.id if approval else None,
        "approval_digest": approval.digest.hex() if approval else None,
        "messages": messages,
        "audit": {"last": last, "chain": verdict.reason or "whole"},
    }
    title = say(mark("Pack for auditors: %(name)s"), name=name)
    return Made({"zip": pack.close(about), "py": program}, title, title)


def _add_month(session: Session, pack: Pack, run: QualificationRun, approval: Approval | None, by: Actor) -> None:
    asked = programmes.version_of(session, run, by=by)
    names = (
        "id",
        "number",
        "threshold",
        "currency",
        "rule",
        "days",
        "calendar",
        "carry_days",
        "opening",
        "accounts",
        "budget",
        "most_attempts",
        "retry_hours",
        "recipients",
        "template_id",
        "created_by",
        "created_at",
    )
    programme = {"id": run.programme_id, "name": programmes.of_run(session, run).name}
    pack.add_json("programme.json", {**programme, "version": {name: getattr(asked, name) for name in names}})
    exempt = evidence.exempt(session, run, by=by)
    pack.add_json("calendar.json", {"month": run.month, "calendar": asked.calendar, "exempt": exempt})
    waived = approval.summary.get("waived", {}) if approval else {}
    pack.add_json("gates.json", {"gates": run.gates, "waived": waived})
    pack.add_table("outcomes.csv", evidence.OUTCOMES, evidence.outcomes(session, run, by=by))
    pack.add_table("sample.csv", evidence.SAMPLE, evidence.drawn(session, run, by=by))
    pack.add_table("balances.csv", evidence.BALANCES, evidence.balances_of_sample(session, run, by=by))
    if run.input_format == qualification.INPUT_FORMAT:
        pack.add_table("inputs.csv", evidence.INPUTS, evidence.inputs(session, run, by=by))
    pack.add_table("balance_days.csv", evidence.DAYS, evidence.days(session, run, by=by))
    pack.add_table("balance_files.csv", evidence.RECEIVED, evidence.received(session, run, by=by))
    pack.add_table("balance_issues.csv", evidence.ISSUES, evidence.issues(session, run, by=by))
    pack.add_table("overrides.csv", evidence.OVERRIDES, evidence.overrides(session, run, by=by))
    for name, content in evidence.files(session, run, by=by):
        pack.add(f"evidence/{name}", content)


def _add_decisions(session: Session, pack: Pack, requests: Sequence[Approval], approval: Approval | None) -> None:
    people = {one for request in requests for one in (request.made_by, request.decided_by, *request.editors) if one}
    names = {str(one): name for one, name in users.names(session, list(people)).items()}
    told = [{name: _plain(getattr(one, name)) for name in _APPROVAL} for one in requests]
    pack.add_json("approvals.json", {"requests": told, "people": names})
    if approval is None:
        return
    pinned = review.pinned_of(approval)
    version = session.get_one(TemplateVersion, pinned.version_id)
    said = library.content_of(version, "sms", pinned.message_class)
    about = {"template": session.get_one(Template, pinned.template_id).name, "number": version.number, "id": version.id}
    pack.add_json("text.json", {**about, **said, "senders": pinned.senders})


def _add_messages(session: Session, pack: Pack, run: QualificationRun, by: Actor) -> dict[str, int]:
    """The messages of the release; how many, by state."""
    ours = messages_of(sends.of_source(session, SUBJECT, run.id))
    accounts = select(ProviderAccount.id, ProviderAccount.name, ProviderAccount.kind).order_by(ProviderAccount.id)
    named = [(str(one), name, kind) for one, name, kind in session.execute(accounts).all()]
    pack.add_table("messages.csv", (*_MESSAGES, "address"), _messages(session, ours))
    own = (Attempt.message_id == Message.id) & (Attempt.occurrence_id == Message.occurrence_id)
    tries = select(Attempt).join(Message, own).where(ours).order_by(Attempt.message_id, Attempt.number)
    pack.add_table("attempts.csv", _ATTEMPTS, _rows(session, tries, _ATTEMPTS))
    told = select(Receipt).join(Message, Receipt.message_id == Message.id).where(ours)
    told = told.order_by(Receipt.message_id, Receipt.received_at, Receipt.event_key)
    pack.add_table("receipts.csv", _RECEIPTS, _rows(session, told, _RECEIPTS))
    pack.add_table("accounts.csv", ("provider_account_id", "name", "kind"), named)
    sent = release.numbers(session, run, by=by)
    qualified = figures.totals(session, run, by=by)["qualified"]
    without = figures.not_told(run, qualified, sent.audience)
    fate = {
        "qualified": qualified,
        "states": dict(sent.states),
        "reasons": dict(sent.skips),
        "without_message": without,
    }
    pack.add_json("not_sent.json", fate)
    return dict(sent.states)


def _messages(session: Session, ours: Any) -> Iterator[Row]:
    query = select(Message).where(ours).order_by(Message.contact_id, Message.step)
    stream = session.execute(query.execution_options(yield_per=AT_A_TIME)).scalars()
    for some in stream.partitions():
        people = masked_recipients.of(session, [one.contact_id for one in some])
        for one in some:
            address = people.get(one.contact_id, masked_recipients.NOBODY).address(one)
            yield (*(_cell(getattr(one, name)) for name in _MESSAGES), address)


def _rows(session: Session, query: Any, names: Sequence[str]) -> Iterator[Row]:
    for one in session.execute(query.execution_options(yield_per=AT_A_TIME)).scalars():
        yield tuple(_cell(getattr(one, name)) for name in names)


def _add_trail(session: Session, pack: Pack, run: QualificationRun, by: Actor) -> int:
    """What was done to the run, in the chain of everything; the last entry's number."""
    found: list[AuditEntry] = extract.entries(session, [(SUBJECT, run.id), (release.RESUME, run.id)], by=by)
    pack.add_table("audit.csv", _ENTRIES, [tuple(_cell(getattr(one, name)) for name in _ENTRIES) for one in found])
    first, last = (found[0].seq, found[-1].seq) if found else (0, -1)
    pack.add_table("audit_chain.csv", ("seq", "previous", "hash"), extract.links(session, first, last, by=by))
    return last


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _cell(value: Any) -> Any:
    """A value as a cell: ids and digests as text, what a provider said without addresses."""
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, UUID | bytes):
        return value.hex() if isinstance(value, bytes) else str(value)
    return masked(value) if isinstance(value, str) else value
