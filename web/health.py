"""Is it alive, is it ready: `/healthz` for the process, `/readyz` for what it needs.

`/metrics` for Prometheus: read from the database and Redis at each scrape, the same from every web process.
"""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Callable, Iterable

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client import Metric as MetricFamily
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store import outbox, processes, sinks
from web import answers
from web.answers import RefusedRequest
from worker import parts
from worker.measuring import measuring
from worker.measuring.catalogue import REQUESTS, Metric
from worker.measuring.measuring import MetricReading
from worker.tools import Tools
from worker.version import VERSION, build_id
from worker.watching import canary

router = APIRouter()


@router.get("/healthz")
async def alive() -> Response:
    """The process answers; in the loop itself, so that it does also while every thread of the doors hangs."""
    return JSONResponse({"status": "ok"})


@router.get("/version")
def version() -> Response:
    """Which version this is, and which build of it; nothing else."""
    return JSONResponse({"version": VERSION, "build": build_id()})


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """Database and Redis take what is written to them, tried within a second and in no thread of the doors.

    While Redis is away the doors accept all the same, so that alone is no refusal; one that answers and takes nothing
    does not mend itself. By a clock that is far off every signature is too old: a host may take a 401 for the last
    word, and comes again after a 503.
    """
    if request.app.state.draining.is_set():
        return JSONResponse({"web": "about to end"}, 503)
    tools: Tools = request.app.state.tools
    tries = tools.parts.begin(tools.store, tools.redis)
    await asyncio.wait([asyncio.wrap_future(one) for one in tries.values()], timeout=parts.PATIENCE_SECONDS)
    found = {name: parts.condition(one) for name, one in tries.items()}
    is_ready = found["database"].state == "ok" and found["redis"].state != "refuses"
    said = {name: one.says for name, one in found.items()}
    skew = request.app.state.heartbeat.skew
    if abs(skew or 0) > processes.REFUSING_SECONDS:
        is_ready = False
        said["time"] = f"is {processes.skew_in_words(skew)}: what hosts sign is refused"
    return JSONResponse(said, 200 if is_ready else 503)


@router.post("/canary", status_code=202)
async def take_canary(request: Request) -> Response:
    """The doctor's test comes in, with a ticket that only the keys of this installation can make."""
    return await answers.in_a_thread(request, _take_canary, request)


def _take_canary(request: Request) -> Response:
    tools: Tools = request.app.state.tools
    canary_id = _canary_of(request, tools)
    canary.accept(tools, canary_id)
    return JSONResponse({"canary": canary_id}, 202)


@router.get("/canary")
async def canary_steps(request: Request) -> Response:
    """How far it has come; the feed is read for it, as a host reads it."""
    return await answers.in_a_thread(request, _canary_steps, request)


def _canary_steps(request: Request) -> Response:
    tools: Tools = request.app.state.tools
    steps = canary.steps(tools, _canary_of(request, tools))
    with tools.store.read() as work:
        outbox.after(work, max(0, sinks.newest(work) - 1), most=1)
    return JSONResponse({"seconds": dict(steps)})


def _canary_of(request: Request, tools: Tools) -> str:
    """Raises RefusedRequest (401)."""
    try:
        return canary.id_of(tools, request.headers.get("authorization", "").removeprefix("Bearer "))
    except canary.NotOurs:
        problem = "authorization: this canary has no ticket made with the ENCRYPTION_KEYS of this installation"
        raise RefusedRequest(401, "Ticket not valid", [problem], {"WWW-Authenticate": "Bearer"}) from None


class RequestTimes:
    """Counts what this process answers, and how long that takes; what leads nowhere has the route “(none)”."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of = REQUESTS
        self._seconds = Histogram(of.full_name, of.says, of.labels, buckets=of.buckets, registry=self.registry)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            began, status = time.perf_counter(), 500  # nothing was sent: it broke

            async def send_seen(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, send_seen)
            finally:
                if scope["type"] == "http":
                    route = getattr(scope.get("route"), "path", "(none)")
                    method = scope["method"] if scope["method"] in _METHODS else "(other)"
                    took = time.perf_counter() - began
                    self._seconds.labels(route, method, f"{status // 100}xx").observe(took)

        return counted


_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
metrics_router = APIRouter()
# What proxies and content networks add to a request of somebody else, whatever it says.
_FORWARDING = frozenset(
    [
        "via",
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-true-client-ip",
        "true-client-ip",
        "x-cluster-client-ip",
        "x-remote-ip",
        "x-remote-addr",
        "x-originating-ip",
        "x-original-forwarded-for",
        "x-original-host",
        "x-original-url",
        "x-host",
        "x-proxyuser-ip",
        "x-envoy-external-address",
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "cf-ray",
        "fastly-client-ip",
        "cdn-loop",
        "fly-client-ip",
        "x-azure-clientip",
        "x-amzn-trace-id",
        "max-forwards",
        "client-ip",
    ]
)
_FORWARDING_BEGINS = "x-forwarded"


@metrics_router.get("/metrics")
def metrics(request: Request) -> Response:
    """All figures in Prometheus' text format, for the holder of METRICS_TOKEN."""
    tools: Tools = request.app.state.tools
    _must_be_allowed(request, tools.settings.metrics_token)
    text = render(measuring.measure(tools)) + generate_latest(request.app.state.request_times.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def render(readings: Iterable[MetricReading]) -> bytes:
    """The figures as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_Families(readings))
    return generate_latest(registry)


def figures(app: FastAPI) -> Iterable[MetricFamily]:
    """The same, as they go out by OTLP."""
    yield from _Families(measuring.measure(app.state.tools)).collect()
    yield from app.state.request_times.registry.collect()


_Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily
_MAKE: dict[str, Callable[..., _Family]] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "histogram": HistogramMetricFamily,
}


class _Families(Collector):
    def __init__(self, readings: Iterable[MetricReading]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[_Family]:
        families: dict[Metric, _Family] = {}
        for metric, value, labels, buckets in self._readings:
            family = families.setdefault(
                metric, _MAKE[metric.kind](metric.full_name, metric.says, labels=metric.labels)
            )
            if isinstance(family, HistogramMetricFamily):
                bounds = [*(str(float(bound)) for bound in metric.buckets), "+Inf"]
                family.add_metric(labels, list(zip(bounds, buckets, strict=True)), value)
            else:
                family.add_metric(labels, value)
        return families.values()


def _must_be_allowed(request: Request, token: str) -> None:
    """Raises RefusedRequest (401, 403). Without a token only this machine may ask, and no proxy for others."""
    if token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            problem = "authorization: “Bearer …” with the METRICS_TOKEN of this installation is needed"
            raise RefusedRequest(401, "Token not valid", [problem], {"WWW-Authenticate": "Bearer"})
    elif not _is_this_machine(request):
        raise RefusedRequest(403, "Only from this machine", ["Set METRICS_TOKEN to read the metrics from elsewhere"])


def _is_this_machine(request: Request) -> bool:
    """Whether the caller is on this machine, and speaks for nobody else."""
    forwarded = any(name in _FORWARDING or name.startswith(_FORWARDING_BEGINS) for name in request.headers)
    if request.client is None or forwarded:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
