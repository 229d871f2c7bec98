"""Whatever takes an actor asks what he may, before it does or tells anything: the second lock behind every route's own."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from uuid import uuid4

import pytest

from app.core.actor import Actor
from app.core.errors import Forbidden

ROOT = Path(__file__).parents[2]
OWN = "what is the actor's own needs no permission"
SHOWN = "shows of each thing what the actor may see, and nothing to whoever may see nothing"
DECIDED = "the request that is decided names the permission, and decisions.approve asks for it"
CALLER = "a step of verbs that have asked"
VERB = "the verb of its life names the permission, and it asks for that"
# What takes an actor and does not begin with asking what he may.
OTHERWISE = {
    "access.keys:listed": OWN,
    "access.keys:revoke": OWN,
    "access.login:change_password": OWN,
    "access.sessions:revoke": OWN,
    "access.users:set_preferences": OWN,
    "access.users:not_alone": CALLER,
    "approvals.changes:approve": DECIDED,
    "approvals.changes:propose": CALLER,
    "approvals.decisions:approve": DECIDED,
    "approvals.decisions:blocked_reason": SHOWN,
    "approvals.decisions:decides": SHOWN,
    "approvals.decisions:possible": SHOWN,
    "approvals.decisions:reject": DECIDED,
    "approvals.decisions:submit": CALLER,
    "approvals.decisions:waiting_for": SHOWN,
    "approvals.decisions:withdraw": OWN,
    "approvals.rights:carry_out": DECIDED,
    "approvals.rights:grant_key": DECIDED,
    "approvals.settings:carry_out_calendar": DECIDED,
    "approvals.settings:carry_out_organisation": DECIDED,
    "audit.trail:record": CALLER,
    "calendar.hours:keep": CALLER,
    "campaigns.possible:blocked_reason": SHOWN,
    "campaigns.possible:possible": SHOWN,
    "bank.files:carry_out": DECIDED,
    "bank.programmes:carry_out": DECIDED,
    "bank.release:carry_out_resume": DECIDED,
    "reports.subscribers:carry_out": DECIDED,
    "bank.review:blocked_reason": SHOWN,
    "bank.review:possible": SHOWN,
    "campaigns.resuming:carry_out": DECIDED,
    "consent.reopening:carry_out_grant": DECIDED,
    "consent.reopening:carry_out_lift": DECIDED,
    "contacts.recipients:carry_out": DECIDED,
    "content.library:possible": SHOWN,
    "events.page_keys:get": OWN,
    "events.page_keys:make": CALLER,
    "events.page_keys:serve": OWN,
    "flows.destinations:carry_out": DECIDED,
    "flows.possible:blocked_reason": SHOWN,
    "flows.possible:possible": SHOWN,
    "flows.resuming:carry_out": DECIDED,
    "messages.replies:words": SHOWN,
    "providers.changes:carry_out": DECIDED,
    "bank.qualification:moved": VERB,
    "reports.catalogue:readable": SHOWN,
    "reports.dashboard:board": SHOWN,
    "reports.finding:find": SHOWN,
    "reports.naming:names": SHOWN,
    "reports.work:listed": SHOWN,
    "segments.library:possible": SHOWN,
    "segments.library:revealed": SHOWN,
    "timeline.history:may_see": SHOWN,
}


def taking_an_actor() -> Iterator[str]:
    """Every public function of the domain with a parameter `by`, as noun.module:name."""
    for path in sorted((ROOT / "app/domain").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT / "app/domain").with_suffix("").parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _takes_an_actor(node):
                yield f"{module}:{node.name}"


def _takes_an_actor(node: ast.FunctionDef) -> bool:
    return any(argument.arg == "by" for argument in (*node.args.args, *node.args.kwonlyargs))


def ask(place: str) -> str:
    """What becomes of a call by somebody who may do nothing: "refused", or what happened instead."""
    module, _, name = place.partition(":")
    function = getattr(import_module(f"app.domain.{module}"), name)
    nobody = Actor(uuid4(), "user", uuid4(), "Nobody")
    given: dict[str, Any] = {
        parameter.name: nobody if parameter.name == "by" else MagicMock(name=parameter.name)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty or parameter.name == "by"
    }
    try:
        answer = function(**given)
        if inspect.isgenerator(answer):
            next(answer)
    except Forbidden:
        return "refused"
    except Exception as broke:  # noqa: BLE001 - the answers of a mock break it in many ways
        return f"{type(broke).__name__}: {broke}"[:120]
    return "passed"


@pytest.mark.parametrize("place", list(taking_an_actor()))
def test_nobody_passes_who_may_do_nothing(place: str) -> None:
    answer = ask(place)
    if place in OTHERWISE:
        assert answer != "refused", "it asks by now: take it out of the list"
    else:
        assert answer == "refused"


def test_the_exceptions_are_there() -> None:
    assert set(OTHERWISE) <= set(taking_an_actor())
