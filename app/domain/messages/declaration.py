"""What messages brings to the house: every message of the product."""

from functools import partial

from app.core.errors import mark
from app.core.nouns import Consumer, MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.calendar.hours import HoursChanged
from app.domain.contacts.profile import ContactsChanged
from app.domain.messages import create_messages, models, polling, receipts, reconcile, sends

NOUN = Noun(
    name="messages",
    models=models,
    pages=("messages", "replies", "public"),
    calls=("messages", "replies", "inbound"),
    menu=(
        MenuEntry(mark("Messaging"), 40, mark("Messages"), "messages", "messages.index", "messages:read"),
        MenuEntry(mark("Messaging"), 50, mark("Replies"), "message-2", "replies.index", "messages:read"),
    ),
    permissions={
        "messages:read": Permission(mark("See messages"), EVERYBODY),
        "messages:operate": Permission(mark("Settle messages in doubt, see to failures"), ("operator",)),
    },
    acts={
        "failures.handled": mark("Saw to messages that failed for good"),
        "message.resolved_again": mark("Decided that a message in doubt is sent again"),
        "message.resolved_sent": mark("Decided that a message in doubt was sent"),
        "replies.read": mark("Read replies"),
        "reply.handled": mark("Saw to a reply"),
    },
    subjects={
        "failures": Subject(mark("Failures")),
        "message": Subject(mark("Message"), page=("messages.show", "message_id")),
    },
    jobs=(
        *sends.JOB.values(),
        receipts.APPLY_RECEIPTS,
        reconcile.RECONCILE,
        polling.POLL,
        create_messages.REFRESH_STATISTICS,
    ),
    kinds=(sends.SendDrained,),
    hears=(
        Consumer("messages.hours", HoursChanged, sends.on_hours_changed, once_for_all=True),
        Consumer("messages.zones", ContactsChanged, sends.on_contacts_changed),
    ),
    waits=(
        Waiting(receipts.APPLY_RECEIPTS, receipts.are_waiting),
        Waiting(reconcile.RECONCILE, reconcile.are_waiting),
        Waiting(polling.POLL, polling.are_due),
        *(Waiting(job, partial(sends.is_due, channel=channel)) for channel, job in sends.JOB.items()),
    ),
    sweeps=(reconcile.doubt_abandoned, sends.expire_late, sends.cancel_stopped, sends.close_drained, polling.schedule),
)
