"""The life of a flow: what may happen in which state, and what follows.

A flow that runs may have a draft beside it, which is submitted and decided as if the flow had never run (draft_state.py).
"""

from app.core.errors import Conflict, mark

STATES = ("draft", "in_review", "approved", "active", "paused", "archived")
BEGUN = ("active", "paused")

_LIFE: dict[str, dict[str, str]] = {
    "edit": {"draft": "draft", "in_review": "draft", "approved": "draft", "active": "active", "paused": "paused"},
    "submit": {"draft": "in_review"},
    "withdraw": {"in_review": "draft", "approved": "draft"},
    "approve": {"in_review": "approved"},
    "reject": {"in_review": "draft"},
    "activate": {"approved": "active"},
    "pause": {"active": "paused"},
    "resume": {"paused": "active"},
    "archive": {"draft": "archived", "in_review": "archived", "approved": "archived", "active": "archived",
                "paused": "archived"},
    "restore": {"archived": "draft"},
}  # fmt: skip

# What a person needs for each verb.
NEEDS = {
    "edit": "flows:write",
    "copy": "flows:write",
    "submit": "flows:write",
    "withdraw": "flows:write",
    "activate": "flows:write",
    "archive": "flows:write",
    "restore": "flows:write",
    "approve": "flows:approve",
    "reject": "flows:approve",
    "pause": "flows:stop",
    "resume": "flows:stop",
}


def after(state: str, verb: str) -> str:
    """The state that follows; raises Conflict when the verb is not possible now."""
    try:
        return _LIFE[verb][state]
    except KeyError:
        raise Conflict(
            mark("The flow is “%(state)s” now, so this is not possible. Reload the page to see its present state."),
            state=state.replace("_", " ").capitalize(), verb=verb,
        ) from None  # fmt: skip


def possible(state: str) -> frozenset[str]:
    """The verbs that are possible in a state; a copy can be made in any."""
    return frozenset({verb for verb, steps in _LIFE.items() if state in steps} | {"copy"})
