"""The correlation id of one request or job, and JSON logs that carry it. No e-mail, phone or name is logged."""

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
_GIVEN = re.compile(r"[\w-]{8,64}")
_PLAIN = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
_PERSONAL = re.compile(r"\+\d{6,15}|[\w.+-]+@[\w-]+\.[\w.-]+")


def begin(given: str | None = None) -> str:
    """Start a trace; a caller's own id is taken if it is harmless."""
    value = given if given and _GIVEN.fullmatch(given) else secrets.token_hex(8)
    correlation.set(value)
    return value


class JsonLines(logging.Formatter):
    """One JSON object a line; anything that looks like an address or a number is masked as a last resort."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "where": record.name,
            "what": record.getMessage(),
            "correlation_id": correlation.get(),
        }
        line.update({k: v for k, v in record.__dict__.items() if k not in _PLAIN})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return masked(json.dumps(line, default=str, ensure_ascii=False))


def masked(text: str) -> str:
    """A text without what looks like an address or a number."""
    return _PERSONAL.sub("•••", text)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send all logs to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("fontTools", "weasyprint", "rq.worker"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
