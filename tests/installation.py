"""A whole installation in one process: real database, real Valkey, real SDK, simulated Xero; turns run when told."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from sqlmodel import col, select

from events.accounting_target import Lane, Organisation
from events.settings import CompanySettings
from simulator import control
from simulator.app import Simulator
from store import allocations, companies, contacts, processes, queries
from store.erasing import LIVE
from store.tables import Allocation, Attempt, Batch, Export, Item, OutboxEvent
from store.unit_of_work import Store
from tests import builders, machines
from worker import wiring
from worker.connections import connecting
from worker.delivery import relay
from worker.doorbells import Doorbells
from worker.export import rescuer, turn
from worker.intake import intake
from worker.intake.intake import Receipt
from worker.settings import Settings

KEY = Fernet.generate_key().decode()

_UNDER_WAY = (
    select(Export.id).where(col(Export.state).in_(LIVE)).limit(1),
    select(Batch.id).where(col(Batch.closed_at).is_(None)).limit(1),
    select(Item.invoice).where(col(Item.answered_at).is_(None)).limit(1),
    select(Allocation.state).where(col(Allocation.state).in_(allocations.OPEN)).limit(1),
)
_made: dict[str, Settings] = {}


def _settings(**chosen: Any) -> Settings:
    """Settings are checked once per process for each choice: to read the environment takes longer than a turn."""
    key = repr((sorted(os.environ.items()), sorted(chosen.items())))
    if key not in _made:
        _made[key] = Settings(_env_file=None, **chosen)
    return _made[key]


class Installation:
    """Everything a test needs; `later(seconds)` moves the time of database and simulator.

    Nobody is asked for a second factor here, as in the demo; tests about that choose `second_factor="required"`.
    """

    def __init__(self, database_url: str, redis_url: str, simulator: Simulator, xero_url: str, **chosen: Any) -> None:
        self.simulator = simulator
        simulator.state.limits.rules.on = False  # time is moved by hand here, Redis forgets its books
        self.offset = timedelta()
        self.rings: list[tuple[str, str]] = []
        self.settings = _settings(
            database_url=database_url,
            redis_url=redis_url,
            encryption_keys=(KEY,),
            xero_api_url=xero_url,
            xero_identity_url=xero_url,
            xero_login_url=xero_url,
            **{
                "second_factor": "waived",
                "read_timeout_seconds": 2,
                "connect_timeout_seconds": 1,
                "settle_seconds": 4,
                **chosen,
            },
        )
        self.store = Store(machines.engine(database_url, pool_size=4), lambda _connection: self.now())
        client = machines.redis_client(redis_url)
        client.flushall()
        bells = Doorbells(client, lambda lane, token: self.rings.append((lane, token)))
        self.tools = wiring.assemble(self.settings, self.store, client, bells=bells, process="worker-1")

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def later(self, seconds: float) -> None:
        self.offset += timedelta(seconds=seconds)
        self.simulator.state.world.offset += timedelta(seconds=seconds)

    # -- setting up

    def company(self, company: str = builders.COMPANY, tenant: str = builders.TENANT, **other: Any) -> Lane:
        """A connected company with a sales account and two mapped clients."""
        organisation = builders.an_organisation(tenant, **other.pop("organisation", {}))
        state = self.simulator.state
        state.world.organisations[tenant] = control.organisation(organisation)
        app = connecting.App(f"app-{company}", f"secret-{company}")
        state.identity.add_app(app.client_id, app.secret)
        pair = state.identity.grant(app.client_id, f"user-{company}", [tenant], state.world.now())
        choice = connecting.ChosenOrganisation(tenant, organisation["name"], "!AbC1", "USD", f"user-{company}")
        with self.store.write() as work:
            chosen = CompanySettings(**{"default_account_code": "200", **other})
            companies.set_up(work, company, company.title(), chosen)
            for client in ("acme", "bolt"):
                contacts.link(work, company, client, builders.contact_id(client), said_by="test")
        connecting.connect(self.tools, company, app, choice, pair)
        return Lane(company, tenant)

    def organisation(self, company: str = builders.COMPANY, tenant: str = builders.TENANT) -> Organisation:
        """Where the company's invoices go, as the engine knows it."""
        with self.store.read() as work:
            found = self.tools.organisation(work, Lane(company, tenant))
        assert found
        return found

    # -- what happens

    def ask(self, *wanted: dict[str, Any], **other: Any) -> Receipt:
        """A request through intake."""
        return intake.accept(self.tools, builders.a_request(*wanted, **other))

    def run(self, most: int = 200) -> int:
        """Answer doorbells until there are none; give how many."""
        taken = 0
        while self.rings and taken < most:
            lane, token = self.rings.pop(0)
            turn.answer_doorbell(self.tools, Lane.of(lane), token)
            taken += 1
        return taken

    def wake(self) -> None:
        """Ring every lane that has work, as the rescuer does."""
        self.tools.redis.flushall()
        rescuer.sweep(self.tools, "test")

    def settle_down(self, rounds: int = 8) -> None:
        """Run, sweep and let time pass until nothing is left to do, and once more: what is over must stay so."""
        each = self.settings.lease_seconds + self.settings.settle_seconds + 301
        for left in range(rounds, 0, -1):
            self.run()
            over = not self.is_anything_left()
            self.later(each * (left if over else 1))  # as much time goes by in either case
            self.wake()
            if over:
                break
        self.run()

    def is_anything_left(self) -> bool:
        """Whether an invoice, a call, an answer or an allocation is still under way."""
        with self.store.read() as work:
            return any(work.connection.execute(one).first() for one in _UNDER_WAY)

    def relay(self) -> int:
        """Everything in the outbox goes out."""
        return self.relay_as("test")

    def relay_as(self, holder: str) -> int:
        """The same, by a clock of that name."""
        moved = 0
        while step := relay.relay(self.tools, holder):
            moved += step
        return moved

    def until_proven(self) -> None:
        """Let the minutes pass in which a login that Xero refuses is asked about before it is given up."""
        self.run()
        for _ in range(5):
            self.later(61)
            self.wake()
            self.run()

    def a_worker_runs(self) -> None:
        """A worker process is there, as its heartbeats tell for the next twenty seconds, and a clock."""
        with self.store.write() as work:
            for kind in ("worker", "clock"):
                processes.beat(work, processes.Presence(f"{kind}-1", kind, "test", "here", 1))

    # -- what is seen

    def books(self, tenant: str = builders.TENANT) -> list[dict[str, Any]]:
        """The invoices in Xero."""
        return list(self.simulator.state.world.organisations[tenant].invoices.values())

    def calls(self, method: str | None = None) -> list[dict[str, Any]]:
        return [call for call in self.simulator.state.world.calls if method in (None, call["method"])]

    def events(self, kind: str | None = None, **data: Any) -> list[dict[str, Any]]:
        """The events in the outbox, oldest first, that say all of `data`."""
        with self.store.read() as work:
            rows: Sequence[OutboxEvent] = work.session.exec(
                select(OutboxEvent).order_by(col(OutboxEvent.created_at))
            ).all()
        found = [json.loads(row.body) for row in rows]
        return [
            event
            for event in found
            if kind in (None, event["type"]) and all(event["data"].get(key) == value for key, value in data.items())
        ]

    def answers(self, request: str = "r1") -> dict[str, dict[str, Any]]:
        """The one answer of each invoice of a request; fails when one has two."""
        told: dict[str, dict[str, Any]] = {}
        for event in self.events():
            if event["type"] in ("invoice.export.succeeded", "invoice.export.failed"):
                data = event["data"]
                if data["request"] == request:
                    assert data["invoice"] not in told, "answered twice"
                    told[data["invoice"]] = {**data, "type": event["type"].rpartition(".")[2]}
        return told

    def markers(self, request: str = "r1", company: str = builders.COMPANY) -> dict[str, str]:
        with self.store.read() as work:
            return {line.invoice: line.marker for line in queries.invoices_of(work, company, request)}

    def export(self, invoice: str) -> Export:
        with self.store.read() as work:
            return work.session.exec(select(Export).where(Export.invoice == invoice)).one()

    def attempts(self, invoice: str) -> list[Attempt]:
        """Every attempt of an invoice, oldest first."""
        with self.store.read() as work:
            mine = select(Attempt).where(Attempt.export_id == self.export(invoice).id)
            return list(work.session.exec(mine.order_by(col(Attempt.at))))
