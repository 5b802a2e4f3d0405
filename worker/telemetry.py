"""Telemetry: spans, log lines and figures of a process go out by OTLP, in OpenTelemetry's words.

Nothing does until the extra `otel` is there and OpenTelemetry's own variables ask for it. A log line goes as it
stands in the log, past the same filters; figures are those of `/metrics`, from the one place where they are made.
Whatever is sent waits in a queue of its own and goes in a thread of its own: a collector that is slow or away holds
up nothing, and what it did not take is counted.
"""

import importlib.util
import json
import logging
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from opentelemetry import trace
from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from prometheus_client import Metric as MetricFamily

from worker import logs
from worker.version import VERSION

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")
_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_LONGEST_END_SECONDS = 5.0
_NAME = "crewcard-xero"


def is_asked_for(signal: Signal) -> bool:
    """Whether the variables say that it goes out.

    OTEL_EXPORTER_OTLP_ENDPOINT alone means traces; the others are asked for by OTEL_METRICS_EXPORTER=otlp and
    OTEL_LOGS_EXPORTER=otlp, or by an address of their own.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    named = [one.strip() for one in os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").split(",") if one.strip()]
    has_address = bool(os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"))
    if signal == "traces":
        return named in ([], ["otlp"]) and (has_address or bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")))
    return "otlp" in named if named else has_address


class Telemetry:
    """What this process (web, worker or clock) sends; to be made after a fork."""

    def __init__(self, kind: str) -> None:
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

        os.environ.setdefault("OTEL_SERVICE_NAME", f"{_NAME}-{kind}")
        os.environ.setdefault("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")  # by which we know what was lost
        self.resource = Resource.create({"service.version": VERSION})
        self._account = InMemoryMetricReader()
        self._own = MeterProvider([self._account], shutdown_on_exit=False)
        self._ends: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def send_spans(self) -> None:
        """What `tracing` begins and ends."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        provider = TracerProvider(resource=self.resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(meter_provider=self._own)
        provider.add_span_processor(BatchSpanProcessor(exporter, meter_provider=self._own))
        trace.set_tracer_provider(provider)
        self._ends.append(provider.shutdown)

    def send_log_lines(self) -> None:
        """Every line that the process writes from now on, beside the log."""
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
        from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415

        provider = LoggerProvider(resource=self.resource, shutdown_on_exit=False)
        exporter = OTLPLogExporter(meter_provider=self._own)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter, meter_provider=self._own))
        handler = LineHandler(provider.get_logger(_NAME, VERSION))
        logging.getLogger().addHandler(handler)
        self._ends += [lambda: logging.getLogger().removeHandler(handler), provider.shutdown]

    def send_figures(self, figures: Callable[[], Iterable[MetricFamily]]) -> None:
        """These, every OTEL_METRIC_EXPORT_INTERVAL milliseconds and once more at the end."""
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

        reader = PeriodicExportingMetricReader(OTLPMetricExporter(meter_provider=self._own))

        def collected(*_: object, **__: object) -> Any:
            try:
                return _metrics_data(self.resource, figures())
            except Exception:
                logs.log("telemetry").exception("telemetry.not_measured")
                return None

        reader._set_collect_callback(collected)  # noqa: SLF001  # figures that are kept elsewhere have no other way in
        self._ends.append(reader.shutdown)

    def lost(self) -> Counter[str]:
        """How many spans, log lines and values of figures no collector took, since this process began."""
        with self._lock:
            kept = self._account.get_metrics_data()
        counted: Counter[str] = Counter()
        for found in kept.resource_metrics if kept else ():
            for metric in (one for scope in found.scope_metrics for one in scope.metrics):
                if signal := _ACCOUNTS.get(metric.name):
                    points: Iterable[Any] = metric.data.data_points
                    counted[signal] += sum(int(one.value) for one in points if "error.type" in (one.attributes or {}))
        return counted

    def stop(self) -> None:
        """Send what is left, all signals side by side, for a few seconds at most."""
        ends = [threading.Thread(target=end, name="telemetry", daemon=True) for end in self._ends]
        for one in ends:
            one.start()
        until = time.monotonic() + _LONGEST_END_SECONDS
        for one in ends:
            one.join(max(0.0, until - time.monotonic()))


_ACCOUNTS: Mapping[str, Signal] = {
    "otel.sdk.processor.span.processed": "traces",  # with an error: the queue was full
    "otel.sdk.exporter.span.exported": "traces",
    "otel.sdk.processor.log.processed": "logs",
    "otel.sdk.exporter.log.exported": "logs",
    "otel.sdk.exporter.metric_data_point.exported": "metrics",
}


_SEVERITIES = {
    "DEBUG": SeverityNumber.DEBUG,
    "INFO": SeverityNumber.INFO,
    "WARNING": SeverityNumber.WARN,
    "ERROR": SeverityNumber.ERROR,
    "CRITICAL": SeverityNumber.FATAL,
}
_SENDERS = ("opentelemetry", "requests", "urllib3")


