"""Users and keys in the browser: made, shut out; a password or a key is shown once."""

import re
from uuid import uuid4

import pyotp
import pytest
from sqlalchemy import select, text

from app.core.actor import system
from app.core.errors import Conflict
from app.core.unit import unit_of_work
from app.domain.access import keys, login, mfa, users
from app.domain.access.models import User
from tests.web.campaigning import Campaigning
from tests.web.pages import Browser
from tests.web.test_campaigns import shown

NEW = {"name": "Nora New", "email": "nora.new@bank.example", "role": "viewer"}


def secret(answer: object) -> str:
    found = re.search(r'<output class="secret"[^>]*>([^<]+)<', answer.get_data(as_text=True))  # type: ignore[attr-defined]
    assert found
    return found.group(1)


def test_a_user_is_made_with_a_first_password_and_shut_out_again(campaigns: Campaigning) -> None:
    owner = campaigns.bank.browser("owner")
    owner.get("/settings/users/new")
    campaigns.grow_stale("owner")
    email = f"nora.{campaigns.bank.organisation_id.hex[-8:]}@bank.example"
    assert owner.post("/settings/users/new", {**NEW, "email": email, "code": "1"}).status_code == 422
    made = owner.post("/settings/users/new", {**NEW, "email": email, "code": campaigns.code("owner")})
    password = secret(made)
    with unit_of_work(campaigns.bank.factory, None) as session:
        user = login.try_password(session, email, password, origin=login.Origin("10.0.0.1")).user
        assert user
    assert "Nora New" in shown(owner.get("/settings/users"))
    taken = owner.post("/settings/users/new", {**NEW, "email": email})
    assert taken.status_code == 422
    assert "This address is taken already" in shown(taken)
    out = owner.post(f"/settings/users/{user.id}/active/0", htmx=True)
    assert "was shut out" in shown(out)
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert login.try_password(session, email, password, origin=login.Origin("10.0.0.1")).user is None


def made(campaigns: Campaigning, role: str = "marketer") -> tuple[str, str]:
    """A user the owner has just made: his address and the first password."""
    owner = campaigns.bank.browser("owner")
    owner.get("/settings/users/new")
    email = f"{uuid4().hex[:12]}@bank.example"
    return email, secret(owner.post("/settings/users/new", {"name": "Nora New", "email": email, "role": role}))


def entered(campaigns: Campaigning, email: str, password: str) -> Browser:
    """Sign in as a person does for the first time: the password, then the authenticator that is set up."""
    browser = Browser(campaigns.bank.app.test_client())
    browser.get("/login")
    assert browser.post("/login", {"email": email, "password": password}).status_code == 303
    key = re.search(r'<bdi class="num">([A-Z2-7]{32})</bdi>', browser.get("/login/code").get_data(as_text=True))
    assert key, "the authenticator is set up"
    assert browser.post("/login/code", {"code": pyotp.TOTP(key.group(1)).now()}).status_code == 303
    return browser


def test_nobody_works_with_a_password_that_somebody_else_knows(campaigns: Campaigning) -> None:
    email, first = made(campaigns)
    browser = entered(campaigns, email, first)
    for page in ("/campaigns", "/account/keys/new", "/contacts"):
        assert browser.get(page).location == f"/account/password?next={page}"
    assert browser.get("/").location == "/account/password"
    assert browser.post("/account/keys/new", {"name": "Mine", "reach": "*"}).location.startswith("/account/password")
    page = browser.get("/account/password?next=/campaigns")
    assert "told to you by somebody else" in shown(page)
    assert b'hx-trigger="load"' not in page.data, "a part it may not have would send it here again and again"
    own = "lantern orbit velvet"
    for given, said in (
        ({"present": first, "password": first, "again": first}, "Choose another one than the present one"),
        ({"present": first, "password": own, "again": own + "s"}, "The two are not the same"),
        ({"present": "not this one", "password": own, "again": own}, "This is not your present password"),
        ({"present": first, "password": "short", "again": "short"}, "12 characters or more"),
    ):
        refused = browser.post("/account/password", given)
        assert (refused.status_code, said in shown(refused)) == (422, True)
    changed = browser.post("/account/password?next=/campaigns", {"present": first, "password": own, "again": own})
    assert (changed.status_code, changed.location) == (303, "/campaigns")
    assert browser.get("/campaigns").status_code == 200
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert login.try_password(session, email, first, origin=login.Origin("10.0.0.2")).user is None
        assert login.try_password(session, email, own, origin=login.Origin("10.0.0.2")).user


