"""The web server's entry: the application behind its front."""

from app.http.front import Front
from app.http.sizes import rooms
from wsgi import app as flask

app = Front(flask, rooms(flask), client=lambda environ: str(environ["REMOTE_ADDR"]))
