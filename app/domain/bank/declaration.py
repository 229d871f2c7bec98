"""What bank brings to the house: the month in which customers qualify."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.bank import balances, models, programmes, qualification, restrictions
from app.domain.bank.models import Programme

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
    },
    acts={
        "balances.asked": mark("Asked for balances"),
        "programme.created": mark("Created a programme"),
        "programme.changed": mark("Changed a programme"),
        "restrictions.asked": mark("Asked for the restrictions of the core bank"),
        "run.asked": mark("Asked for the calculation of a month"),
    },
    subjects={
        "balances": Subject(mark("Balances")),
        "programme": Subject(mark("Programme"), name=(Programme.id, Programme.name), permission="bank:read"),
        "restrictions": Subject(mark("Restrictions")),
        "run": Subject(mark("Run"), page=("bank.show", "run_id")),
    },
    decides={"programme": programmes.carry_out},
    jobs=(balances.TAKE_DAY, restrictions.TAKE, qualification.CALCULATE),
    waits=(
        Waiting(balances.TAKE_DAY, balances.is_due),
        Waiting(restrictions.TAKE, restrictions.is_due),
        Waiting(qualification.CALCULATE, qualification.waiting),
    ),
    sweeps=(balances.schedule, restrictions.schedule),
)
