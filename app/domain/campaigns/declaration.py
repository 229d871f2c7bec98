"""What campaigns brings to the house: what is sent once to many."""

from app.core.errors import mark
from app.core.nouns import Consumer, MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.campaigns import launch, lifecycle, models, resuming
from app.domain.campaigns.models import Campaign
from app.domain.messages.sends import SendDrained

NOUN = Noun(
    name="campaigns",
    models=models,
    pages=("campaigns",),
    calls=("campaigns",),
    menu=(MenuEntry(mark("Messaging"), 20, mark("Campaigns"), "mail", "campaigns.index", "campaigns:read"),),
    permissions={
        "campaigns:read": Permission(mark("See campaigns"), EVERYBODY),
        "campaigns:write": Permission(mark("Write campaigns"), ("marketer",)),
        "campaigns:approve": Permission(mark("Approve campaigns"), ("admin",), by_name=True),
        "campaigns:stop": Permission(
            mark("Pause, resume and cancel campaigns"), ("owner", "admin", "marketer", "operator")
        ),
    },
    acts={
        "campaign.approved": mark("Approved the campaign"),
        "campaign.asked_again": mark("Asked for another approval: audience or data changed since the first"),
        "campaign.cancel": mark("Cancelled the campaign"),
        "campaign.changed": mark("Changed the campaign"),
        "campaign.completed": mark("The campaign was completed"),
        "campaign.created": mark("Created the campaign"),
        "campaign.failed": mark("The campaign could not be sent"),
        "campaign.launched": mark("The sending began"),
        "campaign.pause": mark("Paused the campaign"),
        "campaign.rejected": mark("Sent the campaign back"),
        "campaign.resume": mark("Resumed the campaign"),
        "campaign.returned": mark("Returned to its author: it was no longer what was approved"),
        "campaign.submitted": mark("Submitted the campaign for approval"),
        "campaign.withdrawn": mark("Took the campaign back from approval"),
    },
    subjects={
        "campaign": Subject(
            mark("Campaign"),
            page=("campaigns.show", "campaign_id"),
            name=(Campaign.id, Campaign.name),
            permission="campaigns:read",
        ),
        "resume": Subject(mark("Campaign")),
    },
    decides={
        "resume": resuming.carry_out,
    },
    jobs=(lifecycle.LAUNCH,),
    hears=(Consumer("campaigns.drained", SendDrained, lifecycle.on_drained),),
    waits=(Waiting(lifecycle.LAUNCH, launch.due),),
)
