"""The life of a campaign: what may happen in which state, and what follows."""

from app.core.errors import Conflict, mark

STATES = (
    "draft", "in_review", "approved", "scheduled", "running", "paused", "completed", "cancelled", "failed",
)  # fmt: skip

_LIFE: dict[str, dict[str, str]] = {
    "edit": {"draft": "draft", "in_review": "draft", "approved": "draft", "scheduled": "draft", "failed": "draft"},
    "withdraw": {"in_review": "draft", "approved": "draft", "scheduled": "draft"},
    "submit": {"draft": "in_review"},
    "approve": {"in_review": "approved"},
    "reject": {"in_review": "draft"},
    "schedule": {"approved": "scheduled"},
    "launch": {"approved": "running", "scheduled": "running"},
    "pause": {"running": "paused"},
    "resume": {"paused": "running"},
    "cancel": {
        "draft": "cancelled", "in_review": "cancelled", "approved": "cancelled", "scheduled": "cancelled",
        "running": "cancelled", "paused": "cancelled",
    },
    "ask_again": {"approved": "in_review", "scheduled": "in_review"},
    "complete": {"running": "completed"},
    "fail": {"approved": "failed", "scheduled": "failed", "running": "failed"},
}  # fmt: skip


# What a person needs for each verb; what is not here nobody does by hand.
NEEDS = {
    "edit": "campaigns:write",
    "clone": "campaigns:write",
    "submit": "campaigns:write",
    "withdraw": "campaigns:write",
    "send": "campaigns:write",
    "approve": "campaigns:approve",
    "reject": "campaigns:approve",
    "pause": "campaigns:stop",
    "resume": "campaigns:stop",
    "cancel": "campaigns:stop",
}


def after(state: str, verb: str) -> str:
    """The state that follows; raises Conflict when the verb is not possible now."""
    try:
        return _LIFE[verb][state]
    except KeyError:
        raise Conflict(
            mark("The campaign is “%(state)s” now, so this is not possible. Reload the page to see its present state."),
            state=state.replace("_", " ").capitalize(), verb=verb,
        ) from None  # fmt: skip


def possible(state: str) -> frozenset[str]:
    """The verbs that are possible in a state; a copy can be made in any."""
    again = {"send"} if state == "approved" else set()
    return frozenset({verb for verb, steps in _LIFE.items() if state in steps} | again | {"clone"})
