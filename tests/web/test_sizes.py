"""How large a body each route takes, and how deep."""

import json
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule, UUIDConverter

from app.http import sizes
from app.web.segments import builder
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning

FILES = {
    "imports.take",
    "contacts_api.import_file",
    "suppressions.add_list",
    "suppressions_api.add_list",
    "bank.hand_in",
    "bank.put_override",
    "bank_api.file_in",
    "bank_api.override",
    "imports_api.upload",
    "events_api.batch",  # a thousand events
}
ID = "00000000-0000-0000-0000-000000000000"
WORDS = {"channel": "sms", "name": "campaign", "id_hash": "0" * 64}


def argument(rule: Rule, name: str) -> Any:
    """Something that fits a place in a route's address."""
    place = rule._converters[name]
    return (
        1 if isinstance(place, IntegerConverter) else ID if isinstance(place, UUIDConverter) else WORDS.get(name, "x")
    )


def takes(app: Flask, endpoint: str) -> int:
    return getattr(app.view_functions[endpoint], "takes", 0)


def test_every_route_takes_little_unless_it_says_so(page_app: Flask) -> None:
    large = {rule.endpoint for rule in page_app.url_map.iter_rules() if takes(page_app, rule.endpoint)}
    for endpoint in large:
        view: Any = page_app.view_functions[endpoint]
        assert not getattr(view, "is_public", False), f"{endpoint} takes much from strangers"
        assert view.allows, f"{endpoint} takes much from anybody who is signed in"
    assert {endpoint for endpoint in large if takes(page_app, endpoint) > sizes.TEXT} == FILES


def test_no_route_reads_more_than_it_takes(page_app: Flask, campaigns: Campaigning) -> None:
    """Every route that takes a body is announced one letter more than it takes; none looks at it."""
    owner, sent = campaigns.bank.browser("admin"), 0
    key = Caller(campaigns.bank, "admin").key
    urls = page_app.url_map.bind("localhost")
    for rule in page_app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"POST", "PUT", "PATCH"}):
            path = urls.build(rule.endpoint, {name: argument(rule, name) for name in rule.arguments}, method)
            most = max(sizes.usual(path), takes(page_app, rule.endpoint))
            announced = {"CONTENT_LENGTH": str(most + 1), "HTTP_AUTHORIZATION": f"Bearer {key}"}
            answer = owner.client.open(path, method=method, environ_overrides=announced)
            known = {413, 403} if getattr(page_app.view_functions[rule.endpoint], "allows", "") else {413}
            assert answer.status_code in known, (path, method, answer.status_code)
            sent += answer.status_code == 413
    assert sent > 30


def test_a_file_is_taken_only_from_who_may_import(campaigns: Campaigning) -> None:
    long = {"CONTENT_LENGTH": str(200 * sizes.MB), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    assert campaigns.bank.app.test_client().post("/imports/new", environ_overrides=long).status_code == 302
    assert campaigns.bank.browser("viewer").client.post("/imports/new", environ_overrides=long).status_code == 403


BOTTOMLESS = ["[" * 200_000 + "]" * 200_000, '{"a":' * 1000 + "1" + "}" * 1000, '{"x": ' + "[" * 41 + "]" * 41 + "}"]


@pytest.mark.parametrize("body", BOTTOMLESS)
def test_a_bottomless_body_is_refused(campaigns: Campaigning, body: str) -> None:
    caller = Caller(campaigns.bank, "marketer")
    headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
    for path in ("/contacts", "/segments/count", "/templates"):
        answer = caller.client.post(f"/api/v1{path}", data=body, headers=headers)
        assert answer.status_code == 400, path


def test_a_bottomless_form_is_refused(campaigns: Campaigning, monkeypatch: pytest.MonkeyPatch) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/segments/new")
    deep = [f"g:g{number}" for number in range(150)] + ["/"] * 150
    answer = marketer.post("/segments/new", {"name": "deep", "t": deep})
    assert answer.status_code == 422
    monkeypatch.setattr("json.dumps", lambda *_a, **_k: "[" * 100_000 + "]" * 100_000)
    log = builder.log(builder.Builder(builder.Group("g1"), "contact"))
    monkeypatch.undo()
    answer = marketer.post("/segments/build", {"name": "deep", "t": ["g:g1", "/"], "log": log, "do": "undo"})
    assert answer.status_code in {200, 422}


@pytest.mark.parametrize("do", ["look", "save"])
def test_an_unknown_language_is_refused(campaigns: Campaigning, do: str) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/templates/new?start=sms")
    form = {"name": "n", "message_class": "marketing", "fallback_language": "xx", "en_body": "Hello", "do": do}
    answer = marketer.post("/templates/new/sms", form)
    assert answer.status_code == (200 if do == "look" else 422)
    assert json.dumps("Hello")[1:-1] in answer.get_data(as_text=True)
