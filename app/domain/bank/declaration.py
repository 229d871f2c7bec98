"""What bank brings to the house: the month in which customers qualify."""

from app.core.errors import mark
from app.core.nouns import Consumer, Filtered, MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.bank import balances, files, models, planned, programmes, qualification, release, restrictions
from app.domain.bank.happenings import (
    BalancesVerified,
    QualificationApproved,
    QualificationCalculated,
    QualificationCompleted,
    QualificationReleased,
)
from app.domain.bank.models import OUTCOMES, BalanceFile, Programme
from app.domain.bank.outcomes import SHOWN
from app.domain.messages.sends import SendDrained

READERS = tuple(role for role in EVERYBODY if role != "viewer")

NOUN = Noun(
    name="bank",
    models=models,
    pages=("bank", "restrictions"),
    calls=("bank", "restrictions"),
    menu=(
        MenuEntry(mark("Bank"), 10, mark("Qualification"), "building-bank", "bank.index", "bank:read"),
        MenuEntry(mark("Bank"), 40, mark("Restrictions"), "ban", "restrictions.index", "bank:read"),
    ),
    permissions={
        "bank:read": Permission(mark("See balances and who qualified"), READERS),
        "bank:write": Permission(mark("Take balances, run months, change programmes"), ("bank_officer",)),
        "bank:approve": Permission(mark("Approve who qualified"), ("admin",), by_name=True),
        "bank:release": Permission(
            mark("Release an approved month: tell those who qualified"), ("admin",), by_name=True
        ),
        "bank:stop": Permission(
            mark("Stop a release, and ask for it to go on"), ("owner", "admin", "bank_officer", "operator")
        ),
    },
    acts={
        "balance_file.received": mark("Received a file of balances over the signed channel"),
        "balance_file.refused": mark("A file of balances was refused"),
        "balance_file.submitted": mark("Handed in a file of balances"),
        "balance_file.taken": mark("A file of balances was taken"),
        "balance_file.approved": mark("Let a file of balances in"),
        "balance_file.rejected": mark("Refused a file of balances"),
        "balance_file.withdrawn": mark("Took a file of balances back"),
        "balances.asked": mark("Asked for balances"),
        "programme.created": mark("Created a programme"),
        "programme.changed": mark("Changed a programme"),
        "run.approved": mark("Approved who qualified"),
        "restrictions.asked": mark("Asked for the restrictions of the core bank"),
        "run.asked": mark("Asked for the calculation of a month"),
        "run.calculated": mark("Calculated the month"),
        "run.checked": mark("Checked a customer of the sample by hand"),
        "run.completed": mark("Everybody of the month was told"),
        "run.messages_made": mark("The messages of the month were made"),
        "run.overridden": mark("Put his word against an outcome"),
        "run.override_withdrawn": mark("Took an override back"),
        "run.paused": mark("Stopped the release"),
        "run.rejected": mark("Sent the month back"),
        "run.release_called_off": mark("Called the planned release off"),
        "run.release_planned": mark("Planned the release of the month"),
        "run.release_refused": mark("The planned release did not begin"),
        "run.released": mark("Released the month"),
        "run.resumed": mark("Let the release go on"),
        "run.submitted": mark("Submitted the month for approval"),
        "run.withdrawn": mark("Took the month back from approval"),
    },
    subjects={
        "balance_file": Subject(
            mark("File of balances"), name=(BalanceFile.id, BalanceFile.name), permission="bank:read"
        ),
        "balances": Subject(mark("Balances")),
        "programme": Subject(mark("Programme"), name=(Programme.id, Programme.name), permission="bank:read"),
        "restrictions": Subject(mark("Restrictions")),
        "run": Subject(mark("Run"), page=("bank.show", "run_id")),
        "resume_run": Subject(mark("Run")),
    },
    lists={"bank.outcomes": Filtered("bank:read", {"outcome": OUTCOMES, "which": SHOWN})},
    decides={
        files.SUBJECT: files.carry_out,
        "programme": programmes.carry_out,
        release.RESUME: release.carry_out_resume,
    },
    jobs=(balances.TAKE_DAY, files.LOAD_FILE, qualification.CALCULATE, release.RELEASE, restrictions.TAKE),
    kinds=(
        BalancesVerified,
        QualificationCalculated,
        QualificationApproved,
        QualificationReleased,
        QualificationCompleted,
    ),
    hears=(Consumer("bank.drained", SendDrained, release.on_drained),),
    waits=(
        Waiting(balances.TAKE_DAY, balances.is_due),
        Waiting(restrictions.TAKE, restrictions.is_due),
        Waiting(qualification.CALCULATE, qualification.waiting),
        Waiting(files.LOAD_FILE, files.waiting),
        Waiting(release.RELEASE, release.waiting),
    ),
    sweeps=(balances.schedule, qualification.schedule, restrictions.schedule, planned.begin),
)