def test_who_gave_the_first_password_cannot_read_the_authenticators_secret(campaigns: Campaigning) -> None:
    email, first = made(campaigns)
    giver = Browser(campaigns.bank.app.test_client())
    giver.get("/login")
    giver.post("/login", {"email": email, "password": first})
    seen = re.search(r'<bdi class="num">([A-Z2-7]{32})</bdi>', giver.get("/login/code").get_data(as_text=True))
    assert seen
    owner_of_it = entered(campaigns, email, first)
    assert giver.get("/login/code").location.startswith("/login"), "the sign-in that was half-way has ended"
    assert owner_of_it.get("/account/password").status_code == 200
    with campaigns.bank.unit() as session:
        user = session.execute(select(User).where(User.email == email)).scalar_one()
        assert mfa.secret_of(session, user) != seen.group(1)


def test_there_is_always_an_owner_and_a_lone_one_is_helped_from_the_command_line(campaigns: Campaigning) -> None:
    bank = campaigns.bank
    with bank.unit() as session:
        owner, by = session.get_one(User, bank.staff["owner"].id), system(bank.organisation_id)
        for act in (
            lambda: users.set_role(session, owner.id, "admin", by=by),
            lambda: users.set_active(session, owner.id, False, by=by),
        ):
            with pytest.raises(Conflict, match="last owner"):
                act()
        email = owner.email
    with bank.app.app_context():
        done = bank.app.test_cli_runner().invoke(args=["reset-sign-in", "--email", email])
        unknown = bank.app.test_cli_runner().invoke(args=["reset-sign-in", "--email", "nobody@bank.example"])
    assert done.exit_code == 0, done.output
    assert entered(campaigns, email, done.output.split()[-1]).get("/contacts").location.startswith("/account/password")
    assert (unknown.exit_code, "Nothing was changed" in unknown.output) == (1, True)


def test_a_changed_password_ends_the_other_sessions_and_wrong_tries_lock(campaigns: Campaigning) -> None:
    email, first = made(campaigns)
    browser, own = entered(campaigns, email, first), "lantern orbit velvet"
    browser.get("/account/password")
    browser.post("/account/password", {"present": first, "password": own, "again": own})
    other = Browser(campaigns.bank.app.test_client())
    other.get("/login")
    other.post("/login", {"email": email, "password": own})
    browser.get("/account/password")
    newer = "copper meadow signal"
    browser.post("/account/password", {"present": own, "password": newer, "again": newer, "end_sessions": "y"})
    assert other.get("/login/code").location.startswith("/login"), "the half session has ended"
    browser.get("/account/password")
    wrong = {"present": "a wrong one", "password": "marble thunder quill", "again": "marble thunder quill"}
    for _ in range(5):
        assert "not your present password" in shown(browser.post("/account/password", wrong))
    assert browser.get("/campaigns").status_code == 302, "at an open screen somebody guessed: the session has ended"


def test_a_lost_authenticator_is_reset_and_a_role_changed(campaigns: Campaigning) -> None:
    bank, owner = campaigns.bank, campaigns.bank.browser("owner")
    marketer, page = bank.browser("marketer"), f"/settings/users/{campaigns.bank.staff['marketer'].id}"
    assert bank.browser("admin").get(page).status_code == 403
    assert "Lost password or authenticator" in shown(owner.get(page))
    campaigns.grow_stale("owner")
    assert owner.post(f"{page}/role", {"role": "viewer", "code": "1"}).status_code == 422
    assert owner.post(f"{page}/role", {"role": "nobody", "code": "1"}).status_code == 422
    assert marketer.get("/contacts/new").status_code == 200
    assert owner.post(f"{page}/role", {"role": "viewer", "code": campaigns.code("owner")}).status_code == 303
    assert marketer.get("/contacts/new").status_code == 403, "from the next click on"
    reset = owner.post(f"{page}/reset", {})
    assert "The sign-in was reset" in shown(reset)
    assert marketer.get("/contacts").status_code == 302
    with bank.unit() as session:
        email = session.get_one(User, bank.staff["marketer"].id).email
    again = entered(campaigns, email, secret(reset))
    assert again.get("/contacts").location.startswith("/account/password")
    themselves = f"/settings/users/{bank.staff['owner'].id}"
    assert "You cannot change your own role" in shown(owner.post(f"{themselves}/role", {"role": "admin"}))
    assert owner.post(f"{themselves}/reset", {}).status_code == 409
    kinds = "SELECT action FROM audit_entries WHERE action LIKE 'user.%' ORDER BY id DESC LIMIT 2"
    with bank.unit() as session:
        assert list(session.execute(text(kinds)).scalars()) == ["user.reset", "user.role_changed"]


