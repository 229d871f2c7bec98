"""Put a mail to staff or managers into the post."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.notices.models import Notice

DELIVER_NOTICES = Job("reports", "jobs.notices.deliver", 120)


@dataclass(frozen=True)
class Attachment:
    """A kept file that goes with a notice."""

    name: str
    file: str
    type: str


def post(  # noqa: PLR0913 - a mail has this many sides
    session: Session,
    address: str,
    subject: str,
    body: str,
    *,
    source: tuple[str, UUID],
    attachments: Sequence[Attachment] = (),
    leave_url: str | None = None,
) -> Notice:
    """Keep a mail to one address; it is delivered by a worker after this unit commits."""
    organisation_id = actor_of(session).organisation_id
    notice = Notice(
        organisation_id=organisation_id,
        address=address,
        subject=" ".join(subject.split()),
        body=body,
        attachments=[asdict(a) for a in attachments],
        leave_url=leave_url,
        source_kind=source[0],
        source_id=source[1],
        due_at=clock.now(),
        created_at=clock.now(),
    )
    session.add(notice)
    session.flush()
    enqueue_after_commit(session, DELIVER_NOTICES, organisation_id)
    return notice