class LineHandler(logging.Handler):
    """Hands each line of the log on as a record of OpenTelemetry's, but for the lines about this sending itself."""

    def __init__(self, sink: Logger) -> None:
        super().__init__()
        self._sink = sink
        self.setFormatter(logs.as_json())

    def emit(self, record: logging.LogRecord) -> None:
        """The event is the body, every other field an attribute; a line within a span belongs to it."""
        if record.name.startswith(_SENDERS):
            return
        try:
            self._hand_on(record, json.loads(self.format(record)))
        except Exception:
            self.handleError(record)

    def _hand_on(self, record: logging.LogRecord, line: dict[str, Any]) -> None:
        for field in ("level", "timestamp"):
            line.pop(field, None)
        self._sink.emit(
            timestamp=int(record.created * 1e9),
            observed_timestamp=time.time_ns(),
            context=_context_of(line),
            severity_number=_SEVERITIES.get(record.levelname, SeverityNumber.INFO),
            severity_text=record.levelname,
            body=line.pop("event", ""),
            attributes=line,
        )


def _context_of(line: dict[str, Any]) -> Context:
    """The span that the line names, which is taken out of its fields."""
    names = line.pop("trace_id", ""), line.pop("span_id", "")
    if not all(names):
        return Context()
    here = SpanContext(int(names[0], 16), int(names[1], 16), is_remote=False, trace_flags=TraceFlags(1))
    return trace.set_span_in_context(NonRecordingSpan(here), Context())


def _metrics_data(resource: Any, families: Iterable[MetricFamily]) -> Any:
    """Prometheus' families in OpenTelemetry's form, under the names that they have at `/metrics`."""
    from opentelemetry.sdk.metrics import export  # noqa: PLC0415  # an extra
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

    now = time.time_ns()
    metrics = []
    for family in families:
        data: Any
        if family.type == "histogram":
            data = export.Histogram([*_histogram_points(family, now)], export.AggregationTemporality.CUMULATIVE)
        else:
            points = [
                export.NumberDataPoint(one.labels, 0, now, float(one.value))
                for one in family.samples
                if not one.name.endswith("_created")
            ]
            cumulative = export.AggregationTemporality.CUMULATIVE
            data = export.Sum(points, cumulative, True) if family.type == "counter" else export.Gauge(points)
        name = f"{family.name}_total" if family.type == "counter" else family.name
        metrics.append(export.Metric(name, family.documentation, "", data))
    scope = export.ScopeMetrics(InstrumentationScope(_NAME, VERSION), metrics, "")
    return export.MetricsData([export.ResourceMetrics(resource, [scope], "")])


def _histogram_points(family: MetricFamily, now: int) -> Iterator[Any]:
    """One per set of labels; Prometheus' buckets contain those below them, OpenTelemetry's do not."""
    from opentelemetry.sdk.metrics.export import HistogramDataPoint  # noqa: PLC0415  # an extra

    found: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for one in family.samples:
        labels = tuple((name, value) for name, value in one.labels.items() if name != "le")
        point = found.setdefault(labels, {"buckets": [], "sum": 0.0, "created": 0.0})
        if "le" in one.labels:
            point["buckets"].append((float(one.labels["le"]), int(one.value)))
        else:
            point[one.name.rpartition("_")[2]] = one.value
    for labels, point in found.items():
        bounds, totals = zip(*sorted(point["buckets"]), strict=True)
        counts = [total - below for total, below in zip(totals, (0, *totals), strict=False)]
        ends = [bound for bound in bounds if bound < math.inf]
        began = int(point["created"] * 1e9)
        unknown: Any = None  # the least and the greatest
        yield HistogramDataPoint(dict(labels), began, now, totals[-1], point["sum"], counts, ends, unknown, unknown)


_running: list[Telemetry] = []


def set_up(kind: str) -> None:
    """Send what is asked for of this process (web, worker or clock); to be called after a fork.

    Figures are sent once `send_figures` says where they come from.
    """
    wanted = [signal for signal in SIGNALS if is_asked_for(signal)]
    if not wanted:
        return
    try:
        is_there = all(importlib.util.find_spec(name) for name in _PACKAGES)
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        logs.log("tracing").warning("tracing.missing", reason="the extra otel is not installed")
        return
    _running[:] = [Telemetry(kind)]
    if "traces" in wanted:
        _running[0].send_spans()
    if "logs" in wanted:
        _running[0].send_log_lines()


def send_figures(figures: Callable[[], Iterable[MetricFamily]]) -> None:
    """Send these of the process, if figures are asked for."""
    for one in _running:
        if is_asked_for("metrics"):
            one.send_figures(figures)


def lost() -> Counter[str]:
    """What no collector took since this process began; nothing while nothing is sent."""
    return _running[0].lost() if _running else Counter()


def stop() -> None:
    """Send what is left, for a few seconds at most."""
    while _running:
        _running.pop().stop()
