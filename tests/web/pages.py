"""A browser without script: a test client that is signed in and sends its forms as a person would."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from app.core.actor import Actor, system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import sessions, users
from app.domain.access.models import User
from app.domain.calendar import hours
from tests.factories import people

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class House:
    """An application with an organisation of its own in a database of its own; what pages do is committed."""

    app: Flask
    factory: sessionmaker[Session]
    organisation_id: UUID
    staff: dict[str, Actor]

    def unit(self, role: str = "") -> Any:
        """A unit of work as somebody, or as the system."""
        return unit_of_work(self.factory, self.staff[role] if role else system(self.organisation_id))

    def browser(self, role: str) -> "Browser":
        """A new browser with this person signed in."""
        with self.unit() as session:
            user = session.execute(select(User).where(User.id == self.staff[role].id)).scalar_one()
            cookie = sessions.start(session, user, ip="127.0.0.1", agent="test", with_factor=True)
        client = self.app.test_client()
        client.set_cookie("sid", cookie)
        return Browser(client)


def house(app: Flask, settings: Settings, roles: tuple[str, ...] = ("marketer", "viewer")) -> House:
    """Make the organisation and its staff."""
    factory = session_factory(make_engine(settings, pool_size=2), settings)
    with unit_of_work(factory, None) as session:
        organisation = users.create_organisation(session, users.NewOrganisation(name="Bank of the Pages"))
        hours.keep(session, hours.ALWAYS, by=system(organisation.id))  # tests run at night, too
        staff = {role: people.staff(session, role) for role in roles}
    return House(app, factory, organisation.id, staff)


class Browser:
    """Gets pages, sends forms with their token."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._token = ""

    def get(self, url: str, *, htmx: bool = False) -> TestResponse:
        """A page, or its part."""
        answer = self.client.get(url, headers={"HX-Request": "true"} if htmx else {})
        found = _TOKEN.search(answer.get_data(as_text=True)) if answer.mimetype == "text/html" else None
        self._token = found.group(1) if found else self._token
        return answer

    def post(self, url: str, values: dict[str, Any] | None = None, *, htmx: bool = False) -> TestResponse:
        """A form; the page it stands on was read before."""
        if not self._token:
            self.get("/suppressions")
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(url, data={"csrf_token": self._token, **(values or {})}, headers=headers)
