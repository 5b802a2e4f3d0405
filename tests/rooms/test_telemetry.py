"""What goes out by OTLP is what the log and `/metrics` say, only where it is asked for, and holds up nothing."""

import json
import logging
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from prometheus_client.parser import text_string_to_metric_families

from tests import machines
from tests.builders import a_request, an_invoice, invoices
from tests.doors.host import Host
from tests.hosts import callback
from tests.hosts.conftest import deliver
from tests.machines import a_free_port
from tests.rooms.test_logs import written  # noqa: F401
from web import health, main
from worker import logs, telemetry, tracing
from worker.delivery import rounds
from worker.intake import intake
from worker.measuring import measuring

ROOT = Path(__file__).parents[2]
TRACE = f"{0xABC:032x}"
HOSTS = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def sent(written):  # noqa: F811
    """The records that leave, beside the log."""
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    handler = telemetry.LineHandler(provider.get_logger("test"))
    logging.getLogger().addHandler(handler)
    yield lambda: [one.log_record for one in kept.get_finished_logs()]
    logging.getLogger().removeHandler(handler)
    provider.shutdown()


@pytest.mark.parametrize(
    ("variables", "asked_for"),
    [
        ({}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, ["traces"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, []),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, ["metrics"]),
        ({"OTEL_LOGS_EXPORTER": "console, otlp"}, ["logs"]),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://c:4318/v1/logs"}, ["logs"]),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c/v1/metrics", "OTEL_METRICS_EXPORTER": "none"}, []),
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, []),
    ],
)
def test_only_what_the_variables_ask_for_goes_out(monkeypatch, variables, asked_for):
    for name in [one for one in os.environ if one.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert [signal for signal in telemetry.SIGNALS if telemetry.is_asked_for(signal)] == asked_for


def test_a_line_leaves_as_it_stands_in_the_log_with_its_trace(written, sent):  # noqa: F811
    with tracing.span("turn", HOSTS):
        logs.log("exporter").warning("exporter.sent", batch=7, requests=["r1"], client_name="Canary Ltd")
    logging.getLogger("http.client").warning("header: authorization: Bearer canary-canary-canary-canary")
    first, second = sent()
    (line, other) = [json.loads(text) for text in written.getvalue().splitlines()]
    assert (first.body, first.severity_text, f"{first.trace_id:032x}") == ("exporter.sent", "WARNING", TRACE)
    assert f"{first.span_id:016x}" == line["span_id"]
    assert dict(first.attributes) == {"batch": 7, "requests": ("r1",), "client_name": logs.WITHHELD}
    assert (second.body, second.trace_id) == (other["event"], 0)
    assert "canary" not in f"{first}{second}".lower()


def test_what_the_sending_itself_says_is_not_sent(sent):
    logging.getLogger("opentelemetry.sdk").warning("Queue full")
    assert sent() == []


def test_what_broke_within_a_span_is_told_further_out_with_its_trace(written, sent):  # noqa: F811
    try:
        with tracing.span("turn", HOSTS), tracing.span("call", tracing.current()):
            int("x")
    except ValueError:
        logs.log("exporter").exception("exporter.failed")
    assert json.loads(written.getvalue())["trace_id"] == TRACE
    assert f"{sent()[0].trace_id:032x}" == TRACE


def test_a_click_that_is_turned_away_is_told_with_the_trace_of_its_host(on_sqlite, written):  # noqa: F811
    with machines.served(main.serving(main.build(on_sqlite.tools), on_sqlite.settings)) as url:
        host = Host(on_sqlite, url)
        assert host.post({"type": "nothing"}, at=1, traceparent=HOSTS).status_code == 401
    told = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line.get("trace_id") for line in told if line["event"].startswith("door.")] == [TRACE]


