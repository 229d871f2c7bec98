"""The throw-away servers and the fixtures that hang on them."""

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from app.core.settings import Settings
from app.domain.access.models import Organisation
from ops.launcher.up import newest_version
from tests.servers.throwaway import Servers


def test_the_application_is_bound_by_security(engine: Engine) -> None:
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        ).one()
    assert tuple(row) == ("carillon_app", False, False)


def test_the_launcher_knows_a_database_that_is_up_to_date(servers: Servers) -> None:
    assert newest_version() != ""
    assert servers.postgres.schema_version() == newest_version()


def test_without_a_role_the_login_may_do_nothing(servers: Servers) -> None:
    rights = servers.postgres.sql("SELECT has_table_privilege('carillon', 'organisations', 'SELECT')", "carillon")
    assert rights.strip() == "f"


def test_a_commit_is_forgotten(factory: sessionmaker[Session], organisation: Organisation, session: Session) -> None:
    session.commit()
    assert factory().scalar(text("SELECT count(*) FROM organisation_ids()")) == 1
    session.rollback()
    assert factory().scalar(text("SELECT count(*) FROM organisation_ids()")) == 1


def test_nothing_is_left_of_the_test_before(session: Session) -> None:
    assert session.scalar(text("SELECT count(*) FROM organisation_ids()")) == 0


def test_a_database_of_ones_own_is_migrated(own_settings: Settings, settings: Settings) -> None:
    assert own_settings.database_url != settings.database_url
