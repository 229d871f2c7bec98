"""Users and keys in the browser: made, shut out; a password or a key is shown once."""

import re

from app.core.unit import unit_of_work
from app.domain.access import keys, login
from tests.web.campaigning import Campaigning
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
        user = login.try_password(session, email, password, ip="10.0.0.1").user
        assert user
    assert "Nora New" in shown(owner.get("/settings/users"))
    taken = owner.post("/settings/users/new", {**NEW, "email": email})
    assert taken.status_code == 422
    assert "This address is taken already" in shown(taken)
    out = owner.post(f"/settings/users/{user.id}/active/0", htmx=True)
    assert "was shut out" in shown(out)
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert login.try_password(session, email, password, ip="10.0.0.1").user is None


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


def test_a_key_that_approves_is_granted_by_name_only(campaigns: Campaigning) -> None:
    admin = campaigns.bank.browser("admin")
    admin.get("/account/keys/new")
    wide = secret(admin.post("/account/keys/new", {"name": "Wide", "reach": "*"}))
    scopes = ["campaigns:approve", "approvals:decide"]
    named = secret(admin.post("/account/keys/new", {"name": "Named", "reach": "some", "scopes": scopes}))
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert not keys.actor_for(session, wide, ip=None, correlation_id=None).may("campaigns:approve")  # type: ignore[union-attr]
    with unit_of_work(campaigns.bank.factory, None) as session:
        assert keys.actor_for(session, named, ip=None, correlation_id=None).may("campaigns:approve")  # type: ignore[union-attr]
