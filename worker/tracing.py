"""Traces: what belongs to one click, seen across processes, in the words of W3C and of OpenTelemetry.

The `traceparent` of a host is kept with its request and passed on to events and webhooks, whatever is installed.
Spans of our own go out once `telemetry` sends them; without it a span is only the context that it was begun in.
Nothing private stands in one: ids of companies, requests and batches, sizes, states, times.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from events import codec
from worker import logs
from worker.version import VERSION

MOST_LINKS = 32  # of a call that carries invoices of many requests
_w3c = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("crewcard-xero", VERSION)


def is_sent() -> bool:
    """Whether spans go anywhere, so that it is worth asking what they are of."""
    return hasattr(trace.get_tracer_provider(), "shutdown")


def current() -> str | None:
    """The trace context at hand, as it is kept (`codec.trace_of`); None outside any trace."""
    here = headers()
    return codec.trace_of(here.get("traceparent"), here.get("tracestate"))


def headers() -> dict[str, str]:
    """The same as headers of a request, or attributes of an event."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier


def ids(context: str | None) -> dict[str, str]:
    """The fields of a log line that is written outside of every span and belongs to that context."""
    if context is None:
        return {}
    _, trace_id, span_id, *_ = context.split("-")
    return {"trace_id": trace_id, "span_id": span_id}


def span(
    name: str,
    context: str | None,
    marks: Mapping[str, str | int] | None = None,
    *,
    links: Sequence[str] = (),
    began: int | None = None,
) -> AbstractContextManager[Span]:
    """What is done within belongs to this span, whose parent is that `context`; None: it begins a trace.

    `links` are contexts of other traces that it serves too, `began` is in nanoseconds since 1970, if it was before.
    """
    others = [trace.get_current_span(_extracted(one)) for one in links]
    linked = [Link(one.get_span_context()) for one in others]
    return _begun(name, _extracted(context), marks, linked, began)


def step(name: str, marks: Mapping[str, str | int] | None = None) -> AbstractContextManager[Span]:
    """The same for a part of what the span at hand is of."""
    return _begun(name, None, marks)


def _extracted(context: str | None) -> Context:
    return _w3c.extract(codec.trace_headers(context), Context()) if context else Context()


@contextmanager
def _begun(
    name: str,
    parent: Context | None,
    marks: Mapping[str, str | int] | None,
    links: Sequence[Link] = (),
    began: int | None = None,
) -> Iterator[Span]:
    marked = {f"crewcard.{key}": value for key, value in (marks or {}).items()}
    begun = _tracer.start_span(name, parent, _KINDS.get(name, SpanKind.INTERNAL), marked, links, began)
    with trace.use_span(begun, end_on_exit=True, record_exception=False):
        try:
            yield begun
        except Exception as broken:
            logs.remember_the_trace(broken)
            raise


_KINDS: Mapping[str, SpanKind] = {
    "door": SpanKind.SERVER,
    "call": SpanKind.CLIENT,
    "relay": SpanKind.PRODUCER,
    "webhook": SpanKind.CLIENT,
}
