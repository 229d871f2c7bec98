"""Deliver mail to staff and managers over SMTP, again later when it fails."""

import logging
import smtplib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.files import Damaged, Files
from app.core.settings import Settings
from app.core.unit import settings_of
from app.domain.notices.models import Notice
from app.gateways.channels.guard import NOT_ALLOWED, Guard

log = logging.getLogger(__name__)
TRIES = 8
# A relay, a file or an address that is no good; InvalidTag: a file that cannot be opened.
_BROKEN = (OSError, smtplib.SMTPException, ValueError, LookupError, InvalidTag, Damaged)
OpenUnit = Callable[[], AbstractContextManager[Session]]


def deliver_due(open_unit: OpenUnit) -> int:
    """Deliver everything due, one mail a unit; how many went out.

    A notice may arrive twice if the worker dies after the server took it; a report twice is better than none.
    """
    sent = 0
    while (notice_id := _take(open_unit)) is not None:
        with open_unit() as session:
            sent += _deliver(session, session.get_one(Notice, notice_id, with_for_update=True))
    return sent


def _take(open_unit: OpenUnit) -> UUID | None:
    """The next notice that is due, or None.

    It is put off before it is tried: whatever it does to a worker, the others do not wait behind it.
    """
    with open_unit() as session:
        notice = session.execute(
            select(Notice)
            .where(Notice.state == "queued", Notice.due_at <= clock.now())
            .order_by(Notice.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).scalar_one_or_none()
        if notice is None:
            return None
        notice.attempts += 1
        notice.due_at = clock.now() + timedelta(seconds=15 * 2**notice.attempts)
        if notice.attempts >= TRIES:
            notice.state = "failed"  # unless this time it goes out
        return notice.id


def _deliver(session: Session, notice: Notice) -> int:
    settings = settings_of(session)
    if not is_allowed(session, notice.address):
        notice.state, notice.last_error = "failed", NOT_ALLOWED
        return 0
    try:
        _hand_over(settings, _written(settings, notice))
    except _BROKEN as broke:
        log.warning("a notice could not be delivered", extra={"notice": notice.id, "reason": type(broke).__name__})
        notice.last_error = type(broke).__name__
        return 0
    notice.state, notice.sent_at, notice.last_error = "sent", clock.now(), None
    return 1


def is_allowed(session: Session, address: str) -> bool:
    """Whether mail to this address leaves this environment at all."""
    settings = settings_of(session)
    return settings.is_production or Guard.only(settings.allowed_recipients).permits(address)


def _written(settings: Settings, notice: Notice) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = settings.staff_sender
    mail["To"] = notice.address
    mail["Subject"] = notice.subject
    mail["Message-ID"] = f"<{notice.id}@{settings.staff_sender.partition('@')[2] or 'carillon'}>"
    if notice.leave_url:  # one click (RFC 8058)
        mail["List-Unsubscribe"] = f"<{notice.leave_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(notice.body)
    files = Files(settings, notice.organisation_id)
    for attachment in notice.attachments:
        kind, _, subtype = str(attachment["type"]).partition("/")
        mail.add_attachment(files.read(attachment["file"]), maintype=kind, subtype=subtype, filename=attachment["name"])
    return mail


def _hand_over(settings: Settings, mail: EmailMessage) -> None:
    relay = urlsplit(f"//{settings.staff_smtp or 'localhost:25'}")
    with smtplib.SMTP(relay.hostname or "", relay.port or 25, timeout=30) as server:
        server.send_message(mail)


def is_due(session: Session) -> bool:
    """True if a mail waits to go out."""
    late = exists().where(Notice.state == "queued", Notice.due_at <= clock.now())
    return bool(session.execute(select(late)).scalar())
