"""The blueprint of /segments."""

from flask import Blueprint

bp = Blueprint("segments_api", __name__, url_prefix="/segments")
