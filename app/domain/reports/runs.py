"""Report runs: asked for by a person, made by a worker, kept with their checksum, mailed to managers."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from app.domain.notices import deliver
from app.domain.notices.post import Attachment, post
from app.domain.reports import catalogue, subscribers
from app.domain.reports.models import ReportFile, ReportRun, Subscriber

RUN_REPORT = Job("reports", "jobs.reports.run", 300)
TRIES = 3
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "py": "text/x-python",
}
_BODY = mark(
    "%(summary)s\n\nThe whole report is attached. It was made by Carillon at %(moment)s for %(person)s, "
    "who answers questions about it."
)
_LEAVE = mark("What you get of this report, and how to leave it: %(url)s")


class ReportInput(BaseModel):
    """A report to be made: of which campaign or which run of a month, in which language, mailed to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    campaign_id: UUID | None = None
    run: UUID | None = None
    language: str = Field(default="en", pattern="^(en|he)$")
    recipients: tuple[str, ...] = Field(default=(), max_length=20)


def ask(session: Session, name: str, wanted: ReportInput, *, to: Sequence[Subscriber] = (), by: Actor) -> ReportRun:
    """Ask for a report; a worker makes it, and mails it also to those who get it every time.

    Raises NotFound (the report, or what it is about), Invalid (an address, nothing it is about), Forbidden.
    """
    require(by, "reports:read")
    kind = catalogue.kind_of(name)
    for permission in kind.asks:
        require(by, permission)
    subject: UUID | None = getattr(wanted, kind.about)
    if subject is None:
        raise Invalid.field(kind.about, mark("Say what the report is about."))
    if wanted.recipients and not kind.is_mailed:
        raise Invalid.field("recipients", mark("This is not mailed. It is downloaded here."))
    run = ReportRun(
        organisation_id=by.organisation_id,
        name=name,
        subject_id=subject,
        subject_name=kind.named(session, subject, by),
        locale=wanted.language,
        parameters={"asked_by": by.name, "subscribers": {one.address: str(one.id) for one in to}},
        recipients=[*(_address(session, given) for given in wanted.recipients), *(one.address for one in to)],
        state="queued",
        created_by=by.id,
        created_at=clock.now(),
    )
    session.add(run)
    session.flush()
    after = {"report": name, "subject": subject, "recipients": len(run.recipients)}
    trail.record(session, by, "report.asked", ("report", run.id), after=after)
    enqueue_after_commit(session, RUN_REPORT, by.organisation_id, run.id)
    return run


def _address(session: Session, given: str) -> str:
    address = normal_email(given)
    if address is None:
        raise Invalid.field("recipients", mark("“%(address)s” is not an e-mail address."), address=given)
    if not deliver.is_allowed(session, address):
        raise Invalid.field(
            "recipients",
            mark("Nothing is mailed to %(address)s from here: it is not on the allow-list of this test system."),
            address=address,
        )
    return address


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
    made = catalogue.kind_of(run.name).make(session, run.subject_id, run.locale) if run.subject_id else None
    if made is None:
        run.state, run.failure, run.finished_at = "failed", "gone", clock.now()
        return
    store, run.state, run.finished_at = Files(settings_of(session), run.organisation_id), "completed", clock.now()
    kept = {kind: store.write(content) for kind, content in made.files.items()}
    for kind, checksum in kept.items():
        session.add(
            ReportFile(
                organisation_id=run.organisation_id,
                run_id=run.id,
                kind=kind,
                checksum=checksum,
                made_at=run.finished_at,
            )
        )
    values: dict[str, object] = {
        "summary": made.summary,
        "moment": i18n.moment(run.finished_at, run.locale, ZoneInfo(organisation_of(session).timezone)),
        "person": made.owner or run.parameters.get("asked_by", ""),
    }
    body = i18n.say(_BODY, values, run.locale)
    _mail(session, run, made.title, body, kept)
    trail.record(session, system(run.organisation_id), "report.made", ("report", run.id), after=kept)


def _mail(session: Session, run: ReportRun, title: str, body: str, kept: Mapping[str, str]) -> None:
    """Post it to everybody; who gets it every time has his own files and a way to leave, and nothing once he left."""
    known = {address: UUID(key) for address, key in run.parameters.get("subscribers", {}).items()}
    for address in run.recipients:
        reader = session.get(Subscriber, known[address]) if address in known else None
        if reader and reader.left_at:
            continue
        files = [
            Attachment(_file_name(run, kind), checksum, TYPES[kind])
            for kind, checksum in kept.items()
            if reader is None or kind in reader.formats
        ]
        url = subscribers.link(session, reader) if reader else None
        said = body if url is None else f"{body}\n\n{i18n.say(_LEAVE, {'url': url}, run.locale)}"
        post(session, address, title, said, source=("report", run.id), attachments=files, leave_url=url)


def get(session: Session, run_id: UUID, *, by: Actor) -> ReportRun:
    """One run. Raises NotFound, Forbidden."""
    require(by, "reports:read")
    run = rows.one(session, ReportRun, run_id, mark("There is no such report."))
    for permission in catalogue.kind_of(run.name).reads:
        require(by, permission)
    return run


def listed(session: Session, page: Ask, *, by: Actor, subject_id: UUID | None = None) -> Page[ReportRun]:
    """A page of the runs this actor may read, newest first; of one campaign or one run of a month when asked."""
    require(by, "reports:read")
    query = select(ReportRun).where(ReportRun.name.in_(catalogue.readable(by)))
    if subject_id:
        query = query.where(ReportRun.subject_id == subject_id)
    return fetch(session, query, [ReportRun.__table__.c.id], page, descending=True)


def files(session: Session, reports: Iterable[ReportRun], *, by: Actor) -> dict[UUID, dict[str, str]]:
    """The checksums of the files of some reports, by their kind."""
    require(by, "reports:read")
    found: dict[UUID, dict[str, str]] = {run.id: {} for run in reports}
    for row in _files(session, list(found)):
        found[row.run_id][row.kind] = row.checksum
    return found


def download(session: Session, run_id: UUID, kind: str, *, by: Actor) -> tuple[bytes, str, str]:
    """A report's file: bytes, media type, name. The download is audited. Raises NotFound, Forbidden."""
    run = get(session, run_id, by=by)
    checksum = {row.kind: row.checksum for row in _files(session, [run.id])}.get(kind)
    if checksum is None:
        raise NotFound(mark("This report has no such file."))
    trail.record(session, by, "report.downloaded", ("report", run.id), after={"kind": kind})
    return Files(settings_of(session), run.organisation_id).read(checksum), TYPES[kind], _file_name(run, kind)


def _files(session: Session, run_ids: Sequence[UUID]) -> list[ReportFile]:
    query = select(ReportFile).where(ReportFile.run_id.in_(run_ids)).order_by(ReportFile.kind.desc())
    return list(session.execute(query).scalars())


def _file_name(run: ReportRun, kind: str) -> str:
    """Says what it is about and which day, in any alphabet; the program that verifies a pack has its own name."""
    if kind == "py":
        return "verify.py"
    subject = re.sub(r"[^\w]+", "-", run.subject_name or "").strip("-")[:60] or run.name
    return f"{subject}-{run.created_at:%Y-%m-%d}.{kind}"
