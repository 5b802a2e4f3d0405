"""Generated requests: from Xero's document by schemathesis, and wild ones of our own."""

import functools
from typing import Any

import hypothesis
import schemathesis
from hypothesis import strategies as st

from simulator.wire import Request
from tests.simulator import document
from tests.simulator.desk import ACME, NOBODY, TENANT, a_line, an_invoice

OPERATIONS = {
    "/Invoices": ("get", "put", "post"),
    "/Invoices/{InvoiceID}": ("get", "post"),
    "/Contacts": ("get",),
    "/Contacts/{ContactID}": ("get",),
    "/Contacts/{ContactNumber}": ("get",),
    "/Organisation": ("get",),
    "/Organisation/Actions": ("get",),
    "/Accounts": ("get",),
    "/TaxRates": ("get",),
    "/Currencies": ("get",),
    "/TrackingCategories": ("get",),
    "/Items": ("get",),
    "/BrandingThemes": ("get",),
}
NAMES = [f"{method.upper()} {path}" for path, methods in OPERATIONS.items() for method in methods]
# What a client can write; the rest of these schemas is Xero's to fill, and costs minutes to generate.
_WRITABLE = {
    "Invoices": "Invoices",
    "Invoice": "Type Contact LineItems Date DueDate LineAmountTypes InvoiceNumber Reference Url CurrencyCode Status "
    "InvoiceID Total BrandingThemeID CurrencyRate SentToContact",
    "Contact": "ContactID Name ContactNumber EmailAddress",
    "LineItem": "LineItemID Description Quantity UnitAmount AccountCode TaxType TaxAmount LineAmount DiscountRate "
    "ItemCode Tracking",
}


def quietly(examples: int) -> Any:
    """Hypothesis as a mere source of requests: nothing kept, nothing timed, the same ones every time."""
    return hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@functools.cache
def operations() -> dict[str, Any]:
    """Schemathesis' operations, by method and path."""
    whole = document.accounting()
    paths = {
        path: {key: value for key, value in _slim(whole["paths"][path]).items() if key in (*methods, "parameters")}
        for path, methods in OPERATIONS.items()
    }
    schemas = dict(whole["components"]["schemas"])
    for name, fields in _WRITABLE.items():
        known = schemas[name]["properties"]
        schemas[name] = {"type": "object", "properties": {field: _slim(known[field]) for field in fields.split()}}
    slim = {**whole, "paths": paths, "components": {**whole["components"], "schemas": schemas}}
    found = [one.ok() for one in schemathesis.openapi.from_dict(slim).get_all_operations()]
    return {f"{one.method.upper()} {one.path}": one for one in found}


def _slim(part: Any) -> Any:
    if isinstance(part, dict):
        left_out = ("example", "examples", "description", "externalDocs")
        return {key: _slim(value) for key, value in part.items() if key not in left_out and not key.startswith("x-")}
    return [_slim(one) for one in part] if isinstance(part, list) else part


