"""Pages of reports: those that were made, and who gets one every month."""

from app.web.reports import runs, subscribers
from app.web.reports.blueprint import bp

__all__ = ["bp", "runs", "subscribers"]
