"""The loops that overhead is measured against: the same batches, as many at once, nothing kept, nothing proved."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from xero_python.accounting import AccountingApi, Contact, CurrencyCode, Invoices, LineAmountTypes, LineItem
from xero_python.accounting import Invoice as XeroInvoice
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token

from benchmarks.chaos import world
from benchmarks.installation import Bench, tenant_of
from demo.world import invoice
from events.accounting_target import Lane, Posting
from events.invoice import Invoice
from events.settings import CompanySettings
from worker.decisions import turns
from xero_adapter import mapping
from xero_adapter.client import XeroClient

_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}
_BATCH = 50
_FAR_FUTURE = 4_102_444_800


def sdk_rate(made: Bench, company: str, request: str, count: int, latency: float) -> float:
    """Invoices a second through the SDK as its manual has it: models made beforehand go in, models come out."""
    api, tenant = _api(made, company), tenant_of(company)
    batches = [_models(company, request, start) for start in range(0, count, _BATCH)]

    def post(place: int) -> int:
        key = f"{request}-{place}"
        posted = api.create_invoices(tenant, batches[place], summarize_errors=False, unitdp=4, idempotency_key=key)
        return len(posted.invoices)

    return _rate(post, len(batches), latency)


def barest_rate(made: Bench, company: str, request: str, count: int, latency: float) -> float:
    """The same through our own `XeroClient`, which spares most of the SDK: frozen bodies go in, JSON comes out."""
    organisation = made.organisation(company)
    bearer = made.machines.tools.targets["xero"].login.auth.bearer(organisation)
    client = XeroClient(made.machines.xero_url)
    frozen = bodies(company, request, count)

    def post(place: int) -> int:
        reply = client.write("create_invoices", organisation, bearer, frozen[place], f"{request}-{place}")
        return len(json.loads(reply.body)["Invoices"])

    return _rate(post, len(frozen), latency)


def bodies(company: str, request: str, count: int, size: int = _BATCH) -> list[bytes]:
    """What the calls for so many fresh invoices carry, `size` to a call."""
    return [mapping.freeze(_elements(company, request, start, size)) for start in range(0, count, size)]


def _rate(post: Callable[[int], int], batches: int, latency: float) -> float:
    """As many at once as a lane has turns for bulk when a call takes so many seconds."""
    begun = time.monotonic()
    with ThreadPoolExecutor(turns.for_bulk(latency)) as loop:
        posted = sum(loop.map(post, range(batches)))
    return posted / (time.monotonic() - begun)


def _api(made: Bench, company: str) -> AccountingApi:
    bearer = made.machines.tools.targets["xero"].login.auth.bearer(made.organisation(company))
    token = {
        "access_token": bearer,
        "scope": [],
        "expires_in": 1800,
        "expires_at": _FAR_FUTURE,
        "token_type": "Bearer",
    }
    configuration = Configuration()
    configuration.oauth2_token = OAuth2Token()
    client = ApiClient(configuration, oauth2_token_getter=lambda: token, oauth2_token_saver=lambda _: None)
    return AccountingApi(client, base_url=f"{made.machines.xero_url.rstrip('/')}/api.xro/2.0")


def _elements(company: str, request: str, start: int, size: int = _BATCH) -> list[dict[str, Any]]:
    lane, settings = Lane(company, tenant_of(company)), CompanySettings(default_account_code="200")
    documents = [invoice(f"{request}-{number:05d}", client=_CLIENT) for number in range(start, start + size)]
    wanted = [Posting(lane, Invoice.model_validate(one), world.contact_of(company), settings) for one in documents]
    return [mapping.element(one, "https://app.crewcard.example/invoices") for one in wanted]


def _models(company: str, request: str, start: int) -> Invoices:
    return Invoices(invoices=[_model(element) for element in _elements(company, request, start)])


def _model(element: dict[str, Any]) -> XeroInvoice:
    return XeroInvoice(
        type=element["Type"],
        invoice_number=element["InvoiceNumber"],
        contact=Contact(contact_id=element["Contact"]["ContactID"]),
        date=date.fromisoformat(element["Date"]),
        due_date=date.fromisoformat(element["DueDate"]),
        currency_code=CurrencyCode(element["CurrencyCode"]),
        line_amount_types=LineAmountTypes(element["LineAmountTypes"]),
        status=element["Status"],
        url=element["Url"],
        line_items=[
            LineItem(
                description=line["Description"],
                quantity=line["Quantity"],
                unit_amount=line["UnitAmount"],
                account_code=line["AccountCode"],
            )
            for line in element["LineItems"]
        ],
    )
