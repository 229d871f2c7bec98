"""Two organisations at the SQL prompt, as the application's role: each sees itself and nothing else."""

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from app.core.actor import system
from app.core.unit import act_as
from app.domain import tables
from app.domain.access import users


@pytest.fixture
def two(session: Session) -> tuple[UUID, UUID]:
    """Two organisations with a user each; the session works for the second."""
    ids = []
    for name in ("first", "second"):
        organisation = users.create_organisation(session, users.NewOrganisation(name=name))
        users.create_user(
            session,
            email=f"{name}@bank.example",
            name=name,
            role="owner",
            password="copper-lantern-meadow-river",
            by=system(organisation.id),
        )
        session.commit()
        ids.append(organisation.id)
    return ids[0], ids[1]


def test_each_sees_itself_only(session: Session, two: tuple[UUID, UUID]) -> None:
    for organisation_id in two:
        session.commit()
        act_as(session, system(organisation_id))
        for place in ("users", "live.users"):
            assert session.execute(text(f"SELECT DISTINCT organisation_id FROM {place}")).scalars().all() == [
                organisation_id
            ]


def test_without_an_organisation_nothing_is_seen(session: Session, two: tuple[UUID, UUID]) -> None:
    session.execute(text("SELECT set_config('app.organisation_id', '', true)"))
    for table in tables.owned():
        for place in (table.name, f"live.{table.name}"):
            assert session.execute(text(f"SELECT count(*) FROM {place}")).scalar() == 0, place


def test_a_foreign_row_cannot_be_written(session: Session, two: tuple[UUID, UUID]) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        session.execute(
            text("INSERT INTO groups (organisation_id, name, created_at) VALUES (:foreign, 'x', now())"),
            {"foreign": two[0]},
        )


def test_a_foreign_row_cannot_be_pointed_at(session: Session, two: tuple[UUID, UUID]) -> None:
    act_as(session, system(two[0]))
    theirs = session.execute(text("SELECT id FROM users")).scalar_one()
    session.commit()
    act_as(session, system(two[1]))
    with pytest.raises(IntegrityError, match="foreign key"):
        session.execute(
            text(
                "INSERT INTO api_keys (organisation_id, user_id, name, prefix, secret_hash, scopes, created_at, expires_at)"
                " VALUES (:ours, :theirs, 'x', 'p', '', '{}', now(), now())"
            ),
            {"ours": two[1], "theirs": theirs},
        )


def test_a_partition_cannot_be_read_directly(session: Session, two: tuple[UUID, UUID]) -> None:
    names = session.execute(
        text("SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relkind = 'r'")
    ).scalars()
    partitions = list(names)
    assert len(partitions) >= 9
    for name in partitions:
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(text(f"SELECT 1 FROM {name}"))


def test_the_role_can_neither_own_nor_bypass(session: Session, two: tuple[UUID, UUID]) -> None:
    role = session.execute(
        text("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    ).one()
    assert tuple(role) == ("carillon_app", False)
    owned = session.execute(text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")).scalar()
    assert owned == 0
