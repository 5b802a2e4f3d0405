"""What is asked for, made from the seed: companies, invoices, requests in parts, repeats; pure."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from benchmarks.chaos.plan import Plan

Json = dict[str, Any]
Invoice = tuple[str, str]  # company, invoice id
Asked = tuple[str, str, str]  # company, request, invoice id
CLIENT, NEWCOMER = "acme", "newcomer"
_SMALLEST_PART, _PARTS = 10, 500
_ONE_IN_DUPLICATED, _ONE_IN_ASKED_AGAIN, _ONE_IN_UNMAPPED = 5, 10, 60


@dataclass(frozen=True)
class World:
    """`deliveries` holds some events twice; `wanted` what Xero must hold, with its net amount, and nothing else."""

    companies: Sequence[str]
    deliveries: Sequence[Json]
    wanted: dict[Invoice, Decimal]
    answers: dict[Asked, str]


@dataclass
class _Making:
    dice: random.Random
    events: list[Json] = field(default_factory=list)
    wanted: dict[Invoice, Decimal] = field(default_factory=dict)
    answers: dict[Asked, str] = field(default_factory=dict)


def of(plan: Plan) -> World:
    """The world of a plan: the first company has half of all invoices."""
    making = _Making(random.Random(f"{plan.seed}/world"))
    companies = [f"crew-{number:02d}" for number in range(1, plan.companies + 1)]
    for company, count in zip(companies, _shares(plan), strict=True):
        invoices = [_invoice(making, company, number) for number in range(1, count + 1)]
        _ask(making, company, f"bulk-{company}", invoices, max(_SMALLEST_PART, plan.invoices // _PARTS))
    deliveries = [event for event in making.events for _ in range(1 + _one_in(making, _ONE_IN_DUPLICATED))]
    making.dice.shuffle(deliveries)
    return World(companies, deliveries, making.wanted, making.answers)


def tenant_of(company: str) -> str:
    """The Xero organisation of a company."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chaos/tenant/{company}"))


def contact_of(company: str) -> str:
    """The one contact in a company's organisation."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chaos/contact/{company}"))


def organisation(company: str) -> Json:
    """The organisation as the simulator's control face wants it."""
    return {
        "tenant": tenant_of(company),
        "name": company.title(),
        "contacts": [{"id": contact_of(company), "name": "ACME Ltd"}],
        "accounts": [{"code": "200", "tax_type": "NONE"}],
        "tax_rates": [{"code": "NONE", "rate": "0"}],
    }


def _shares(plan: Plan) -> Iterator[int]:
    big, others = plan.invoices - plan.invoices // 2, plan.companies - 1
    yield big if others else plan.invoices
    for number in range(others):
        yield (plan.invoices // 2 + number) // others


def _one_in(making: _Making, times: int) -> bool:
    return making.dice.randrange(times) == 0


def _invoice(making: _Making, company: str, number: int) -> Json:
    net = Decimal(making.dice.randrange(100, 1_000_000)) / 100
    client = NEWCOMER if _one_in(making, _ONE_IN_UNMAPPED) else CLIENT
    id_ = f"{company}-{number:05d}"
    if client == CLIENT:
        making.wanted[company, id_] = net
    return {
        "id": id_,
        "number": f"INV {id_.upper()}",
        "client": {"id": client, "name": client.title()},
        "date": "2026-11-20",
        "due_date": "2026-12-20",
        "currency": "USD",
        "lines": [{"description": "Crew, one day", "quantity": "1", "unit_amount": str(net)}],
    }


def _ask(making: _Making, company: str, request: str, invoices: Sequence[Json], size: int) -> None:
    """A send in parts; some of the parts are asked for once more by a request of their own, as a person's click."""
    parts = [invoices[start : start + size] for start in range(0, len(invoices), size)]
    for number, part in enumerate(parts, start=1):
        making.events.append(_event(making, company, request, part, (number, len(parts))))
        if _one_in(making, _ONE_IN_ASKED_AGAIN):
            making.events.append(_event(making, company, f"again-{company}-{number}", part, (1, 1)))


def _event(making: _Making, company: str, request: str, invoices: Sequence[Json], part: tuple[int, int]) -> Json:
    for invoice in invoices:
        known = (company, invoice["id"]) in making.wanted
        making.answers[company, request, invoice["id"]] = "succeeded" if known else "failed"
    return {
        "specversion": "1.0",
        "id": f"{request}-{part[0]}",
        "source": "crewcard/chaos",
        "type": "invoice.export.requested",
        "data": {
            "company": company,
            "request": request,
            "part": part[0],
            "parts": part[1],
            "requested_by": {"id": "anna"},
            "mode": "single" if request.startswith("again") else "bulk",
            "invoices": list(invoices),
        },
    }
