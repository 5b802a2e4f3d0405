"""A host sees its click whole: one trace from its own span to the webhook, through web, worker and clock."""

import gzip
import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
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
        self.spans, self.hooks = [], []

    async def traces(self, request):
        body = await request.body()
        packed = request.headers.get("content-encoding") == "gzip"
        said = ExportTraceServiceRequest.FromString(gzip.decompress(body) if packed else body)
        for one in said.resource_spans:
            named = {pair.key: pair.value.string_value for pair in one.resource.attributes}
            self.spans += [(named["service.name"], span) for scope in one.scope_spans for span in scope.spans]
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
    routes = [Route("/v1/traces", receiver.traces, methods=["POST"]), Route("/hook", receiver.hook, methods=["POST"])]
    with machines.served(machines.config(Starlette(routes=routes), "127.0.0.1", 0)) as url:
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
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
    said = str([span for _, span in receiver.spans])
    assert not [word for word in ("Harbour Master", "C01", "Bearer", "INV-") if word in said]
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
