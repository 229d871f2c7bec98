"""The WSGI entry: one application from the environment's settings."""

from app.core.process import settle
from app.core.settings import Settings
from app.factory import create_app

app = create_app(Settings.from_env())
settle()
