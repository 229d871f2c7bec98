"""Door of the campaigns: launch."""

from uuid import UUID

from app.domain.campaigns import launch as campaign_launch
from jobs.lanes import lane
from jobs.runtime import runtime


@lane
def launch(organisation_id: UUID, campaign_id: UUID) -> None:
    """Turn an approved campaign into messages."""
    with runtime().unit(organisation_id) as session:
        campaign_launch.launch(session, campaign_id)
