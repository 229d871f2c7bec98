"""What reports brings to the house: the numbers."""

from sqlalchemy import func

from app.core.errors import mark
from app.core.nouns import Consumer, MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.bank.happenings import QualificationCompleted
from app.domain.reports import by_itself, counted, models, runs, subscribers
from app.domain.reports.models import ReportRun

NOUN = Noun(
    name="reports",
    models=models,
    pages=("dashboard", "reports", "search"),
    calls=("dashboard", "reports"),
    menu=(
        MenuEntry("", 10, mark("Dashboard"), "layout-dashboard", "dashboard.index"),
        MenuEntry(mark("Messaging"), 60, mark("Reports"), "chart-bar", "reports.index", "reports:read"),
    ),
    permissions={
        "reports:read": Permission(mark("See reports"), EVERYBODY),
        "reports:run": Permission(mark("Make reports"), ("admin", "marketer", "bank_officer")),
    },
    acts={
        "report.asked": mark("Asked for a report"),
        "report.downloaded": mark("Downloaded a report"),
        "report.made": mark("A report was made"),
        "report.subscribed": mark("Let somebody get the report of the months"),
        "report.left": mark("Left the report of the months"),
        "report_subscriber.submitted": mark("Asked to get the report of the months"),
        "report_subscriber.approved": mark("Approved who gets the report of the months"),
        "report_subscriber.rejected": mark("Refused who gets the report of the months"),
        "report_subscriber.withdrawn": mark("Took a wish for the report back"),
    },
    subjects={
        "report": Subject(
            mark("Report"),
            name=(ReportRun.id, func.coalesce(ReportRun.subject_name, ReportRun.name)),
            permission="reports:read",
        ),
        subscribers.SUBJECT: Subject(mark("Recipient of a report")),
    },
    decides={subscribers.SUBJECT: subscribers.carry_out},
    hears=(Consumer("reports.month", QualificationCompleted, by_itself.on_completed),),
    jobs=(runs.RUN_REPORT,),
    waits=(Waiting(runs.RUN_REPORT, runs.waiting),),
    upkeep=(by_itself.finish, counted.forget),
)
