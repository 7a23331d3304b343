"""Logging: JSON lines to a file, a human's lines to standard error, secrets in neither."""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog

__all__ = ["configure_logging", "redact"]

_SECRET_KEYS: Final = re.compile(r"token|secret|password|authorization|api_?key|ledger_url", re.IGNORECASE)
_SECRET_TEXT: Final = (
    re.compile(r"(?<=token=)[^\s&\"']+", re.IGNORECASE),
    re.compile(r"(?<=bearer )\S+", re.IGNORECASE),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
_HIDDEN: Final = "[hidden]"


def redact(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide secrets: values under telling keys, and tokens and passwords inside text.

    Parameters
    ----------
    _logger : object
        The logger; structlog passes it, nothing is done with it.
    _method : str
        The level; the same.
    entry : mapping
        A log entry.

    Returns
    -------
    mapping
        The same entry, with what is secret replaced.
    """
    for key, value in entry.items():
        if _SECRET_KEYS.search(key):
            entry[key] = _HIDDEN
        elif isinstance(value, str):
            entry[key] = _clean(value)
    return entry


def _clean(text: str) -> str:
    for pattern in _SECRET_TEXT:
        text = pattern.sub(_HIDDEN, text)
    return text


def configure_logging(folder: Path, *, quiet: bool = False) -> Path:
    """Send the log to a file and warnings to standard error.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the log; made where it is missing.
    quiet : bool, optional
        Show nothing on standard error.

    Returns
    -------
    pathlib.Path
        The log file; it is rotated at 10 MB and five old ones are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "hedgefield.log"
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    file = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=5, encoding="utf-8")
    file.setFormatter(_formatter(shared, structlog.processors.JSONRenderer()))
    human = logging.StreamHandler(sys.stderr)
    human.setLevel(logging.CRITICAL + 1 if quiet else logging.WARNING)
    human.setFormatter(_formatter(shared, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())))
    root = logging.getLogger("hedgefield")
    root.handlers, root.propagate = [file, human], False
    root.setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return path


def _formatter(shared: list[Any], renderer: Any) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
