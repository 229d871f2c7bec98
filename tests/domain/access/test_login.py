"""Logging in: locks that end, factors that work once, sessions that end."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, Invalid
from app.domain.access import keys, login, mfa, passwords, sessions, users
from app.domain.access.models import Organisation, User

PASSWORD = "copper-lantern-meadow-river"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def user(session: Session, organisation: Organisation) -> User:
    return users.create_user(
        session, email="Dana@Bank.Example", name="Dana", role="marketer", password=PASSWORD, by=system(organisation.id)
    )


def try_(session: Session, password: str = PASSWORD, email: str = "dana@bank.example") -> login.Attempt:
    return login.try_password(session, email, password, origin=login.Origin("10.1.2.3"))


def test_the_right_password_is_taken_however_the_address_is_spelt(session: Session, user: User) -> None:
    assert try_(session, email=" DANA@bank.example ").user == user


def test_unknown_addresses_and_wrong_passwords_look_alike(session: Session, user: User) -> None:
    assert try_(session, "wrong wrong wrong") == try_(session, email="nobody@bank.example")


def test_five_failures_lock_and_the_lock_ends_by_itself(session: Session, user: User) -> None:
    with clock.at(START):
        for _ in range(5):
            assert try_(session, "wrong wrong wrong").user is None
        locked = try_(session)
        assert locked == login.Attempt(None, START + timedelta(minutes=15))
    with clock.at(START + timedelta(minutes=16)):
        assert try_(session).user == user


def test_the_lock_is_for_one_network_only(session: Session, user: User) -> None:
    for _ in range(6):
        try_(session, "wrong wrong wrong")
    assert login.try_password(session, "dana@bank.example", PASSWORD, origin=login.Origin("192.0.2.1")).user == user


def test_a_code_works_once(session: Session, user: User) -> None:
    totp = pyotp.TOTP(mfa.secret_of(session, user))
    with clock.at(START):
        code = totp.at(START)
        assert mfa.accept(session, user, code)
        assert not mfa.accept(session, user, code)
    with clock.at(START + timedelta(seconds=30)):
        assert mfa.accept(session, user, totp.at(START + timedelta(seconds=30)))


def test_a_locked_account_takes_no_code_however_many_sessions_wait_for_one(session: Session, user: User) -> None:
    totp = pyotp.TOTP(mfa.secret_of(session, user))
    with clock.at(START):
        cookies = [sessions.start(session, user, ip=None, agent=None, with_factor=False) for _ in range(7)]
        session.flush()
        wrong = f"{(int(totp.at(START)) + 1) % 10**6:06}"
        for cookie in cookies[:5]:
            with pytest.raises(Invalid, match="not right"):
                login.require_code(session, user, wrong, origin=login.Origin("10.1.2.3"), cookie=cookie)
        assert sessions.find(session, cookies[4], touch=True) is None, "the fifth wrong code ends its session"
        with pytest.raises(Invalid, match="too many failed attempts"):
            login.require_code(session, user, totp.at(START), origin=login.Origin("10.1.2.3"), cookie=cookies[5])
    with clock.at(START + timedelta(minutes=16)):
        login.require_code(session, user, totp.at(clock.now()), origin=login.Origin("10.1.2.3"), cookie=cookies[6])


def test_an_old_code_is_refused(session: Session, user: User) -> None:
    totp = pyotp.TOTP(mfa.secret_of(session, user))
    with clock.at(START), pytest.raises(Invalid):
        mfa.require_code(session, user, totp.at(START - timedelta(seconds=90)))


@pytest.mark.parametrize(
    ("pause", "alive"), [(timedelta(minutes=29), True), (timedelta(minutes=31), False), (timedelta(hours=13), False)]
)
def test_a_session_ends_when_idle(session: Session, user: User, pause: timedelta, alive: bool) -> None:
    with clock.at(START):
        cookie = sessions.start(session, user, ip=None, agent=None, with_factor=True)
        session.flush()
    with clock.at(START + pause):
        assert (sessions.find(session, cookie, touch=True) is not None) == alive


def test_polling_does_not_keep_a_session_alive(session: Session, user: User) -> None:
    with clock.at(START):
        cookie = sessions.start(session, user, ip=None, agent=None, with_factor=True)
        session.flush()
    with clock.at(START + timedelta(minutes=20)):
        assert sessions.find(session, cookie, touch=False)
    with clock.at(START + timedelta(minutes=31)):
        assert sessions.find(session, cookie, touch=False) is None


def test_without_the_second_factor_there_is_no_permission(session: Session, user: User) -> None:
    cookie = sessions.start(session, user, ip=None, agent=None, with_factor=False)
    session.flush()
    opened = sessions.find(session, cookie, touch=True)
    assert opened
    assert sessions.actor_for(opened, ip=None, correlation_id=None).permissions == frozenset()


@pytest.mark.parametrize("password", ["short", "passwordpassword", "aaaaaaaaaaaa", "Dana-is-the-best"])
def test_easy_passwords_are_refused(session: Session, organisation: Organisation, password: str) -> None:
    with pytest.raises(Invalid):
        users.create_user(
            session, email="x@bank.example", name="Dana", role="viewer", password=password, by=system(organisation.id)
        )


def wrong(session: Session, ip: str, devices: dict[UUID, str] | None = None) -> login.Attempt:
    return login.try_password(session, "dana@bank.example", "wrong wrong wrong", origin=login.Origin(ip, devices or {}))


def right(session: Session, ip: str, devices: dict[UUID, str] | None = None) -> User | None:
    return login.try_password(session, "dana@bank.example", PASSWORD, origin=login.Origin(ip, devices or {})).user


def test_guesses_from_many_networks_come_to_an_end(session: Session, user: User) -> None:
    for number in range(login.FREE_EVERYWHERE):
        assert wrong(session, f"10.0.{number}.1").user is None
    assert right(session, "192.0.2.1") is None, "a network nobody guessed from"


def test_strangers_lock_no_known_device(session: Session, user: User) -> None:
    mine = {user.id: login.device(user, "0123456789abcdef")}
    for number in range(login.FREE_EVERYWHERE):
        wrong(session, f"10.0.{number}.1")
    for _ in range(5):
        wrong(session, "10.9.9.9")
    assert right(session, "10.9.9.9", mine) == user
    assert right(session, "10.9.9.9") is None
    for _ in range(5):
        wrong(session, "10.9.9.9", mine)
    assert right(session, "10.9.9.9", mine) is None, "a stolen device has no more guesses than others"


def test_a_made_up_or_outdated_device_is_a_stranger(session: Session, user: User) -> None:
    mine = {user.id: login.device(user, "0123456789abcdef")}
    for _ in range(5):
        wrong(session, "10.9.9.9")
    assert right(session, "10.9.9.9", {user.id: "0123456789abcdef.0000"}) is None
    user.password_hash = passwords.hashed("another-lantern-meadow-river")
    session.flush()
    assert login.Origin("10.9.9.9", mine).place(user) == "10.9.9.0/24"


def test_an_empty_code_is_no_failed_sign_in(session: Session, user: User) -> None:
    cookie = sessions.start(session, user, ip=None, agent=None, with_factor=False)
    for _ in range(7):
        with pytest.raises(Invalid, match="Enter the code"):
            login.require_code(session, user, " ", origin=login.Origin("10.1.2.3"), cookie=cookie)
    assert login.locked_until(session, user, login.Origin("10.1.2.3")) is None


def test_who_is_with_two_organisations_signs_in_with_either_password(session: Session, user: User) -> None:
    first = user.organisation_id
    other = users.create_organisation(session, users.NewOrganisation(name="Another Bank"))
    second = users.create_user(
        session,
        email="dana@bank.example",
        name="Dana",
        role="viewer",
        password="other-lantern-meadow-river",
        by=system(other.id),
    )
    assert right(session, "10.1.2.3").organisation_id == first
    found = login.try_password(
        session, "dana@bank.example", "other-lantern-meadow-river", origin=login.Origin("10.1.2.3")
    ).user
    assert (found, found.organisation_id) == (second, other.id)
    with pytest.raises(Conflict, match="name the one you mean"):
        users.by_address(session, "dana@bank.example")
    assert users.by_address(session, "dana@bank.example", "Another Bank") == second
    for _ in range(6):
        attempt = wrong(session, "10.1.2.3")
    assert attempt.locked_until
    session.commit()


def test_a_changed_password_ends_what_its_user_wants(session: Session, user: User, organisation: Organisation) -> None:
    by = Actor(organisation_id=organisation.id, kind="user", id=user.id, name="Dana", role="marketer")
    here = sessions.start(session, user, ip=None, agent=None, with_factor=True)
    there = sessions.start(session, user, ip=None, agent=None, with_factor=True)
    session.flush()
    keys.create(session, user, name="k", scopes=["*"], by=by)

    def change(present: str, new: str, ending: login.Ending) -> None:
        login.change_password(session, user, present, new, ending=ending, by=by, origin=login.Origin(), cookie=here)

    change(PASSWORD, "another-lantern-meadow-river", login.Ending(sessions=False))
    assert sessions.find(session, there, touch=False)
    assert keys.listed(session, by=by)
    change("another-lantern-meadow-river", PASSWORD, login.Ending(keys=True))
    assert sessions.find(session, there, touch=False) is None
    assert sessions.find(session, here, touch=False)
    assert keys.listed(session, by=by) == []
