"""Send a text: one send a version and step, one message a visit. Who may not be written to is passed by, with the reason."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, mark
from app.core.sql import load
from app.domain.approvals.models import Approval
from app.domain.flows.batch import Batch, Outcome, Pass, Run
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.engine import NEXT, Node
from app.domain.flows.models import FlowSend
from app.domain.messages import hours, sends
from app.domain.messages.create_messages import create_messages
from app.domain.messages.models import Message, Send
from app.domain.messages.pinned import PinnedText

PRIORITY = 50
SENT_WITHIN = timedelta(hours=72)  # of the last one who came
LATE = "late"
_SQL = load("flows/queries.sql")


def send(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """A message to everybody, or the reason why there is none."""
    on_time = [run for run in runs if not run.is_late]
    skipped = _sent(batch, node, on_time) if on_time else {}
    for run in runs:
        reason = LATE if run.is_late else skipped.get(run.visit_id)
        yield run, Pass(NEXT, {"skipped": reason} if reason else None)


def _sent(batch: Batch, node: Node, runs: Sequence[Run]) -> dict[UUID, str]:
    """Make the messages; why there is none, by visit."""
    batch.begin_visits(runs)
    session, opened = batch.session, _opened(batch, node)
    _prolong(batch, opened)
    visits, people = [run.visit_id for run in runs], [run.contact_id for run in runs]
    arrays = (bindparam(None, people, ARRAY(Uuid)), bindparam(None, visits, ARRAY(Uuid)))
    them = func.unnest(*arrays).table_valued("contact_id", "occurrence_id").render_derived("them")
    made = create_messages(session, opened, select(them.c.contact_id, them.c.occurrence_id))
    missing = len(runs) - sum(made.values())
    if set(made) <= {"queued"} and not missing:
        return {}
    query = select(Message.occurrence_id, Message.state, Message.reason).join(
        them, (Message.contact_id == them.c.contact_id) & (Message.occurrence_id == them.c.occurrence_id)
    ).where(Message.channel == opened.channel, Message.occurrence_id.between(min(visits), max(visits)))  # fmt: skip
    known = {row.occurrence_id: row for row in session.execute(query)}
    nobody = {visit: "gone" for visit in visits if visit not in known}
    return nobody | {visit: row.reason for visit, row in known.items() if row.state == "skipped"}


def _opened(batch: Batch, node: Node) -> Send:
    """The send of this step, held until the end of the transaction: nobody closes it while messages are made for it."""
    session, key = batch.session, (batch.course.version_id, node.step.id)
    known = session.get(FlowSend, key)
    if known is None:
        session.execute(_SQL["opening"], {"version": batch.course.version_id})  # one opens it, the others find it
        known = session.get(FlowSend, key) or _open(batch, node)
    return session.get_one(Send, known.send_id, with_for_update=True, populate_existing=True)


def _open(batch: Batch, node: Node) -> FlowSend:
    course, text = batch.course, _text(batch, node)
    approval = batch.session.get(Approval, course.approval_id) if course.approval_id else None
    new = sends.NewSend(
        first_occurrence=course.version_id,  # older than every visit of its runs
        source=(SUBJECT, course.flow_id),
        source_name=batch.flow_name,
        channel=text.channel,
        message_class=text.message_class,
        template_version_id=text.version_id,
        digest=approval.digest if approval else None,
        priority=PRIORITY,
        not_before=batch.now,
        not_after=batch.now + SENT_WITHIN,
        senders=course.pinned.senders_of(text.channel),
        routes=course.pinned.routes_of(text.channel),
    )
    opened = sends.open_send(batch.session, new)
    own = FlowSend(
        organisation_id=opened.organisation_id, version_id=course.version_id, step=node.step.id, send_id=opened.id
    )
    batch.session.add(own)
    batch.session.flush()
    return own


def _text(batch: Batch, node: Node) -> PinnedText:
    text = batch.course.pinned.texts.get(node.step.id)
    if text is None:
        raise Conflict(mark("No text was approved for this step."))
    return text


def _prolong(batch: Batch, opened: Send) -> None:
    """What is made now has its own time to go out, from when it may; a send that had nothing left has something again."""
    begins = hours.begins(batch.session, opened.message_class, batch.now)
    opened.not_after = max(opened.not_after, begins + SENT_WITHIN)
    sends.reopen(batch.session, opened)
    batch.session.flush()


def of_versions(session: Session, version_ids: Sequence[UUID]) -> dict[tuple[UUID, str], UUID]:
    """The sends of versions, by version and step."""
    rows = session.execute(select(FlowSend).where(FlowSend.version_id.in_(version_ids))).scalars()
    return {(row.version_id, row.step): row.send_id for row in rows}
