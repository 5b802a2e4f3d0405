"""The web process: `python -m web.main`."""

import contextlib
import functools
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from sqlalchemy.exc import SQLAlchemyError

from store import vault
from web import answers, attachments, doors, health, limits, logins, openapi, reads, xero_webhooks
from web.bodies import BodiesInMemory, RequestIds, SecurityHeaders
from web.console import app as console
from web.limits import ConnectionLimits, Gate, GuardedProtocol
from worker import logs, settings, telemetry, wiring
from worker.decisions.refusals import LoginRefused
from worker.heartbeat import Heartbeat
from worker.intake import intake
from worker.intake.group_commit import GroupCommit
from worker.reconcile.changed_invoices import WebhookIntake
from worker.settings import Settings
from worker.tools import Tools

HOST_ROUTERS = (
    doors.router,
    attachments.router,
    reads.feed_router,
    reads.router,
    reads.previews_router,
    logins.router,
)
ROUTERS = (*HOST_ROUTERS, logins.connect_router, xero_webhooks.router, health.router, health.metrics_router)


# FastAPI's own spans hold addresses, and with them what hosts call their invoices and clients.
_OWN_SPANS: TelemetryConfig = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}


def build(tools: Tools) -> FastAPI:
    """The application around these tools."""
    app = FastAPI(
        title="CrewCard → Xero invoice exporter",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_OWN_SPANS,
    )
    app.state.tools = tools
    app.state.feed_waiters = reads.FeedWaiters(tools.bells)
    app.state.draining = threading.Event()
    app.state.heartbeat = Heartbeat(tools.store, "web", tools.redis)
    app.state.request_times = health.RequestTimes()
    app.state.webhook_intake = WebhookIntake(tools)
    app.state.webhook_counts = xero_webhooks.WebhookCounts(app.state.request_times.registry)
    app.add_middleware(app.state.request_times.around)
    app.state.group_commit = GroupCommit(functools.partial(intake.file_each, tools))
    for router in ROUTERS:
        app.include_router(router)
    openapi.serve(app, HOST_ROUTERS)
    console.add_to(app)
    app.add_exception_handler(LoginRefused, logins.refused)
    answers.tell_all(app, {console.PREFIX: console.refusal_page})
    app.add_middleware(BodiesInMemory, most=tools.settings.bodies_in_memory)
    is_over_tls = tools.settings.public_url.startswith("https:")
    app.add_middleware(SecurityHeaders, secure=is_over_tls, draining=app.state.draining)
    return app


def serving(app: FastAPI, chosen: Settings) -> uvicorn.Config:
    """How the application is served: nobody is believed or waited for more than the settings say."""
    gate = Gate(
        ConnectionLimits(
            per_address=chosen.connections_per_address,
            at_once=limits.most_at_once(chosen.connections_at_once),
            exempt=chosen.trusted_proxies,
        )
    )
    return uvicorn.Config(
        RequestIds(app),
        http=functools.partial(GuardedProtocol, gate=gate),  # type: ignore[arg-type]  # uvicorn only calls it
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=bool(chosen.trusted_proxies),
        forwarded_allow_ips=list(chosen.trusted_proxies),
    )


class DrainingServer(uvicorn.Server):
    """Told to stop it is not ready from then on, and answers on for so many seconds: proxies in front see it first.

    Told once more, or by Ctrl-C, it stops at once.
    """

    def __init__(self, served: uvicorn.Config, draining: threading.Event, seconds: float) -> None:
        super().__init__(served)
        self._draining = draining
        self._seconds = seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What a signal does."""
        is_first = not self._draining.is_set()
        self._draining.set()
        if sig != signal.SIGTERM or not is_first or not self._seconds:
            super().handle_exit(sig, frame)
            return
        later = threading.Timer(self._seconds, super().handle_exit, (sig, frame))
        later.daemon = True
        later.start()


def _listen(host: str, port: int) -> socket.socket:
    """A socket for the doors; `::` hears IPv4 as well, where the machine can."""
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    listening = socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    # A socket of our own has TCP_NODELAY on its connections, which saves 44 ms per request.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def main() -> None:
    """Serve until told to stop."""
    chosen = settings.load_at_start()
    telemetry.set_up("web")
    tools = wiring.build(chosen, "web", at_the_doors=True)
    app = build(tools)
    telemetry.send_figures(functools.partial(health.figures, app))
    heartbeat: Heartbeat = app.state.heartbeat
    try:
        listening = _listen(chosen.web_host, chosen.web_port)
    except OSError as wrong:
        sys.exit(f"Nobody can listen at WEB_HOST {chosen.web_host}, WEB_PORT {chosen.web_port}: {wrong.strerror}")
    server = DrainingServer(serving(app, chosen), app.state.draining, chosen.drain_seconds)
    logs.log("web").info("web.started", port=chosen.web_port)
    _say_what_does_not_open(tools)
    _compare_with_what_was_seen(tools)
    # uvicorn gives a signal on to whoever had it before, once it has stopped: the way out leads past the heartbeat.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    heartbeat.start()
    try:
        server.run(sockets=[listening])
    finally:
        heartbeat.stop()
        telemetry.stop()


def _say_what_does_not_open(tools: Tools) -> None:
    """Whoever starts with the wrong keys is told at once; the doors answer all the same, 503 and a sentence."""
    try:
        with tools.store.read() as work:
            lost = vault.lost_secrets(work, tools.vault)
    except SQLAlchemyError:
        return  # /readyz says so
    if lost:
        logs.log("web").error("web.secrets_lost", count=lost)


def _compare_with_what_was_seen(tools: Tools) -> None:
    """A database that went back in time is told before the first page of its feed is given."""
    with contextlib.suppress(SQLAlchemyError):  # /readyz says so
        tools.witness.compare(tools.store, tools.redis)


if __name__ == "__main__":
    main()
