"""What reports call things, marked for translation."""

from app.core import i18n
from app.core.errors import mark

GATE = {
    "days_complete": mark("Days that have been taken"),
    "coverage": mark("Days with a value, in per cent, of customers who have any"),
    "bad_format": mark("Records that are no numbers, in per cent"),
    "conflicts": mark("Records that contradict each other"),
    "worst_day": mark("Customers with a value on the worst day, in per cent"),
    "calendar_decided": mark("The calendar of this year has been decided on"),
    "restrictions_fresh": mark("Hours since the last whole list of restrictions"),
    "mean_shift": mark("Mean balance, moved since the month before, in per cent"),
    "qualified_band": mark("Share of the qualified, away from the mean of the last months, in points"),
    "population_drift": mark("Number of customers, moved since the month before, in per cent"),
    "phones": mark("Customers with a number that takes SMS, in per cent"),
}

VERDICT = {"pass": mark("Passed"), "warn": mark("Look at it"), "block": mark("A person had to look")}

OUTCOME = {
    "customers": mark("Looked at"),
    "qualified": mark("Qualified"),
    "not_qualified": mark("Not qualified"),
    "indeterminate": mark("Indeterminate"),
    "overridden": mark("Overridden by a person"),
}

WHY = {
    "below_1": mark("Below on one day"),
    "below_few": mark("Below on 2 to 5 days"),
    "below_many": mark("Below on 6 days or more"),
    "missing_1": mark("One day without a value"),
    "missing_few": mark("2 to 5 days without a value"),
    "missing_many": mark("6 days or more without a value"),
    "opened": mark("Came to the bank in the month"),
    "overridden": mark("By the word of a person"),
}

MOVED = {"gained": mark("New in %(month)s"), "stayed": mark("In both months"), "dropped": mark("Only in %(month)s")}

FATE = {
    "handed_over": mark("Handed over"),
    "waiting": mark("Waiting"),
    "in_doubt": mark("In doubt"),
    "not_yet": mark("Not come to yet"),
}

SENT = {
    "to_send": mark("To be sent"),
    "handed_over": mark("Handed over"),
    "delivered": mark("Delivered"),
    "failed": mark("Did not arrive"),
    "no_word": mark("No receipt yet"),
    "waiting": mark("Waiting"),
    "in_doubt": mark("In doubt"),
    "taken_back": mark("Taken back"),
}

RUN_STATE = {
    "calculated": mark("Under review"),
    "superseded": mark("Superseded"),
    "in_review": mark("In review"),
    "approved": mark("Approved"),
    "released": mark("Released"),
    "paused": mark("Paused"),
    "completed": mark("Completed"),
}

FILE = {"xlsx": mark("Excel"), "pdf": mark("PDF"), "zip": mark("Pack (ZIP)"), "py": mark("Program that verifies it")}


class Words:
    """Messages in a report's language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def __call__(self, message: str, **values: object) -> str:
        return i18n.say(message, values or None, self.locale)

    def number(self, value: int) -> str:
        return i18n.number(value, self.locale)
