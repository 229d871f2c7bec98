"""The WSGI entry: one application from the environment's settings."""

import gc

from app.core.settings import Settings
from app.factory import create_app

app = create_app(Settings.from_env())

# What the start has made stays for good: the collector need not walk over it again and again between two requests.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
