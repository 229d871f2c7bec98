"""One transaction a request: a good answer keeps what was changed, an error leaves nothing; what it asks for twice it reads once."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask, Response, abort, redirect
from flask.typing import ResponseReturnValue
from sqlalchemy import event, select, update

from app.core import queue
from app.core.actor import system
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.settings import Settings
from app.core.unit import act_as, enqueue_after_commit, unit_of_work
from app.domain.access.models import Organisation
from app.factory import create_app
from app.http import auth, session
from tests.web.pages import House, house

Give = Callable[[], ResponseReturnValue]


def _raise(error: Exception) -> Give:
    def give() -> ResponseReturnValue:
        raise error

    return give


def _kept() -> ResponseReturnValue:
    session.keep_changes()
    return Response("no", 401)


ERRORS: dict[str, Give] = {
    "answers 400": lambda: Response("no", 400),
    "answers 404": lambda: ("no", 404),
    "answers 422, a form drawn again": lambda: ("<form></form>", 422),
    "answers 429": lambda: Response("no", 429),
    "answers 500": lambda: Response("no", 500),
    "aborts": lambda: abort(404),
    "raises what is known": _raise(Conflict("no")),
    "raises what is wrong at a field": _raise(Invalid.field("name", "no")),
    "breaks": _raise(ZeroDivisionError()),
}
GOOD: dict[str, Give] = {
    "answers 200": lambda: "yes",
    "answers 201": lambda: Response("yes", 201),
    "sends on": lambda: redirect("/", 303),
    "refuses, and keeps it all the same": _kept,
}
EVERY = ERRORS | GOOD


@pytest.fixture(scope="module")
def app(page_settings: Settings) -> Flask:
    """The product with routes that change a row and then answer as they are told."""
    app = create_app(page_settings)

    def view(organisation_id: UUID, number: int) -> ResponseReturnValue:
        act_as(db.session(), system(organisation_id))
        db.session.execute(update(Organisation).where(Organisation.id == organisation_id).values(name="Changed"))
        enqueue_after_commit(db.session(), queue.UPKEEP)
        return list(EVERY.values())[number]()

    def read(organisation_id: UUID) -> ResponseReturnValue:
        act_as(db.session(), system(organisation_id))
        read: list[str] = []
        event.listen(db.session.connection(), "before_cursor_execute", lambda _c, _k, sql, *_: read.append(sql))
        for _ in range(3):  # nobody holds the row between
            db.session.get_one(Organisation, organisation_id)
            assert db.session.get(Organisation, UUID(int=0)) is None
        return {"read": len([sql for sql in read if "organisations.id = " in sql])}

    app.add_url_rule("/reads/<uuid:organisation_id>", "reads", auth.public(read))
    app.add_url_rule("/changes/<uuid:organisation_id>/<int:number>", "changes", auth.public(view))
    app.add_url_rule("/api/v1/changes/<uuid:organisation_id>/<int:number>", "api_changes", auth.public(view))
    return app


@pytest.fixture
def bank(app: Flask, page_settings: Settings) -> House:
    return house(app, page_settings, roles=())


@pytest.mark.parametrize("door", ["/changes", "/api/v1/changes"])
@pytest.mark.parametrize("how", EVERY)
def test_only_a_good_answer_keeps_what_was_changed(
    bank: House, door: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[object] = []
    monkeypatch.setattr(queue, "enqueue_all", lambda _url, rings: rung.extend(rings))
    answer = bank.app.test_client().get(f"{door}/{bank.organisation_id}/{list(EVERY).index(how)}")
    with unit_of_work(bank.factory, system(bank.organisation_id)) as unit:
        name = unit.execute(select(Organisation.name)).scalar_one()
    if how in GOOD:
        assert (name, len(rung)) == ("Changed", 1)
    else:
        assert answer.status_code >= 400
        assert (name, rung) == ("Bank of the Pages", [])


def test_a_row_that_is_asked_for_again_is_read_once(bank: House) -> None:
    client = bank.app.test_client()
    assert client.get(f"/reads/{bank.organisation_id}").json == {"read": 1 + 3}  # and three times what is not there
    assert client.get(f"/reads/{bank.organisation_id}").json == {"read": 1 + 3}, "the next request reads it for itself"
