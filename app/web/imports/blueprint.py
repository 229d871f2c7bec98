"""The blueprint of the import pages."""

from flask import Blueprint

bp = Blueprint("imports", __name__, url_prefix="/imports")
