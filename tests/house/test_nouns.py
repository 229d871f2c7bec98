"""What nouns declare is whole, and a noun is added by its own files alone."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from app import domain
from app.core import nouns, queue
from app.core.db import Base, make_engine, session_factory
from app.core.nouns import Happening
from app.core.queue import Job
from app.core.settings import Settings
from app.domain.nouns import NOUNS
from app.domain.outbox.relay import relay_one
from app.factory import create_app
from app.web import navigation
from jobs import sweeper, worker
from jobs.runtime import Runtime
from migrations import security
from tests.web.pages import House, house

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(module.name for module in pkgutil.iter_modules(domain.__path__) if module.ispkg)


def modules() -> Iterator[object]:
    for module in pkgutil.walk_packages(domain.__path__, "app.domain."):
        yield importlib.import_module(module.name)


def test_every_noun_is_declared() -> None:
    assert sorted(noun.name for noun in NOUNS) == PACKAGES


def test_every_job_and_every_kind_of_happening_is_declared() -> None:
    jobs = {job for noun in NOUNS for job in noun.jobs}
    kinds = {kind for noun in NOUNS for kind in noun.kinds}
    for module in modules():
        for name, value in vars(module).items():
            assert not isinstance(value, Job) or value in jobs or value == queue.UPKEEP, (
                f"{module}: {name} is not declared"
            )
            if isinstance(value, type) and issubclass(value, Happening) and value is not Happening:
                assert value in kinds, f"{module}: {name} is not declared"


def test_who_hears_of_something_stands_above_it() -> None:
    place = {kind: number for number, noun in enumerate(NOUNS) for kind in noun.kinds}
    for number, noun in enumerate(NOUNS):
        for consumer in noun.hears:
            assert place[consumer.kind] < number, f"{noun.name} hears of {consumer.kind.kind}"


def test_every_page_of_the_menu_is_in_a_group_and_exists(settings: Settings) -> None:
    views = create_app(settings).view_functions
    for entry in nouns.every(lambda noun: noun.menu):
        assert entry.group in (*navigation.GROUPS, nouns.ACCOUNT)
        assert entry.endpoint in views, f"{entry.endpoint} is in the menu and nowhere else"


def test_every_door_belongs_to_a_noun() -> None:
    for room, named in (("web", lambda noun: noun.pages), ("api", lambda noun: noun.calls)):
        claimed = set(nouns.every(named)) | {"health", "locale"}  # the house's own
        for path in (ROOT / "app" / room).iterdir():
            source = path / "__init__.py" if path.is_dir() else path
            if source.exists() and "bp = Blueprint(" in source.read_text():
                assert path.stem in claimed, f"app/{room}/{path.stem} has pages that no noun declares"


@pytest.fixture
def with_stickers(own_settings: Settings) -> Iterator[tuple[House, Runtime]]:
    """The product with a noun more, declared and nothing else, on a database of its own."""
    from tests.samples.stickers.declaration import NOUN
    from tests.samples.stickers.models import Sticker

    nouns.declare(NOUN)
    owner = create_engine(own_settings.database_owner_url or own_settings.database_url)
    with owner.begin() as connection:
        connection.execute(text("SET ROLE carillon_owner"))
        Base.metadata.create_all(connection, [Sticker.__table__])
        security.protect(connection.connection.cursor().execute, "stickers")
    engine = make_engine(own_settings)
    try:
        made = house(create_app(own_settings), own_settings, roles=("owner", "marketer", "viewer"))
        yield made, Runtime(own_settings, engine, session_factory(engine, own_settings))
    finally:
        nouns.withdraw(NOUN)
        Base.metadata.remove(Sticker.__table__)
        owner.dispose()
        engine.dispose()


def test_a_noun_is_added_by_its_declaration_alone(
    with_stickers: tuple[House, Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, here = with_stickers
    rung: list[tuple[Job, tuple[str, ...]]] = []
    monkeypatch.setattr(queue, "enqueue_all", lambda _url, rings: rung.extend(rings))
    monkeypatch.setattr(queue, "quiet", lambda _url: set(queue.QUEUES))
    marketer = bank.browser("marketer")
    assert 'href="/stickers"' in marketer.get("/suppressions").get_data(as_text=True), "it is in the menu"
    assert marketer.post("/stickers", {"contact": str(uuid4()), "word": "gold"}).status_code == 303
    assert marketer.get("/stickers").get_data(as_text=True) == "gold"
    viewer = bank.browser("viewer")
    viewer.get("/suppressions")
    assert viewer.post("/stickers", {"contact": str(uuid4()), "word": "silver"}).status_code == 403

    log = bank.browser("owner").get("/audit").get_data(as_text=True)
    assert "Stuck a sticker" in log, "the audit log has words for it"

    heard = {consumer.name: consumer for consumer in nouns.every(lambda noun: noun.hears)}
    while relay_one(here.opener(bank.organisation_id), heard):
        pass
    from tests.samples.stickers import doors, stick

    rung.clear()
    sweeper.sweep(here)
    assert (stick.TAKE_OFF, (str(bank.organisation_id),)) in rung, "the sweeper rings for what waits"
    assert "upkeep" in worker.parts([])
    monkeypatch.setattr(doors, "runtime", lambda: here)
    doors.take_off(str(bank.organisation_id))
    assert marketer.get("/stickers").get_data(as_text=True) == ""
