"""What reports call things, marked for translation."""

from app.core import i18n
from app.core.errors import mark

CHANNEL = {"sms": mark("SMS"), "email": mark("E-mail")}

STATE = {
    "queued": mark("Waiting"),
    "sending": mark("On the wire"),
    "in_doubt": mark("In doubt"),
    "sent": mark("Handed over, no receipt yet"),
    "delivered": mark("Delivered"),
    "undeliverable": mark("Undeliverable"),
    "failed": mark("Failed"),
    "skipped": mark("Skipped"),
    "cancelled": mark("Cancelled"),
    "expired": mark("Out of date"),
}

REASON = {
    "no_consent": mark("No consent"),
    "restricted": mark("Restricted by the core bank"),
    "suppressed": mark("Suppressed address"),
    "restriction_feed_stale": mark("Restrictions of the core bank are older than a day"),
    "frequency_cap": mark("Had as much marketing as is allowed"),
    "no_address": mark("No address"),
    "not_mobile": mark("Not a mobile number"),
    "duplicate_address": mark("Same address as somebody else"),
    "already_told": mark("Told of this month already"),
    "erased": mark("Erased"),
    "deleted": mark("Deleted"),
    "address_changed": mark("Address changed meanwhile"),
    "text_failed": mark("The text could not be made"),
    "cancelled": mark("Cancelled"),
    "expired": mark("Out of date"),
    "invalid_number": mark("Invalid number or address"),
    "timeout": mark("No answer from the network"),
    "quota_exceeded": mark("Quota exceeded"),
    "undeliverable": mark("Undeliverable"),
    "provider_error": mark("Provider error"),
    "opted_out": mark("Opted out"),
    "filtered": mark("Filtered"),
    "bounced": mark("Bounced"),
    "no_confirmation": mark("No confirmation within 72 hours"),
}

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


class Words:
    """Messages in a report's language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def __call__(self, message: str, **values: object) -> str:
        return i18n.say(message, values or None, self.locale)

    def number(self, value: int) -> str:
        return i18n.number(value, self.locale)
