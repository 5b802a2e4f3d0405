"""A host sees its click whole: one trace from its own span to the webhook, through web, worker and clock."""

import gzip
import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from cli import csv_invoices
from demo import run as demo
from tests import machines
from tests.builders import a_request, an_invoice
from tests.doors.host import Host
from tests.machines import wait_for
from tests.system.live import Live

pytestmark = pytest.mark.xdist_group("live")
CLIENT = {"id": "C01", "name": "Harbour Master Ltd"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """What an OpenTelemetry collector and a host's endpoint would get."""

    def __init__(self):
        self.spans, self.lines, self.figures, self.hooks = [], [], [], []

    async def taken(self, request):
        """Spans, log lines and figures, each with the service that it is of."""
        body = await request.body()
        packed = request.headers.get("content-encoding") == "gzip"
        kind, kept = {
            "/v1/traces": (ExportTraceServiceRequest, self.spans),
            "/v1/logs": (ExportLogsServiceRequest, self.lines),
            "/v1/metrics": (ExportMetricsServiceRequest, self.figures),
        }[request.url.path]
        said = kind.FromString(gzip.decompress(body) if packed else body)
        for one in (resource for _, resources in said.ListFields() for resource in resources):
            service = {pair.key: pair.value.string_value for pair in one.resource.attributes}["service.name"]
            scopes = [
                scope for field, scopes in one.ListFields() if field.name.startswith("scope_") for scope in scopes
            ]
            kept += [
                (service, item)
                for scope in scopes
                for field, items in scope.ListFields()
                if field.name in ("spans", "log_records", "metrics")
                for item in items
            ]
        return Response(content=b"", media_type="application/x-protobuf")

    async def hook(self, request):
        self.hooks.append((request.headers.get("traceparent"), json.loads(await request.body())))
        return Response()

    def of_trace(self, trace, carried):
        """Spans by name, which service and the span; of several webhooks the one that `carried` what was told."""
        mine = [(service, span) for service, span in self.spans if span.trace_id.hex() == trace]
        return {
            span.name: (service, span)
            for service, span in mine
            if span.name != "webhook" or span.span_id.hex() == carried
        }


@contextmanager
def running(folder, *, sends_spans):
    receiver = Receiver()
    signals = [Route(f"/v1/{one}", receiver.taken, methods=["POST"]) for one in ("traces", "logs", "metrics")]
    routes = [*signals, Route("/hook", receiver.hook, methods=["POST"])]
    with machines.served(machines.config(Starlette(routes=routes), "127.0.0.1", 0)) as url:
        otel = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_BLRP_SCHEDULE_DELAY": "100",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }
        webhook = {"WEBHOOK_URL": f"{url}/hook", "WEBHOOK_SECRET": SECRET, "WEBHOOK_PRIVATE_ADDRESSES": "true"}
        live = Live(folder, **webhook, **(otel if sends_spans else {}))
        live.start([one.document for one in csv_invoices.invoices(demo.SAMPLE)])
        try:
            there = SimpleNamespace(store=live.tools.store, tools=live.tools)
            yield live, receiver, Host(there, live.settings.public_url, key_id="traced")
        finally:
            live.stop()


def every_line(live):
    """What web, worker and clock have logged: Dramatiq's own lines are JSON too."""
    ours = [
        log for log in (live.home / "logs").glob("*.log") if log.stem.partition("-")[0] in ("web", "worker", "clock")
    ]
    assert len(ours) == 3, sorted((live.home / "logs").iterdir())
    return [json.loads(line) for log in ours for line in log.read_text().splitlines()]


def lines_of(receiver, trace):
    """The log lines of this trace that came, by service and event."""
    found = {}
    for service, line in receiver.lines:
        if line.trace_id.hex() == trace:
            found.setdefault(service.removeprefix("crewcard-xero-"), {})[line.body.string_value] = line
    return found


def figure(receiver, name, **labels):
    """The newest value of this figure that came, of the web process; None before there is one."""
    for service, metric in reversed(receiver.figures):
        if (service, metric.name) == ("crewcard-xero-web", name):
            data = getattr(metric, metric.WhichOneof("data"))
            for point in data.data_points:
                if labels.items() <= {pair.key: pair.value.string_value for pair in point.attributes}.items():
                    return point
    return None


def click(name, **attributes):
    event = a_request(an_invoice(name, client=CLIENT), request=name, mode="single", company="harbour-crew")
    return {**event, **attributes}


def context(number):
    return f"00-{number:032x}-00f067aa0ba902b7-01"


def told_by_webhook(receiver, name):
    """The answer about the invoice and the `traceparent` that its request carried."""
    return wait_for(
        lambda: next(
            (
                (header, event)
                for header, event in receiver.hooks
                if event["type"] == "invoice.export.succeeded" and event["data"]["invoice"] == name
            ),
            None,
        )
    )


def test_one_click_is_seen_whole_from_the_host_to_its_webhook(tmp_path):
    with running(tmp_path, sends_spans=True) as (live, receiver, host):
        assert host.post(click("traced"), traceparent=context(0xABC)).status_code == 202
        header, event = told_by_webhook(receiver, "traced")
        trace = f"{0xABC:032x}"
        carried = header.split("-")[2]
        steps = ("door", "turn", "call", "record", "relay", "webhook")
        seen = wait_for(lambda: (found := receiver.of_trace(trace, carried)) and set(steps) <= set(found) and found)
        brought = wait_for(lambda: (found := lines_of(receiver, trace)) and {"web", "worker"} <= set(found) and found)
        answered = wait_for(lambda: figure(receiver, "crewcard_xero_invoices_answered_total", outcome="created"))
        took = figure(receiver, "crewcard_xero_http_request_seconds", route="/v1/events", status="2xx")
        lines = every_line(live)

    def parent(name):
        return seen[name][1].parent_span_id.hex()

    def own(name):
        return seen[name][1].span_id.hex()

    assert parent("door") == "00f067aa0ba902b7"
    assert parent("turn") == own("door")
    assert parent("call") == parent("record") == own("turn")
    assert event["traceparent"] == f"00-{trace}-{own('record')}-01"
    assert parent("relay") == parent("webhook") == own("record")
    assert header == f"00-{trace}-{own('webhook')}-01"  # it is by this that the host finds its own span's parent
    services = {name: seen[name][0].removeprefix("crewcard-xero-") for name in steps}
    assert services == {
        "door": "web", "turn": "worker", "call": "worker", "record": "worker", "relay": "clock", "webhook": "clock"
    }  # fmt: skip
    assert (answered.as_double, took.count) == (1, 1)
    assert brought["web"]["door.accepted"].span_id.hex() == own("door")
    assert brought["worker"]["exporter.sent"].span_id.hex() == own("turn")
    written = {line["event"]: line for line in lines if line.get("trace_id") == trace}
    for name, one in {**brought["web"], **brought["worker"]}.items():
        fields = {pair.key for pair in one.attributes}
        assert fields == set(written[name]) - {"event", "level", "timestamp", "trace_id", "span_id"}
    said = str([*receiver.spans, *receiver.lines, *receiver.figures])
    assert not [word for word in ("Harbour Master", "C01", "Bearer", "INV-") if word in said]
    untraced = [
        line for line in lines if {"request", "requests", "batch", "invoice"} & set(line) and "trace_id" not in line
    ]
    assert untraced == []
    assert {line["trace_id"] for line in lines if line["event"] in ("door.accepted", "exporter.sent")} == {trace}


def test_without_the_extra_the_trace_of_the_host_still_travels(tmp_path):
    with running(tmp_path, sends_spans=False) as (_, receiver, host):
        assert host.post(click("plain"), traceparent=context(1), tracestate="vendor=7").status_code == 202
        assert host.post(click("own", traceparent=context(2)), traceparent=context(3)).status_code == 202
        assert host.post(click("odd"), traceparent="nonsense").status_code == 202
        header, event = told_by_webhook(receiver, "plain")
        assert (header, event["traceparent"], event["tracestate"]) == (context(1), context(1), "vendor=7")
        assert told_by_webhook(receiver, "own")[0] == context(2)
        header, event = told_by_webhook(receiver, "odd")
        assert header is None
        assert "traceparent" not in event
        again = {**click("own"), "traceparent": context(9)}
        assert host.post(again).headers["x-crewcard-repeated"] == "true"
        assert receiver.spans == []
