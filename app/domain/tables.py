"""Every table of the product, imported once for migrations and for the security that is made from them."""

from sqlalchemy import Table

from app.core.db import Base
from app.domain.access import models as _access
from app.domain.approvals import models as _approvals
from app.domain.audit import models as _audit
from app.domain.calendar import models as _calendar
from app.domain.campaigns import models as _campaigns
from app.domain.consent import models as _consent
from app.domain.contacts import models as _contacts
from app.domain.content import models as _content
from app.domain.links import models as _links
from app.domain.messages import models as _messages
from app.domain.notices import models as _notices
from app.domain.outbox import models as _outbox
from app.domain.providers import models as _providers
from app.domain.reports import models as _reports
from app.domain.segments import models as _segments
from app.domain.transfer import models as _transfer

MODELS = (
    _access, _approvals, _audit, _calendar, _campaigns, _consent, _contacts, _content, _links, _messages, _notices, _outbox,
    _providers, _reports, _segments, _transfer,
)  # fmt: skip

metadata = Base.metadata


def owned() -> list[Table]:
    """The tables that belong to organisations, parents first."""
    return [table for table in metadata.sorted_tables if "organisation_id" in table.c]


def partitioned() -> list[Table]:
    """The tables that are partitioned by month."""
    return [table for table in metadata.sorted_tables if table.dialect_options["postgresql"]["partition_by"]]
