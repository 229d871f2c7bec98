"""What the doors may do: ask the domain, in somebody's name; where nobody's name is given, the reason stands here."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.test_permissions import ROOT

DOORS = ("web", "api", "http")
# Of SQLAlchemy, a door knows the types that domain functions take and give, and the errors it answers.
TYPES = {"Select", "Row", "Session", "DataError", "IntegrityError", "OperationalError", "SQLAlchemyError"}

SIGN_IN = "nobody is known before it: signing in, or finding whose session, key or link this is"
AT_HAND = "of the session, the key or the person at hand, and of nobody else"
HELD = "of a thing that its caller holds, read in somebody's name or about to be"
LOCK = "locks a row for the change that follows and asks"
PROVED = "a stranger calls: a signature, a token or a link proves what he may"
NAMES = "names and choices that every page draws for whoever is signed in"
BANK = "of the organisation as a whole: fields, hours, language, limits"
SUMS = "counts or looks at a definition or a text that somebody writes, and names nobody"
ACT = "the act that is handed in says who does it, and he is asked what he may"
TAKEN_BACK = "a consent that is taken back is taken back, whoever says so"

# What the doors call of the domain with a session and without an actor, and why that is right.
WITHOUT_AN_ACTOR = {
    "access.idempotency:begin": AT_HAND,
    "access.idempotency:finish": AT_HAND,
    "access.kept:find": AT_HAND,
    "access.kept:forget": AT_HAND,
    "access.kept:keep": SIGN_IN,
    "access.keyring:organisation_of": BANK,
    "access.keyring:vault_of": AT_HAND,
    "access.keys:actor_for": SIGN_IN,
    "access.keys:of_whole": AT_HAND,
    "access.login:enrol_anew": SIGN_IN,
    "access.login:forgive": SIGN_IN,
    "access.login:require_code": SIGN_IN,
    "access.login:try_password": SIGN_IN,
    "access.mfa:enrolment_uri": SIGN_IN,
    "access.mfa:secret_of": SIGN_IN,
    "access.sessions:end": AT_HAND,
    "access.sessions:ended": SIGN_IN,
    "access.sessions:find": SIGN_IN,
    "access.sessions:of_user": AT_HAND,
    "access.sessions:refresh_factor": AT_HAND,
    "access.sessions:start": SIGN_IN,
    "access.users:get": AT_HAND,
    "access.users:names": NAMES,
    "approvals.decisions:deciders": HELD,
    "approvals.decisions:get": HELD,
    "approvals.decisions:of_subject": HELD,
    "approvals.decisions:open_request": BANK,
    "approvals.settings:organisation": BANK,
    "audit.trail:last_change": HELD,
    "bank.balances:latest": BANK,
    "bank.balances:oldest": BANK,
    "bank.outcomes:totals": HELD,
    "bank.outcomes:totals_of": HELD,
    "bank.overrides:of_run": HELD,
    "bank.review:class_of": HELD,
    "bank.review:falls": HELD,
    "calendar.hours:present": BANK,
    "calendar.windows:windows_of": BANK,
    "campaigns.drafts:one_for_update": LOCK,
    "campaigns.drafts:used": HELD,
    "campaigns.plan:goes_at": HELD,
    "campaigns.plan:make": HELD,
    "campaigns.preview:rewritten": HELD,
    "campaigns.resuming:waiting": HELD,
    "consent.ledger:history": HELD,
    "consent.ledger:states": HELD,
    "consent.ledger:states_of": HELD,
    "consent.ledger:withdraw": TAKEN_BACK,
    "consent.suppression:masked": HELD,
    "consent.suppression:of_contact": HELD,
    "contacts.groups:names": NAMES,
    "contacts.groups:of": HELD,
    "contacts.profile:input_of": HELD,
    "contacts.profile:one_for_update": LOCK,
    "contacts.properties:listed": BANK,
    "contacts.search:tags": NAMES,
    "content.checks:check": HELD,
    "content.checks:known_variables": BANK,
    "content.checks:setting": BANK,
    "content.library:as_input": HELD,
    "content.library:compile_texts": SUMS,
    "content.library:current": HELD,
    "content.library:currents": HELD,
    "content.library:languages": HELD,
    "content.library:one_for_update": LOCK,
    "content.library:version_numbered": HELD,
    "content.library:versions": HELD,
    "content.preview:data_for": HELD,
    "content.preview:someone": HELD,
    "flows.destinations:offered": BANK,
    "flows.deciding:decide": ACT,
    "flows.people:decide": ACT,
    "flows.people:move": ACT,
    "flows.people:retry": ACT,
    "flows.people:skip": ACT,
    "flows.people:take_out": ACT,
    "flows.draft_state:approval_of": HELD,
    "flows.draft_state:is_due": HELD,
    "flows.draft_state:is_old": HELD,
    "flows.draft_state:renew_by": HELD,
    "flows.draft_state:newer_texts": HELD,
    "flows.draft_state:running": HELD,
    "flows.drafts:can_travel": HELD,
    "flows.drafts:versions": HELD,
    "flows.moving:versions_by_id": HELD,
    "flows.resuming:waiting": HELD,
    "flows.validation:problems": HELD,
    "flows.validation:hints": HELD,
    "flows.draft_state:is_changed": HELD,
    "flows.by_hand:is_open": HELD,
    "flows.draft_state:of": HELD,
    "flows.drafts:people_in": HELD,
    "flows.moving:waiting": HELD,
    "flows.naming:names": NAMES,
    "links.used_by:users_of": HELD,
    "messages.masked_recipients:of": HELD,
    "messages.receipts:receive": PROVED,
    "messages.replies:receive": PROVED,
    "messages.sends:of_source": HELD,
    "messages.shortlinks:find": PROVED,
    "messages.tracking:clicked": PROVED,
    "messages.tracking:opened": PROVED,
    "messages.tracking:reader": PROVED,
    "messages.tracking:unsubscribed": PROVED,
    "providers.accounts:called": PROVED,
    "reports.subscribers:by_link": PROVED,
    "reports.subscribers:left_by_link": PROVED,
    "reports.subscribers:programme_of": PROVED,
    "segments.check:check": SUMS,
    "segments.encryption:readable": HELD,
    "segments.fields:catalogue": BANK,
    "segments.library:definition_of": HELD,
    "segments.library:one_for_update": LOCK,
    "segments.membership:audience": HELD,
    "segments.membership:count": SUMS,
    "segments.membership:numbers": SUMS,
    "segments.membership:sample": SUMS,
    "segments.suggestions:event_names": SUMS,
    "segments.suggestions:event_properties": SUMS,
    "segments.suggestions:of": SUMS,
    "segments.suggestions:unheard": SUMS,
    "segments.suggestions:unknown": SUMS,
    "segments.versions:between": HELD,
    "segments.versions:changes": HELD,
    "segments.versions:definition_of": HELD,
    "transfer.badrows:reasons": HELD,
    "transfer.imports:discard": HELD,
    "transfer.imports:may_demonstrate": BANK,
    "transfer.remembered:keep": HELD,
    "transfer.remembered:options": HELD,
}


def doors() -> Iterator[Path]:
    for door in DOORS:
        yield from sorted((ROOT / "app" / door).rglob("*.py"))


def domain() -> dict[str, set[str]]:
    """Every public function of the domain with the names of its parameters."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "app/domain").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT / "app/domain").with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found[f"{module}:{node.name}"] = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
    return found


def called(path: Path) -> Iterator[str]:
    """The functions of the domain that a file names."""
    tree = ast.parse(path.read_text())
    known: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app.domain."):
            home = (node.module or "").removeprefix("app.domain.")
            known |= {one.asname or one.name: (home, one.name) for one in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield f"{'.'.join(known[node.value.id])}:{node.attr}"
        elif isinstance(node, ast.Name) and node.id in known:
            yield ":".join(known[node.id])


def test_what_is_asked_in_nobodys_name_has_a_reason() -> None:
    known = domain()
    asked = {
        one for path in doors() for one in called(path) if "session" in known.get(one, ()) and "by" not in known[one]
    }
    assert asked - set(WITHOUT_AN_ACTOR) == set(), "give it `by`, or the reason here"
    assert set(WITHOUT_AN_ACTOR) - asked == set(), "nobody calls these any more"


def test_doors_know_no_sql() -> None:
    for path in doors():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                assert {one.name for one in node.names} <= TYPES, path
            if isinstance(node, ast.Attribute) and node.attr in ("execute", "scalars", "scalar", "get_one"):
                assert "session" not in ast.unparse(node.value), path
