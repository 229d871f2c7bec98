"""The blueprint of the campaign pages."""

from flask import Blueprint

from app.http.errors import said

bp = Blueprint("campaigns", __name__, url_prefix="/campaigns")
bp.add_app_template_global(said, "said")
