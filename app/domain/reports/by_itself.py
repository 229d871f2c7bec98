"""The reports of a month that nobody has to ask for: one when everybody was told, one more when the last message has its end.

They go to those who submitted, approved and released the month, to whoever its programme names, and to those who asked for them
(subscribers.py), in the language of each.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import system
from app.domain.access import users
from app.domain.access.keyring import organisation_of
from app.domain.approvals import decisions
from app.domain.bank import figures, programmes
from app.domain.bank.happenings import QualificationCompleted
from app.domain.bank.models import QualificationRun
from app.domain.reports import runs, subscribers
from app.domain.reports.models import ReportRun
from app.domain.reports.runs import ReportInput

NAME = "bank_month"
LONGEST = timedelta(days=14)  # that the last try of a message and its last word may take


def on_completed(session: Session, happening: QualificationCompleted) -> None:
    """Everybody of a month was told: its report is made and mailed."""
    _ask(session, session.get_one(QualificationRun, happening.subject))


def finish(session: Session) -> None:
    """Make the final report of each month whose last message has had its end since the report of it was made."""
    lately = QualificationRun.released_at > clock.now() - LONGEST
    for run in session.execute(select(QualificationRun).where(QualificationRun.state == "completed", lately)).scalars():
        own = ReportRun.name == NAME, ReportRun.subject_id == run.id, ReportRun.created_by.is_(None)
        made = session.execute(select(ReportRun).where(*own).order_by(ReportRun.id)).scalars().all()
        made = [one for one in made if one.locale == made[0].locale]
        ended = figures.ended_at(session, run, by=system(run.organisation_id)) if len(made) == 1 else None
        if ended and made[0].finished_at and made[0].finished_at < ended:
            _ask(session, run)


def _ask(session: Session, run: QualificationRun) -> None:
    by = system(run.organisation_id)
    decided = decisions.get(session, run.approval_id) if run.approval_id else None
    hands = {run.released_by, *((decided.made_by, decided.decided_by) if decided else ())}
    people = [users.get(session, one) for one in hands if one]
    named = programmes.recipients(session, programmes.version_of(session, run, by=by), by=by)
    readers = subscribers.of_month(session, run, (*people, *named))
    usual = i18n.language(organisation_of(session).locale)
    for language in sorted({usual, *(one.language for one in readers)}):
        to = [one for one in readers if one.language == language]
        runs.ask(session, NAME, ReportInput(run=run.id, language=language), to=to, by=by)
