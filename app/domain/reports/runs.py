"""Report runs: asked for by a person, made by a worker, kept with their checksum, mailed to managers."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, i18n, rows
from app.core.actor import Actor, require, system
from app.core.errors import Invalid, NotFound, mark
from app.core.files import Files
from app.core.page import Ask, Page, fetch
from app.core.queue import Job
from app.core.text import email as normal_email
from app.core.unit import enqueue_after_commit, settings_of
from app.domain.access.keyring import organisation_of
from app.domain.audit import trail
from app.domain.campaigns import drafts
from app.domain.campaigns.models import Campaign
from app.domain.notices import deliver
from app.domain.notices.post import Attachment, post
from app.domain.reports import campaign as campaign_report
from app.domain.reports.models import ReportRun

RUN_REPORT = Job("reports", "jobs.reports.run", 300)
TRIES = 3
CATALOGUE = {"campaign": mark("Campaign report")}
TYPES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "pdf": "application/pdf"}
_BODY = mark(
    "%(summary)s\n\nThe whole report is attached as Excel and PDF. It was made by Carillon at %(moment)s for %(person)s, "
    "who answers questions about it."
)


class ReportInput(BaseModel):
    """A report to be made: of what, in which language, mailed to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    campaign_id: UUID
    language: str = Field(default="en", pattern="^(en|he)$")
    recipients: tuple[str, ...] = Field(default=(), max_length=20)


def ask(session: Session, name: str, wanted: ReportInput, *, by: Actor) -> ReportRun:
    """Ask for a report; a worker makes it. Raises NotFound (report or campaign), Invalid (an address), Forbidden."""
    require(by, "reports:run")
    if name not in CATALOGUE:
        raise NotFound(mark("There is no such report."))
    campaign = drafts.get(session, wanted.campaign_id, by=by)
    addresses = []
    for given in wanted.recipients:
        address = normal_email(given)
        if address is None:
            raise Invalid.field("recipients", mark("“%(address)s” is not an e-mail address."), address=given)
        if not deliver.is_allowed(session, address):
            raise Invalid.field(
                "recipients",
                mark("Nothing is mailed to %(address)s from here: it is not on the allow-list of this test system."),
                address=address,
            )
        addresses.append(address)
    run = ReportRun(
        organisation_id=by.organisation_id,
        name=name,
        subject_id=campaign.id,
        subject_name=campaign.name,
        locale=wanted.language,
        parameters={"asked_by": by.name},
        recipients=addresses,
        state="queued",
        created_by=by.id,
        created_at=clock.now(),
    )
    session.add(run)
    session.flush()
    after = {"report": name, "campaign": campaign.id, "recipients": len(addresses)}
    trail.record(session, by, "report.asked", ("report", run.id), after=after)
    enqueue_after_commit(session, RUN_REPORT, by.organisation_id, run.id)
    return run


def waiting(session: Session) -> list[UUID]:
    """Reports asked for and not made yet."""
    return list(session.execute(select(ReportRun.id).where(ReportRun.state == "queued")).scalars())


def make(open_unit: Callable[[], AbstractContextManager[Session]], run_id: UUID) -> None:
    """Make a report that was asked for, keep its files and post it; nothing happens when it was made already.

    The try is counted in a unit of its own: a report that kills its worker three times is given up.
    """
    with open_unit() as session:
        run = _queued(session, run_id)
        if run is None:
            return
        run.attempts += 1
        if run.attempts > TRIES:
            run.state, run.failure, run.finished_at = "failed", "too_often", clock.now()
            return
    with open_unit() as session:
        if run := _queued(session, run_id):
            _make(session, run)


def _queued(session: Session, run_id: UUID) -> ReportRun | None:
    query = (
        select(ReportRun).where(ReportRun.id == run_id, ReportRun.state == "queued").with_for_update(skip_locked=True)
    )
    return session.execute(query).scalar_one_or_none()


def _make(session: Session, run: ReportRun) -> None:
    campaign = session.get(Campaign, run.subject_id)
    if campaign is None:
        run.state, run.failure, run.finished_at = "failed", "gone", clock.now()
        return
    made = campaign_report.make(session, campaign, run.locale)
    files = Files(settings_of(session), run.organisation_id)
    run.xlsx, run.pdf = files.write(made.xlsx), files.write(made.pdf)
    run.state, run.finished_at = "completed", clock.now()
    attachments = [
        Attachment(_file_name(run, "xlsx"), run.xlsx, TYPES["xlsx"]),
        Attachment(_file_name(run, "pdf"), run.pdf, TYPES["pdf"]),
    ]
    values: dict[str, object] = {
        "summary": made.summary,
        "moment": i18n.moment(run.finished_at, run.locale, ZoneInfo(organisation_of(session).timezone)),
        "person": run.parameters.get("asked_by", ""),
    }
    for address in run.recipients:
        body = i18n.say(_BODY, values, run.locale)
        post(session, address, made.title, body, source=("report", run.id), attachments=attachments)
    by = system(run.organisation_id)
    trail.record(session, by, "report.made", ("report", run.id), after={"xlsx": run.xlsx, "pdf": run.pdf})


def get(session: Session, run_id: UUID, *, by: Actor) -> ReportRun:
    """One run. Raises NotFound."""
    require(by, "reports:read")
    return rows.one(session, ReportRun, run_id, mark("There is no such report."))


def listed(session: Session, page: Ask, *, by: Actor, subject_id: UUID | None = None) -> Page[ReportRun]:
    """A page of runs, newest first; of one campaign when asked."""
    require(by, "reports:read")
    query = select(ReportRun)
    if subject_id:
        query = query.where(ReportRun.subject_id == subject_id)
    return fetch(session, query, [ReportRun.__table__.c.id], page, descending=True)


def download(session: Session, run_id: UUID, kind: str, *, by: Actor) -> tuple[bytes, str, str]:
    """A report's file: bytes, media type, name. The download is audited. Raises NotFound."""
    run = get(session, run_id, by=by)
    name = {"xlsx": run.xlsx, "pdf": run.pdf}.get(kind)
    if name is None:
        raise NotFound(mark("This report has no such file."))
    trail.record(session, by, "report.downloaded", ("report", run.id), after={"kind": kind})
    return (
        Files(settings_of(session), run.organisation_id).read(name),
        TYPES[kind],
        _file_name(run, kind),
    )


def _file_name(run: ReportRun, kind: str) -> str:
    """Says which campaign and which day, in any alphabet."""
    subject = re.sub(r"[^\w]+", "-", run.subject_name or "").strip("-")[:60] or run.name
    return f"{subject}-{run.created_at:%Y-%m-%d}.{kind}"
