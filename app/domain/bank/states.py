"""The life of a run: what may happen in which state, and what follows."""

from app.core.errors import Conflict, mark

_LIFE: dict[str, dict[str, str]] = {
    "check": {"calculated": "calculated"},
    "submit": {"calculated": "in_review"},
    "withdraw": {"in_review": "calculated", "approved": "calculated"},
    "approve": {"in_review": "approved"},
    "reject": {"in_review": "calculated"},
    "release": {"approved": "released"},
    "plan": {"approved": "approved"},
    "call_off": {"approved": "approved"},
    "pause": {"released": "paused"},
    "resume": {"paused": "released"},
    "complete": {"released": "completed"},
}
NEEDS = {
    "check": "bank:write",
    "submit": "bank:write",
    "withdraw": "bank:write",
    "approve": "bank:approve",
    "reject": "bank:approve",
    "release": "bank:release",
    "plan": "bank:release",
    "call_off": "bank:stop",
    "pause": "bank:stop",
    "resume": "bank:stop",
}
DECIDED = ("approved", "released", "paused", "completed")
GIVES_WAY = ("calculated", "in_review", "approved")  # to a newer version of the same month


def after(state: str, verb: str) -> str:
    """The state that follows; raises Conflict when the verb is not possible now."""
    try:
        return _LIFE[verb][state]
    except KeyError:
        raise Conflict(
            mark("The run is “%(state)s” now, so this is not possible. Reload the page to see its present state."),
            state=state.replace("_", " ").capitalize(), verb=verb,
        ) from None  # fmt: skip


def possible(state: str) -> frozenset[str]:
    """The verbs that are possible in a state, for whoever may."""
    return frozenset(verb for verb, steps in _LIFE.items() if state in steps and verb in NEEDS)
