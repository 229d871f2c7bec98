"""A bank whose staff draw flows."""

import pytest
from sqlalchemy.orm import Session

from app.domain.access.models import Organisation
from tests.domain.flows.journeys import Bank


@pytest.fixture
def bank(session: Session, organisation: Organisation) -> Bank:
    """Its people, a text, a segment."""
    return Bank(session)
