"""Who a request comes from, behind proxies and liars."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from app.core.settings import BadSetting, Settings
from app.factory import create_app
from app.http.proxies import client
from tests.servers.throwaway import Servers

OURS = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("peer", "chain", "seen"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("198.51.100.1", "203.0.113.7", "198.51.100.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_last_address_that_is_not_ours(peer: str, chain: str, seen: str) -> None:
    environ = {
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        "HTTP_X_FORWARDED_FOR": chain,
        "HTTP_X_FORWARDED_PROTO": "https",
    }
    assert client(environ, OURS) == (seen, "https" if peer.endswith("10.0.0.1") else "http")


def test_behind_tls_cookies_are_secure_and_the_browser_is_told_to_stay(settings: Settings) -> None:
    plain = create_app(settings).test_client().get("/login")
    assert "Strict-Transport-Security" not in plain.headers
    behind = create_app(replace(settings, base_url="https://bank.example", trusted_proxies=OURS)).test_client()
    answer = behind.get("/login", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.headers["Strict-Transport-Security"]
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_a_network_that_is_none_stops_the_start(servers: Servers) -> None:
    with pytest.raises(BadSetting, match="CARILLON_TRUSTED_PROXIES"):
        Settings.from_env({**servers.env(), "CARILLON_TRUSTED_PROXIES": "10.0.0.1/8"})
