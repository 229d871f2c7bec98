"""The blueprint of the flow pages."""

from flask import Blueprint

from app.http.errors import said

bp = Blueprint("flows", __name__, url_prefix="/flows")
bp.add_app_template_global(said, "said")
