"""Every noun of the product, gathered once, from the bottom of the ladder to its top (core/nouns.py)."""

from app.core import nouns
from app.domain.access import declaration as _access
from app.domain.approvals import declaration as _approvals
from app.domain.audit import declaration as _audit
from app.domain.bank import declaration as _bank
from app.domain.calendar import declaration as _calendar
from app.domain.campaigns import declaration as _campaigns
from app.domain.consent import declaration as _consent
from app.domain.contacts import declaration as _contacts
from app.domain.content import declaration as _content
from app.domain.events import declaration as _events
from app.domain.filters import declaration as _filters
from app.domain.flows import declaration as _flows
from app.domain.links import declaration as _links
from app.domain.messages import declaration as _messages
from app.domain.notices import declaration as _notices
from app.domain.outbox import declaration as _outbox
from app.domain.privacy import declaration as _privacy
from app.domain.providers import declaration as _providers
from app.domain.reports import declaration as _reports
from app.domain.segments import declaration as _segments
from app.domain.timeline import declaration as _timeline
from app.domain.transfer import declaration as _transfer

NOUNS = tuple(
    one.NOUN
    for one in (
        _audit,
        _outbox,
        _links,
        _access,
        _filters,
        _notices,
        _calendar,
        _approvals,
        _contacts,
        _consent,
        _events,
        _content,
        _providers,
        _messages,
        _bank,
        _segments,
        _campaigns,
        _flows,
        _transfer,
        _reports,
        _timeline,
        _privacy,
    )
)
nouns.declare(*NOUNS)
