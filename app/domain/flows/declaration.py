"""What flows brings to the house: journeys."""

from app.core.errors import mark
from app.core.nouns import Consumer, MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.bank.happenings import QualificationApproved
from app.domain.events import interest
from app.domain.flows import (
    calls,
    destinations,
    drafts,
    health,
    hearing,
    models,
    renewal,
    results,
    resuming,
    runs,
    starts,
    triggers,
)
from app.domain.flows.models import Flow, FlowDestination
from app.domain.messages import told
from app.domain.segments.members import SegmentMoved

interest.answer(hearing.CONSUMER, starts.EXECUTE)
told.answer(starts.EXECUTE)
NOUN = Noun(
    name="flows",
    models=models,
    pages=("flows",),
    calls=("flows",),
    menu=(MenuEntry(mark("Messaging"), 25, mark("Flows"), "sitemap", "flows.index", "flows:read"),),
    permissions={
        "flows:read": Permission(mark("See flows"), EVERYBODY),
        "flows:write": Permission(mark("Draw flows and let approved ones run"), ("marketer",)),
        "flows:approve": Permission(mark("Approve flows"), ("admin",), by_name=True),
        "flows:decide": Permission(mark("Decide about people in flows where one’s role is asked"), EVERYBODY),
        "flows:people": Permission(mark("Move people in flows, take them out"), ("marketer", "operator")),
        "flows:start": Permission(mark("Put people into flows that begin so"), ("marketer", "operator")),
        "flows:stop": Permission(mark("Pause and resume flows"), ("owner", "admin", "marketer", "operator")),
    },
    acts={
        "destination.approved": mark("Approved the destination"),
        "destination.archived": mark("Archived the destination"),
        "destination.created": mark("Registered the destination"),
        "destination.rejected": mark("Refused the destination"),
        "destination.submitted": mark("Asked for approval of the destination"),
        "destination.tested": mark("Called the destination to try it"),
        "destination.withdrawn": mark("Took the destination back from approval"),
        "flow.activated": mark("Let the flow run"),
        "flow.approved": mark("Approved the flow"),
        "flow.archived": mark("Archived the flow"),
        "flow.called": mark("Put people into the flow"),
        "flow.changed": mark("Changed the flow"),
        "flow.created": mark("Created the flow"),
        "flow.pause": mark("Paused the flow"),
        "flow.people": mark("Did something with people in the flow"),
        "flow.rejected": mark("Sent the flow back"),
        "flow.restored": mark("Brought the flow back"),
        "flow.resume": mark("Resumed the flow"),
        "flow.submitted": mark("Submitted the flow for approval"),
        "flow.withdrawn": mark("Took the flow back from approval"),
        "flow_resume.approved": mark("Agreed that the flow goes on"),
        "flow_resume.rejected": mark("Refused that the flow goes on"),
        "flow_resume.submitted": mark("Asked for the flow to go on"),
        "flow_resume.withdrawn": mark("Took the wish that the flow goes on back"),
    },
    subjects={
        drafts.SUBJECT: Subject(
            mark("Flow"), page=("flows.show", "flow_id"), name=(Flow.id, Flow.name), permission="flows:read"
        ),
        resuming.SUBJECT: Subject(mark("Flow")),
        destinations.SUBJECT: Subject(
            mark("Destination"), name=(FlowDestination.id, FlowDestination.name), permission="flows:read"
        ),
    },
    decides={
        resuming.SUBJECT: resuming.carry_out,
        destinations.SUBJECT: destinations.carry_out,
    },
    jobs=(starts.EXECUTE, starts.CALLING),
    hears=(
        Consumer("flows.month_approved", QualificationApproved, triggers.on_month_approved),
        Consumer("flows.segment_moved", SegmentMoved, triggers.on_segment_moved),
    ),
    upkeep=(results.balance, renewal.tell),
    sweeps=(health.pause_failing,),
    waits=(Waiting(starts.EXECUTE, runs.are_due), Waiting(starts.CALLING, calls.are_due)),
)