_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "0", "-1", "1e400", "NaN", "9" * 400, "\ud800", "\x00", "'; --", "2026-02-30", "/Date(9e9)/"]
    ),
    st.sampled_from([ACME, NOBODY, ACME.upper(), f"{{{ACME}}}", "00000000-0000-0000-0000-000000000000"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
_AMOUNTS = st.decimals(-(10**6), 10**6, places=3).map(str)
_DATES = st.dates().map(str)
_WORDS = st.sampled_from(
    ["AUTHORISED", "DRAFT", "PAID", "VOIDED", "ACCREC", "ACCPAY", "200", "299", "OUTPUT", "N-1", "Inclusive"]
)
_LINE_FIELDS = [
    *a_line(),
    "LineAmount",
    "TaxAmount",
    "TaxType",
    "DiscountRate",
    "DiscountAmount",
    "ItemCode",
    "Tracking",
]
_FIELDS = [*an_invoice(), "InvoiceID", "CurrencyCode", "CurrencyRate", "Total", "SubTotal", "Url", "Reference"]


def _mostly(usual: Any, odd: Any) -> Any:
    """Nine times in ten the usual. (A union would be flattened, and odd values be everywhere.)"""
    return st.integers(0, 9).flatmap(lambda roll: odd if roll == 9 else usual)


def _likely(field: str) -> Any:
    """A value that the field could have."""
    if "Amount" in field or "Total" in field or field in ("Quantity", "CurrencyRate", "DiscountRate"):
        return _AMOUNTS
    return _DATES if "Date" in field else _WORDS


def _disturbed(base: dict[str, Any], fields: list[str]) -> Any:
    """A good object with a few of its fields changed, seldom to something odd."""
    one = st.sampled_from(fields).flatmap(lambda field: st.tuples(st.just(field), _mostly(_likely(field), _ODD)))
    return st.lists(one, max_size=2).map(lambda changes: {**base, **dict(changes)})


INVOICES = st.builds(
    lambda invoice, lines, number: {**invoice, "LineItems": lines, "InvoiceNumber": number},
    _disturbed(an_invoice(), _FIELDS),
    st.lists(_disturbed(a_line(), _LINE_FIELDS), min_size=1, max_size=3),
    _mostly(st.integers(1, 40).map(lambda number: f"N-{number}"), st.text(max_size=3)),
)
_MANY = st.lists(_mostly(INVOICES, _ODD), max_size=3).map(lambda many: {"Invoices": many})
BODIES = _mostly(_MANY, INVOICES | _ODD)

_PATHS = st.sampled_from([
    "/api.xro/2.0/Invoices", "/api.xro/2.0/Invoices/N-1", f"/api.xro/2.0/Invoices/{NOBODY}", "/api.xro/2.0/",
    "/api.xro/2.0/Invoices/N-1/Email", "/api.xro/2.0/Contacts", "/api.xro/2.0/Quotes",
    "/api.xro/2.0/Organisation/Actions",
    "/connections", "/connections/x", "/connect/token", "/connect/revocation", "/identity/connect/authorize",
    "/identity/simulator/consent", "/_simulator/faults", "/_simulator/state", "/_simulator/clock", "/_simulator/apps",
    "/_simulator/grants", "/_simulator/organisations", f"/_simulator/organisations/{TENANT}", "/", "/favicon.ico",
])  # fmt: skip
_QUERY = st.dictionaries(
    st.sampled_from(
        ["where", "order", "page", "pageSize", "IDs", "InvoiceNumbers", "Statuses", "unitdp", "client_id"]
    ),
    st.text(max_size=30)
    | st.sampled_from(['Status=="DRAFT"', "Date>=DateTime(1,2,3)", "a.b.c", "((", "Date DESC", "-1"]),
    max_size=3,
)
_HEADERS = st.dictionaries(
    st.sampled_from(["if-modified-since", "idempotency-key", "xero-tenant-id", "authorization", "content-type"]),
    st.text(max_size=30) | st.sampled_from(["Basic !", "Bearer ", "2026-01-01", "0001-01-01T00:00:00", TENANT]),
    max_size=2,
)
_METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"])
WILD = st.tuples(_METHODS, _PATHS, _QUERY, _HEADERS, st.binary(max_size=60) | BODIES)


def request_of(case: Any, bearer: str) -> Request:
    """A request that schemathesis generated, with a bearer that may see the organisation."""
    made = case.as_transport_kwargs(base_url="http://here/api.xro/2.0")
    prepared = _prepared(made)
    path, _, query = prepared.path_url.partition("?")
    if "{InvoiceID}" in case.operation.path and path[-1] < "8":
        path = "/api.xro/2.0/Invoices/N-1"  # one that is there
    headers = {name.lower(): value for name, value in prepared.headers.items() if isinstance(value, str)}
    headers |= {"authorization": f"Bearer {bearer}", "xero-tenant-id": TENANT}
    return Request(prepared.method, path, query, headers, _bytes(prepared.body))


def _prepared(made: dict[str, Any]) -> Any:
    import requests

    known = ("method", "url", "headers", "params", "data", "json", "cookies")
    return requests.Request(**{name: value for name, value in made.items() if name in known}).prepare()


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode() if body else b""
