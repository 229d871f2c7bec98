"""The web server's entry: the application behind its front."""

from app.http.front import Environ, Front
from app.http.proxies import client
from app.http.sizes import rooms
from wsgi import app as flask

trusted = flask.config["SETTINGS"].trusted_proxies


def who(environ: Environ) -> str:
    """Whose requests are counted together."""
    return client(environ, trusted)[0]


app = Front(flask, rooms(flask), client=who)
