"""Logs: structlog, JSON unless at a terminal, one canonical line per batch, nothing private in any of them."""

import contextlib
import http.client
import logging
import sys
import traceback
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import structlog
from opentelemetry import trace

from events import wording
from worker.decisions import mending

# Only these fields leave the process. Names, amounts, tokens and secrets have no field here.
FIELDS = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "company",
        "tenant",
        "lane",
        "request",
        "invoice",
        "batch",
        "event_id",
        "door",
        "size",
        "answered",
        "posted",
        "rejected",
        "missing",
        "seconds",
        "status",
        "correlation_id",
        "effect",
        "limit",
        "wait",
        "state",
        "count",
        "reason",
        "kind",
        "duty",
        "attempt",
        "process",
        "pid",
        "exit_code",
        "port",
        "position",
        "found",
        "returned",
        "error",
        "where",
        "client",
        "version",
        "requests",
        "look_ups",
        "head",
        "problems",
        "user",
        "address",
        "request_id",
        "sqlstate",
        "constraint",
        "statement",
        "trace_id",
        "span_id",
    ]
)
_FRAMES = 6
_ROOT = Path(__file__).parents[1]
_ROOMS = frozenset(("events", "store", "xero_adapter", "worker", "web", "cli"))
WITHHELD = "(withheld)"
_BROKE_IN = "span_it_broke_in"


def set_up(level: str = "INFO", format: str = "auto") -> None:  # noqa: A002  # the setting's name
    """Configure logging for this process; the standard library's loggers go the same way."""
    is_json = format == "json" or (format == "auto" and not sys.stderr.isatty())
    structlog.configure(
        processors=[*_shared(), withhold, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    # A terminal is spared what it would obey.
    handler.setFormatter(as_json() if is_json else _formatter(plainly, structlog.dev.ConsoleRenderer()))
    _use_for_everything(handler, level)


def write_to(stream: TextIO) -> None:
    """Lines go there from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)


def as_json() -> logging.Formatter:
    """How a line is written for machines: in ASCII, with everything else escaped."""
    return _formatter(structlog.processors.JSONRenderer())


def _formatter(*last: Any) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, mending.mask],
    )


def _shared() -> list[Any]:
    """What every line passes, ours and the libraries'."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_the_trace,
        name_the_exception,
    ]


def _use_for_everything(handler: logging.Handler, level: str) -> None:
    """One way for all lines, ours and the libraries'."""
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("crewcard").setLevel(level.upper())
    for chatty in ("http.client", "urllib3", "httpx", "httpcore", "xero_python"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # a line for each body that is no form
    for library in ("uvicorn", "uvicorn.error", "dramatiq"):  # which may have brought handlers of their own
        logging.getLogger(library).handlers.clear()
        logging.getLogger(library).propagate = True
    logging.raiseExceptions = False  # a handler that cannot write would print the bare line to standard error
    # http.client prints every header, bearers included, once anybody switches its debugging on.
    http.client.print = _into_the_log  # type: ignore[attr-defined]


def _into_the_log(*said: object) -> None:
    logging.getLogger("http.client").debug("%s", mending.masked(" ".join(map(str, said))))


def name_the_trace(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The trace that it belongs to, and the span or what began it, where there is one.

    What broke within a span may be told outside of all: its line belongs to where it broke.
    """
    here = trace.get_current_span().get_span_context()
    if not here.is_valid and "trace_id" not in line:
        here = getattr(_exception_of(line.get("exc_info")), _BROKE_IN, here)
    if here.is_valid:
        line["trace_id"], line["span_id"] = trace.format_trace_id(here.trace_id), trace.format_span_id(here.span_id)
    return line


def remember_the_trace(broken: Exception) -> None:
    """It broke in the span at hand, or further in."""
    here = trace.get_current_span().get_span_context()
    if here.is_valid and not hasattr(broken, _BROKE_IN):
        with contextlib.suppress(AttributeError):  # an exception of C's may take nothing
            setattr(broken, _BROKE_IN, here)


def _exception_of(told: Any) -> Any:
    return sys.exc_info()[1] if told is True else (told[1] if isinstance(told, tuple) else told)


def name_the_exception(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its kind and our own innermost places: its words and its frames' values may hold anything.

    What the database refused has its code and the name of the constraint (SQLite has its own codes, and no names),
    and the statement is named as the function of `store` that made it.
    """
    broken = _exception_of(line.pop("exc_info", None))
    if isinstance(broken, BaseException):
        line["error"] = type(broken).__name__
        frames = traceback.extract_tb(broken.__traceback__)
        ours = [frame for frame in frames if _is_ours(Path(frame.filename))]
        innermost = [*ours, *(frame for frame in frames[-1:] if frame not in ours)] if ours else frames
        line["where"] = " < ".join(map(_place, reversed(innermost[-_FRAMES:])))
        refused = getattr(broken, "orig", broken)
        code = getattr(refused, "sqlstate", None) or getattr(refused, "sqlite_errorname", None)
        constraint = getattr(getattr(refused, "diag", None), "constraint_name", None)
        statement = _statement(ours) if code else None
        refusal = {"sqlstate": code, "constraint": constraint, "statement": statement}
        line.update({name: said for name, said in refusal.items() if said})
    return line


def _statement(ours: Sequence[traceback.FrameSummary]) -> str | None:
    """The innermost function of `store` that is none of those by which every statement is made or sent."""
    for frame in reversed(ours):
        room, *_, module = Path(frame.filename).relative_to(_ROOT).with_suffix("").parts
        if room == "store" and module not in ("statements", "unit_of_work"):
            return f"{module}.{frame.name}"
    return None


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(_ROOT) and file.relative_to(_ROOT).parts[0] in _ROOMS


def _place(frame: traceback.FrameSummary) -> str:
    file = Path(frame.filename)
    return f"{file.relative_to(_ROOT) if _is_ours(file) else file.name}:{frame.lineno} {frame.name}"


def withhold(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace every field that is not on the list."""
    return {key: value if key in FIELDS or key.startswith("_") else WITHHELD for key, value in line.items()}


def plainly(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Words as a terminal may show them."""
    return {key: wording.shown(value) if isinstance(value, str) else value for key, value in line.items()}


def log(room: str) -> Any:
    """A logger for one room; keys are `room.past_tense`."""
    return structlog.get_logger(f"crewcard.{room}")
