"""Pages, parts, toasts and headers, on the gallery: what htmx and a plain browser are each answered."""

from pathlib import Path

import pytest
from flask import render_template_string
from flask.testing import FlaskClient

from app.core.errors import Forbidden
from app.http.security import POLICY
from app.web.badges import icon
from tests.browser.gallery.app import create_app

ROOT = Path(__file__).parents[2]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client() -> FlaskClient:
    app = create_app()
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return app.test_client()


def test_the_same_address_gives_a_page_or_a_part(client: FlaskClient) -> None:
    page, part = client.get("/"), client.get("/", headers=HTMX)
    assert page.text.startswith("<!DOCTYPE html>")
    assert part.text.strip().startswith('<div id="rows"')
    assert "HX-Request" in page.headers["Vary"]
    assert page.headers["Cache-Control"] == "no-store"


def test_htmx_gets_a_whole_page_when_it_restores_history(client: FlaskClient) -> None:
    restored = client.get("/", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert restored.text.startswith("<!DOCTYPE html>")


def test_a_change_answers_with_its_parts_and_a_toast(client: FlaskClient) -> None:
    answer = client.post("/act", headers=HTMX)
    assert answer.text.count("hx-swap-oob") == 2
    assert '<p hx-swap-oob="true" id="two"' in answer.text
    assert "&lt;b&gt;not bold&lt;/b&gt;" in answer.text


def test_without_htmx_a_change_redirects_and_the_toast_waits(client: FlaskClient) -> None:
    answer = client.post("/act")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/pieces")
    assert "not bold" in client.get("/pieces").text
    assert "not bold" not in client.get("/pieces").text


def test_a_toast_waits_when_htmx_leaves_the_page(client: FlaskClient) -> None:
    whole = {"name": "Maya", "email": "m@example.co.il", "status": "active", "channel": "SMS", "balance": "1"}
    answer = client.post("/form", data={**whole, "since": "2026-01-31"}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/form"
    assert "Contact saved." in client.get("/form").text


def test_an_error_is_a_toast_at_its_true_status(client: FlaskClient) -> None:
    answer = client.post("/refuse", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Reswap"]) == (409, "none")
    assert "notice-error" in answer.text


def test_every_icon_that_points_to_a_side_is_mirrored_from_right_to_left(client: FlaskClient) -> None:
    """Wherever it stands, also in a button that knows nothing of it."""
    sides = {"left", "right", "back", "forward", "increase", "decrease", "login", "logout"}
    with client.application.test_request_context():
        for name in (ROOT / "ops/vendor/icons.txt").read_text(encoding="utf-8").split():
            assert ("icon-dir" in icon(name)) == bool(sides & {*name.split("-")}), name


def test_every_answer_has_the_policy(client: FlaskClient) -> None:
    for path in ("/", "/plain", "/error", "/nowhere"):
        assert client.get(path).headers["Content-Security-Policy"] == POLICY
    assert "Strict-Transport-Security" not in client.get("/").headers
    assert "Strict-Transport-Security" in client.get("/", base_url="https://localhost").headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_cannot_post(client: FlaskClient, site: str) -> None:
    with pytest.raises(Forbidden):
        client.post("/act", headers={"Sec-Fetch-Site": site})
    assert client.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_a_form_without_a_token_is_refused() -> None:
    assert create_app().test_client().post("/act").status_code == 400


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ("http://localhost/form?x=1", "/form?x=1"),
        ("http://elsewhere.example/form", "/"),
        ("http://localhost//elsewhere.example", "/"),
        ("", "/"),
    ],
)
def test_a_switch_goes_back_only_to_our_own_pages(client: FlaskClient, came: str, goes: str) -> None:
    answer = client.post("/preferences/locale", data={"locale": "he"}, headers={"Referer": came})
    assert answer.headers["Location"] == goes
    assert 'dir="rtl"' in client.get("/").text


@pytest.mark.parametrize(
    ("header", "direction"), [("he-IL,he;q=0.9", "rtl"), ("en-US", "ltr"), ("fr", "ltr"), ("iw", "rtl")]
)
def test_the_browser_chooses_the_language_of_a_stranger(client: FlaskClient, header: str, direction: str) -> None:
    assert f'dir="{direction}"' in client.get("/plain", headers={"Accept-Language": header}).text


def test_static_files_are_kept_for_ever(client: FlaskClient) -> None:
    address = client.get("/plain").text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"


def test_a_sign_stands_before_its_number_in_hebrew() -> None:
    drawn = "{{ (-5)|number }}", "{{ 5|change }}", "{{ (-0.5)|percent }}"
    with create_app().test_request_context("/", headers={"Cookie": "carillon_locale=he"}):
        for template in drawn:
            assert render_template_string(template).startswith('<bdi class="num" dir="ltr">'), template
