"""The present consent to a channel; nobody who was never asked has either state."""

from typing import Any, ClassVar, Literal

from sqlalchemy import ColumnElement, RowMapping, Select, not_, select

from app.core.db import live
from app.core.errors import mark
from app.domain.consent.models import ConsentState
from app.domain.segments.condition import Condition, Dependencies
from app.domain.segments.context import CompileContext, Predicate, contact
from app.domain.segments.saying import CHANNELS, Names, Said

state = live(ConsentState)
CONSENT = {"granted": mark("was given"), "withdrawn": mark("was withdrawn"), "unknown": mark("was never asked")}


class Consented(Condition):
    """Consent to a channel in a state."""

    kind: Literal["consent"] = "consent"
    channel: Literal["sms", "email"]
    purpose: Literal["marketing"] = "marketing"
    op: Literal["eq", "neq"] = "eq"
    value: Literal["granted", "withdrawn", "unknown"] = "granted"

    has_value: ClassVar[bool] = True

    def compile(self, _around: CompileContext) -> Predicate:
        """Whether the last word of the contact is this one."""
        said = self._of(select(state.c.contact_id), contact.c.id)
        if self.value == "unknown":
            known = said.correlate(contact).exists()
            return known if self.op == "neq" else not_(known)
        found = said.where(state.c.state == self.value).correlate(contact).exists()
        return not_(found) if self.op == "neq" else found

    def held(self, around: CompileContext, row: RowMapping) -> Any:
        """The state of the contact's consent."""
        return around.session.execute(self._of(select(state.c.state), row["id"])).scalar_one_or_none() or "unknown"

    def words(self, _names: Names) -> Said:
        """The channel and the state."""
        values = {"channel": Said(CHANNELS[self.channel]), "state": Said(CONSENT[self.value])}
        if self.op == "neq":
            return Said(mark("for consent to %(channel)s it is not so that it %(state)s"), values)
        return Said(mark("consent to %(channel)s %(state)s"), values)

    @property
    def needs(self) -> Dependencies:
        """Consent."""
        return Dependencies(consent=True)

    def _of(self, query: Select[Any], whose: ColumnElement[Any] | Any) -> Select[Any]:
        return query.where(
            state.c.contact_id == whose, state.c.channel == self.channel, state.c.purpose == self.purpose
        )