def test_shutting_out_ends_sessions_at_once_and_nobody_shuts_himself_out(campaigns: Campaigning) -> None:
    owner, viewer = campaigns.bank.browser("owner"), campaigns.bank.browser("viewer")
    assert viewer.get("/messages").status_code == 200
    owner.get("/settings/users")
    assert owner.post(f"/settings/users/{campaigns.bank.staff['viewer'].id}/active/0").status_code == 303
    assert viewer.get("/messages").status_code == 302
    assert owner.post(f"/settings/users/{campaigns.bank.staff['owner'].id}/active/0").status_code == 409


def test_the_table_of_roles_is_for_who_may_see_users(campaigns: Campaigning) -> None:
    assert "Approve campaigns" in shown(campaigns.bank.browser("auditor").get("/settings/roles"))
    assert campaigns.bank.browser("marketer").get("/settings/users").status_code == 403


def test_a_key_is_made_used_and_revoked(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/account/keys/new")
    assert marketer.post("/account/keys/new", {"name": "Website", "reach": "some"}).status_code == 422
    key = secret(marketer.post("/account/keys/new", {"name": "Website", "reach": "some", "scopes": ["contacts:read"]}))
    with unit_of_work(campaigns.bank.factory, None) as session:
        actor = keys.actor_for(session, key, ip=None, correlation_id=None)
        assert actor
        assert actor.permissions == {"contacts:read"}
    listed = marketer.get("/account/keys").get_data(as_text=True)
    assert key not in listed
    revoke = re.findall(r'action="(/account/keys/[^"]+/revoke)"', listed)[0]
    assert campaigns.bank.browser("viewer").post(revoke).status_code == 403
    assert "No keys" in shown(marketer.post(revoke, htmx=True))
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert keys.actor_for(session, key, ip=None, correlation_id=None) is None


def test_making_a_key_loses_nothing_that_was_changed_before(campaigns: Campaigning) -> None:
    with campaigns.bank.unit("marketer") as session:
        user = session.get_one(User, campaigns.bank.staff["marketer"].id)
        user.name = "Renamed"
        keys.create(session, user, name="tests", scopes=["*"], by=campaigns.bank.staff["marketer"])
        assert user.name == "Renamed"


def test_a_key_that_approves_is_granted_by_name_only(campaigns: Campaigning) -> None:
    admin = campaigns.bank.browser("admin")
    admin.get("/account/keys/new")
    wide = secret(admin.post("/account/keys/new", {"name": "Wide", "reach": "*"}))
    scopes = ["campaigns:approve", "approvals:decide"]
    named = secret(admin.post("/account/keys/new", {"name": "Named", "reach": "some", "scopes": scopes}))
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert not keys.actor_for(session, wide, ip=None, correlation_id=None).may("campaigns:approve")  # type: ignore[union-attr]
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert keys.actor_for(session, named, ip=None, correlation_id=None) is None, "it waits for a second person"
    campaigns.granted("owner")
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert keys.actor_for(session, named, ip=None, correlation_id=None).may("campaigns:approve")  # type: ignore[union-attr]


def test_shutting_somebody_out_asks_for_a_fresh_code(campaigns: Campaigning) -> None:
    owner, page = campaigns.bank.browser("owner"), f"/settings/users/{campaigns.bank.staff['viewer'].id}"
    viewer = campaigns.bank.browser("viewer")
    campaigns.grow_stale("owner")
    assert f"{page}#access" in owner.get("/settings/users").get_data(as_text=True)
    assert owner.post(f"{page}/active/0").location == f"{page}#access"
    refused = owner.post(f"{page}/active/0", {"code": "1"})
    assert refused.status_code == 422
    assert viewer.get("/contacts").status_code == 200
    assert owner.post(f"{page}/active/0", {"code": campaigns.code("owner")}).status_code == 303
    assert viewer.get("/contacts").status_code == 302
