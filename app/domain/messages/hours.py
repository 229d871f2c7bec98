"""When marketing may go to whom: the days are the organisation's, the hours are those of the clock where a person is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.domain.calendar.windows import Windows, windows_of
from app.domain.contacts.models import Contact
from app.domain.contacts.zones import zones
from app.domain.messages.models import TEST, Message, Send

NEVER = timedelta(days=1)  # where nothing is allowed in sight, it is looked at again after that


@dataclass(frozen=True)
class Hours:
    """The allowed hours of everybody: `zones` are those of people, the organisation's among them."""

    windows: Windows
    zones: tuple[str, ...]

    def openings(self, moment: datetime) -> dict[str, datetime]:
        """From when on marketing may go out in each zone: the moment itself where it may now. Without those where it never may."""
        found = {zone: self.windows.next_open(moment, zone) for zone in self.zones}
        return {zone: opens for zone, opens in found.items() if opens}

    def is_open(self, moment: datetime) -> bool:
        """True if it may go out to somebody."""
        return moment in self.openings(moment).values()

    def is_open_everywhere(self, moment: datetime) -> bool:
        """True if it may go out to everybody."""
        opens = self.openings(moment)
        return all(opens.get(zone) == moment for zone in self.zones)

    def first(self, moment: datetime) -> datetime | None:
        """From when on it may go out to somebody; None if never."""
        return min(self.openings(moment).values(), default=None)

    def last(self, moment: datetime) -> datetime | None:
        """From when on it has been allowed once to everybody who may ever be written to; None if there is nobody."""
        return max(self.openings(moment).values(), default=None)

    def closes(self, moment: datetime, people: Iterable[str | None]) -> datetime:
        """When the first of the windows closes that are open now for people of these zones; at once where one is not."""
        return min((self.windows.closes_at(moment, zone) or moment for zone in set(people)), default=moment)

    def claim(self, moment: datetime) -> dict[str, Any]:
        """The hours as the statement that claims takes them."""
        opens = self.openings(moment)
        return {
            "zone": self.windows.zone,
            "zones": list(self.zones),
            "opens": [opens.get(zone, moment + NEVER) for zone in self.zones],
        }


NO_HOURS: dict[str, Any] = {"zone": "", "zones": [], "opens": []}


def hours_of(session: Session) -> Hours:
    """The allowed hours of everybody of the session's organisation."""
    windows = windows_of(session)
    return Hours(windows, tuple(sorted({windows.zone, *zones(session)})))


def keeps_hours(send: Send) -> bool:
    """True if a send waits for the allowed hours: marketing does; a test goes to colleagues who wait for it."""
    return send.message_class == "marketing" and send.source_kind != TEST


def begins(session: Session, message_class: str, moment: datetime) -> datetime:
    """From when on everybody could have been reached by what is sent at a moment: its time to go out counts from then."""
    return (hours_of(session).last(moment) if message_class == "marketing" else None) or moment


@dataclass(frozen=True)
class Waiting:
    """What a message waits for: by the clock where its person is it is `now`, and nothing goes out there `until` then."""

    zone: str
    now: datetime
    until: datetime


def waiting(session: Session, message: Message, send: Send) -> Waiting | None:
    """Why marketing was not sent yet, by the clock where its person is; None if nothing keeps it."""
    person = session.get(Contact, message.contact_id)
    if message.state != "queued" or person is None or not keeps_hours(send):
        return None
    windows, now = windows_of(session), clock.now()
    there = windows.place(person.timezone)
    until = windows.next_open(max(now, message.due_at), there.key)
    return Waiting(there.key, now.astimezone(there), until.astimezone(there)) if until and until > now else None
