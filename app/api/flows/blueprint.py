"""The blueprint of /flows."""

from flask import Blueprint

bp = Blueprint("flows_api", __name__, url_prefix="/flows")