def test_a_webhook_that_did_not_get_through_is_told_with_the_trace_of_its_click(
    make_installation,
    sqlite_url,
    written,  # noqa: F811
    monkeypatch,
):
    nobody = f"http://127.0.0.1:{a_free_port()}/hook"
    telling = make_installation(
        sqlite_url, webhook_url=nobody, webhook_secret=(callback.SECRET,), webhook_private_addresses=True
    )
    telling.company()
    monkeypatch.setattr(rounds, "_log", logs.log("relay"))
    intake.accept(telling.tools, {**a_request(), "traceparent": HOSTS})
    telling.run()
    deliver(telling)
    told = [json.loads(line) for line in written.getvalue().splitlines() if "relay.not_delivered" in line]
    assert {line.get("trace_id") for line in told} == {None, TRACE}  # that a company is connected is of no click


def test_figures_by_otlp_are_those_of_metrics(installation):
    """The same names, labels and values, from one measurement: nothing is counted a second time."""
    installation.ask(*invoices(3), an_invoice("bad", client={"id": "nobody", "name": "Nobody"}))
    installation.run()
    installation.relay()
    while measuring.count_on(installation.tools):
        pass
    readings = measuring.measure(installation.tools)
    times = health.RequestTimes()
    times._seconds.labels("/v1/events", "POST", "2xx").observe(0.3)
    families = [*health._Families(readings).collect(), *times.registry.collect()]
    data = telemetry._metrics_data(Resource({}), families)
    text = health.render(readings) + health.generate_latest(times.registry)
    expected = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert flat(data) == expected
    assert len([name for name, *_ in expected if name.endswith("_bucket")]) > 30


def flat(data):
    """OpenTelemetry's points as Prometheus writes them."""
    found = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            labels = sorted(point.attributes.items())
            if not hasattr(point, "bucket_counts"):
                found[metric.name, *labels] = point.value
                continue
            found[f"{metric.name}_sum", *labels] = point.sum
            found[f"{metric.name}_count", *labels] = point.count
            assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
            for number, bound in enumerate([*map(str, point.explicit_bounds), "+Inf"], 1):
                within = sum(point.bucket_counts[:number])
                found[f"{metric.name}_bucket", *sorted([*labels, ("le", bound)])] = within
    return found


AWAY = """
import json, sys, time
from store.unit_of_work import Store, engine_for
from tests.machines import wait_for
from worker import logs, telemetry, tracing
from worker.heartbeat import Heartbeat
from web import health, main

logs.set_up("INFO", "json")
telemetry.set_up("clock")
times = health.RequestTimes()
times._seconds.labels("/healthz", "GET", "2xx").observe(1)
telemetry.send_figures(times.registry.collect)
heartbeat = Heartbeat(Store(engine_for(sys.argv[1])), "clock")
began = time.monotonic()
for number in range(3000):
    with tracing.span("turn", None):
        logs.log("exporter").info("exporter.sent", batch=number)
took = time.monotonic() - began
wait_for(lambda: set(+telemetry.lost()) == {"traces", "logs", "metrics"}, 60, every=0.1)
heartbeat.beat()
heartbeat.beat()
began = time.monotonic()
telemetry.stop()
print(json.dumps({"took": took, "end": time.monotonic() - began}))
"""


@contextmanager
def refusing():
    yield a_free_port()


@contextmanager
def hanging():
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


@pytest.mark.parametrize("collector", [refusing, hanging])
def test_a_collector_that_is_away_holds_up_nothing_and_what_it_lost_is_counted(on_sqlite, collector):
    with collector() as port:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }
        done = subprocess.run(
            [sys.executable, "-c", AWAY, on_sqlite.settings.database_url],
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["took"] < 60  # a call to this collector for each of them would take more than an hour
    assert told["end"] < 15
    lost = {
        sample.labels["signal"]: sample.value
        for family in text_string_to_metric_families(health.render(measuring.measure(on_sqlite.tools)).decode())
        for sample in family.samples
        if sample.name == "crewcard_xero_telemetry_lost_total" and sample.labels["kind"] == "clock"
    }
    assert set(lost) == {"traces", "logs", "metrics"}
    assert all(value <= 3000 for value in lost.values()), lost
