"""Traces: what belongs to one click, seen across processes, in the words of W3C and of OpenTelemetry.

The `traceparent` of a host is kept with its request and passed on to events and webhooks, whatever is installed.
Spans of our own go out once the extra `otel` is there and OTEL_EXPORTER_OTLP_ENDPOINT says where to; without them a
span is only the context that it was begun in. Nothing private stands in one: ids of companies, requests and batches,
sizes, states, times.
"""

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from events import codec
from worker import logs
from worker.heartbeat import VERSION

MOST_LINKS = 32  # of a call that carries invoices of many requests
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_w3c = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("crewcard-xero", VERSION)


def set_up(kind: str) -> None:
    """Send the spans of this process (web, worker or clock) by OTLP, where one is told to; to be called after a fork.

    Everything else is as OpenTelemetry's own variables say.
    """
    is_off = os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() != "otlp"
    if is_off or not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        is_there = all(importlib.util.find_spec(name) for name in _PACKAGES)
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        logs.log("tracing").warning("tracing.missing", reason="the extra otel is not installed")
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    os.environ.setdefault("OTEL_SERVICE_NAME", f"crewcard-xero-{kind}")
    provider = TracerProvider(resource=Resource.create({"service.version": VERSION}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def stop() -> None:
    """Send what is left, within OpenTelemetry's own time."""
    end = getattr(trace.get_tracer_provider(), "shutdown", None)
    if end:
        end()


def is_sent() -> bool:
    """Whether spans go anywhere, so that it is worth asking what they are of."""
    return hasattr(trace.get_tracer_provider(), "shutdown")


def current() -> str | None:
    """The trace context at hand, as it is kept (`codec.trace_of`); None outside any trace."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return codec.trace_of(carrier.get("traceparent"), carrier.get("tracestate"))


@contextmanager
def span(
    name: str,
    context: str | None,
    marks: Mapping[str, str | int] | None = None,
    *,
    links: Sequence[str] = (),
    began: int | None = None,
) -> Iterator[Span]:
    """What is done within belongs to this span, whose parent is that `context`; None: it begins a trace.

    `links` are contexts of other traces that it serves too, `began` is in nanoseconds since 1970, if it was before.
    """
    others = [trace.get_current_span(_w3c.extract(codec.trace_headers(one), Context())) for one in links]
    begun = _tracer.start_span(
        name,
        _w3c.extract(codec.trace_headers(context), Context()),
        _KINDS.get(name, SpanKind.INTERNAL),
        {f"crewcard.{key}": value for key, value in (marks or {}).items()},
        [Link(one.get_span_context()) for one in others],
        began,
    )
    with trace.use_span(begun, end_on_exit=True, record_exception=False):
        yield begun


_KINDS: Mapping[str, SpanKind] = {
    "door": SpanKind.SERVER,
    "call": SpanKind.CLIENT,
    "relay": SpanKind.PRODUCER,
    "webhook": SpanKind.CLIENT,
}
