"""The example file with demonstration people, and an import that dies at any moment."""

import os
import signal
from collections.abc import Callable
from types import ModuleType
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.domain.transfer import badrows, imports, loading
from tests.domain.transfer.loads import Bank, bank

RICH = """
SELECT count(*) FROM live.contacts WHERE CAST(properties->>'balance' AS numeric) >= 15000
AND properties->>'loan' = 'no' AND properties->>'contact' = 'cellular'
"""


def test_the_example_with_demonstration_people(ours: Bank) -> None:
    with ours.unit() as session:
        row = imports.use_example(session, by=ours.by)
        options = imports.suggested(row).model_copy(update={"demonstration": True})
        imports.start(session, row.id, options, by=ours.by)
        import_id = row.id
    loading.run(ours.unit, import_id)
    row = ours.row(import_id)
    assert (row.state, row.created, row.failed, row.failure) == ("completed", 45_211, 0, None)
    assert row.position == row.bytes
    assert ours.one("SELECT count(*) FROM live.contacts") == 45_211
    assert ours.one(RICH) == 220
    assert ours.one("SELECT count(*) FROM live.contact_addresses WHERE kind = 'email'") == 45_211 - 4_521
    assert ours.one("SELECT count(DISTINCT blind) FROM live.contact_addresses WHERE kind = 'phone'") == 45_211 - 226
    granted = "SELECT count(*) FROM live.consent_states WHERE state = 'granted' AND channel = 'sms'"
    assert ours.one(granted) == 45_211 - 9_042
    assert ours.one("SELECT count(*) FROM live.contacts WHERE 'staff' = ANY(tags)") == 45
    types = dict(ours.all("SELECT key, type FROM live.property_definitions"))
    assert (types["balance"], types["pdays"], types["loan"], types["y"]) == ("number", "number", "text", "text")


def dies(settings: Settings, import_id: UUID, act: Callable[[], None], own: Bank) -> None:
    """Carry out the import in a process that kills itself, as `act` has arranged."""
    child = os.fork()
    if child == 0:
        try:
            act()
            # connections of this process's own: the parent's must not be used by two
            again = Bank(session_factory(make_engine(settings), settings), own.by)
            loading.run(again.unit, import_id)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def kill(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(module: ModuleType, name: str, calls: int) -> Callable[[], None]:
    """Die after `name` of a module has done its work for the so many-th time, before its transaction ends."""

    def act() -> None:
        done, count = getattr(module, name), [0]

        def wrapped(*values: object) -> object:
            result = done(*values)
            count[0] += 1
            if count[0] == calls:
                kill()
            return result

        setattr(module, name, wrapped)

    return act


def test_an_import_that_is_killed_three_times_loads_each_row_once(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BLOCK", 300)
    body = "".join(f"{n},client{n}@mail.example,{n}\n" if n % 50 else f",,{n}\n" for n in range(1, 2001))
    with bank(own_settings) as own:
        import_id = own.upload("client_id,email,balance\n" + body)
        # in the first block after COPY; between two blocks; in a later block with bad rows
        for module, name, calls in ((loading, "_copy", 1), (loading, "_find", 3), (badrows, "keep", 2)):
            dies(own_settings, import_id, after(module, name, calls), own)
            before = own.row(import_id)
            assert (
                before.rows
                == before.created + before.failed
                == own.one("SELECT count(*) FROM live.contacts") + before.failed
            )  # type: ignore[operator]
            loading.run(own.unit, import_id)  # the lease of the dead one still stands
            assert own.row(import_id).rows == before.rows
            with own.unit() as session:
                session.execute(text("UPDATE imports SET lease_until = now() - interval '1 second'"))
        loading.run(own.unit, import_id)
        row = own.row(import_id)
        assert (row.state, row.rows, row.created, row.updated, row.failed) == ("completed", 2000, 1960, 0, 40)
        assert own.one("SELECT count(DISTINCT external_id) FROM live.contacts") == 1960
        assert own.one("SELECT count(*) FROM live.contact_addresses") == 1960
        assert own.one("SELECT count(*) FROM live.import_problems") == 40
