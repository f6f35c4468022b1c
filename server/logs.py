"""Structured logs: one event a line, for people on a terminal, JSON elsewhere.

No token, password, email or parameter is ever logged, nor the text of an exception, for it may
quote a row: an exception is logged as its type and the places it came through.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def configure(log_format: str, level: str) -> None:
    """For the whole process: ours and the libraries' records leave through one door, stderr."""
    text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        where_it_came_from,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("uvicorn", "websockets"):
        logging.getLogger(chatty).setLevel("WARNING")
    logging.getLogger("asyncpg.pool").setLevel("ERROR")  # the feed says when the database is away
    logging.getLogger("uvicorn.error").addFilter(is_no_refusal)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )


def is_no_refusal(record: logging.LogRecord) -> bool:
    """uvicorn takes a handshake that we refuse, as we may, for an error of ours."""
    return record.msg != "ASGI callable returned without completing handshake."


def where_it_came_from(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replaces an exception by its type, its SQLSTATE and its frames."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    if isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event["exception"] = type(raised).__qualname__
        if code := getattr(raised, "sqlstate", None):
            event["sqlstate"] = code
        event["frames"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(raised.__traceback__)
        ]
    return event
