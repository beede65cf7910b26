"""Structured logs: human in a terminal, JSON lines elsewhere, never a secret."""

import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from poolkit.logger import get_logger as get_logger
from poolkit.redaction import redact
from poolkit.startup_error import StartupError

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_ROTATE_BYTES = 50 * 1024 * 1024
_ROTATED_FILES = 5


def redact_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """structlog processor: strike out secrets in the message, the fields and the traceback."""
    return {key: redact(value, key) for key, value in event.items()}


def configure_logs(
    level: str = "INFO",
    *,
    service: str = "",
    file: Path | None = None,
    stream: TextIO | None = None,
    human: bool | None = None,
) -> None:
    """Send the logs of this process, ours and of the libraries, to `stream` (stderr) and `file`.

    `human` None: coloured lines if the stream is a terminal, else JSON lines. The file always
    holds JSON lines and rotates at 50 MiB, five old files are kept. Raises ValueError for an
    unknown level, StartupError if the file can't be opened.
    """
    if level.upper() not in LEVELS:
        raise ValueError(f"log level must be one of {', '.join(LEVELS)} (got {level!r})")
    stream = stream or sys.stderr
    if human is None:
        human = stream.isatty()
    handlers: list[logging.Handler] = [_stream_handler(stream, human, service)]
    if file is not None:
        handlers.append(_file_handler(file, service))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(service),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shared_processors(service: str) -> list[Processor]:
    def add_service(_logger: Any, _method: str, event: EventDict) -> EventDict:
        if service:
            event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
    ]


def _formatter(renderer: Processor, service: str) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared_processors(service),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # The traceback becomes text before the redaction, so that it is struck through too.
            structlog.processors.format_exc_info,
            redact_event,
            renderer,
        ],
    )


def _stream_handler(stream: TextIO, human: bool, service: str) -> logging.Handler:
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if human
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(renderer, service))
    return handler


def _file_handler(file: Path, service: str) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=_ROTATE_BYTES, backupCount=_ROTATED_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise StartupError(f"LOG_FILE {file} can't be written: {error.strerror}") from error
    handler.setFormatter(_formatter(structlog.processors.JSONRenderer(), service))
    return handler
