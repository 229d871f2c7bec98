"""Deliver mail to staff and managers over SMTP, again later when it fails."""

import logging
import smtplib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from email.message import EmailMessage

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.files import Files
from app.core.settings import Settings
from app.core.unit import settings_of
from app.domain.notices.models import Notice
from app.gateways.channels.guard import NOT_ALLOWED, Guard

log = logging.getLogger(__name__)
TRIES = 8
OpenUnit = Callable[[], AbstractContextManager[Session]]


def deliver_due(open_unit: OpenUnit) -> int:
    """Deliver everything due, one mail a unit; how many went out.

    A notice may arrive twice if the worker dies after the server took it; a report twice is better than none.
    """
    sent = 0
    while True:
        with open_unit() as session:
            notice = session.execute(
                select(Notice)
                .where(Notice.state == "queued", Notice.due_at <= clock.now())
                .order_by(Notice.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).scalar_one_or_none()
            if notice is None:
                return sent
            sent += _deliver(session, notice)


def _deliver(session: Session, notice: Notice) -> int:
    settings = settings_of(session)
    notice.attempts += 1
    if not (settings.is_production or Guard.only(settings.allowed_recipients).permits(notice.address)):
        notice.state, notice.last_error = "failed", NOT_ALLOWED
        return 0
    try:
        _hand_over(settings, _written(settings, notice))
    except (OSError, smtplib.SMTPException) as broke:
        log.warning("a notice could not be delivered", extra={"notice": notice.id, "reason": type(broke).__name__})
        notice.last_error = type(broke).__name__
        notice.state = "failed" if notice.attempts >= TRIES else "queued"
        notice.due_at = clock.now() + timedelta(seconds=15 * 2**notice.attempts)
        return 0
    notice.state, notice.sent_at, notice.last_error = "sent", clock.now(), None
    return 1


def _written(settings: Settings, notice: Notice) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = settings.staff_sender
    mail["To"] = notice.address
    mail["Subject"] = notice.subject
    mail["Message-ID"] = f"<{notice.id}@{settings.staff_sender.partition('@')[2] or 'carillon'}>"
    mail.set_content(notice.body)
    files = Files(settings, notice.organisation_id)
    for attachment in notice.attachments:
        kind, _, subtype = str(attachment["type"]).partition("/")
        mail.add_attachment(files.read(attachment["file"]), maintype=kind, subtype=subtype, filename=attachment["name"])
    return mail


def _hand_over(settings: Settings, mail: EmailMessage) -> None:
    host, _, port = settings.staff_smtp.rpartition(":")
    with smtplib.SMTP(host or "localhost", int(port or 25), timeout=30) as server:
        server.send_message(mail)


def is_due(session: Session) -> bool:
    """True if a mail waits to go out."""
    late = exists().where(Notice.state == "queued", Notice.due_at <= clock.now())
    return bool(session.execute(select(late)).scalar())
