"""Generated requests to the doors: out of our own document by schemathesis, and good ones with something spoilt."""

import copy
import functools
import json

import hypothesis
import schemathesis
from hypothesis import strategies as st

from reference.contracts import DOCS
from tests.builders import a_request, an_invoice, an_order


def quietly(examples):
    """Hypothesis as a mere source of requests: nothing kept, nothing timed, the same ones every time."""
    return hypothesis.settings(
        max_examples=max(1, examples),
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@functools.cache
def operations():
    """Schemathesis' operations of our document, by method and path; headers are ours to sign."""
    document = json.loads((DOCS / "openapi.json").read_text())
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["parameters"] = [one for one in operation.get("parameters", ()) if "$ref" not in one]
            operation.pop("security")
    found = [one.ok() for one in schemathesis.openapi.from_dict(document).get_all_operations()]
    return {f"{one.method.upper()} {one.path}": one for one in found}


NAMES = [
    f"{method.upper()} {path}"
    for path, methods in json.loads((DOCS / "openapi.json").read_text())["paths"].items()
    for method in methods
]

_LONG = "x" * 5000
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", " ", "0", "-1", "1e400", "NaN", "9" * 400, "\ud800", "\x00", "\u202e", "2026-02-30", _LONG]),
    st.sampled_from([10**30, -(10**30), 1e308, 2**63, -0.0]),
    st.sampled_from(["harbour", "acme", "i1", "r1", "bulk", "USD", "2026-11-20", "100.00", "invoice_unreadable"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
_NUMBERS = st.integers(1, 60)


def _base(kind, number):
    invoices = [an_invoice(f"i{number}", line={"discount_rate": "5"}), an_invoice(f"j{number % 7}", currency="EUR")]
    if kind == "requested":
        return a_request(*invoices, request=f"r{number}", event_id=f"e{number}")
    if kind == "single":
        return a_request(invoices[0], request=f"s{number}", mode="single", event_id=f"s{number}")
    if kind == "preview":
        asked = a_request(invoices[0], request=f"p{number}", event_id=f"p{number}")
        del asked["data"]["mode"]
        return {**asked, "type": "invoice.export.preview_requested"}
    if kind == "settings":
        data = {"company": "harbour", "settings": {"invoice_status": "DRAFT"}, "requested_by": {"id": "olga"}}
        return {**an_order("cancel"), "id": f"c{number}", "type": "company.settings.changed", "data": data}
    if kind == "contact":
        data = {"company": "harbour", "client": f"c{number}", "xero_contact": "", "requested_by": {"id": "olga"}}
        return {
            **an_order("cancel"),
            "id": f"x{number}",
            "type": "client.xero_contact.update_requested",
            "data": data,
        }
    return an_order(kind, event_id=f"o{number}", request=f"r{number}")


_KINDS = st.sampled_from(["requested"] * 5 + ["single", "cancel", "replay", "preview", "settings", "contact"])


def _places(value, at=()):
    """Every place in a document, as a path."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [place for name, one in inside for place in _places(one, (*at, name))]


@st.composite
def events(draw):
    """A good event with up to three of its places spoilt: another value, nothing, or one more field."""
    document = copy.deepcopy(_base(draw(_KINDS), draw(_NUMBERS)))
    for _ in range(draw(st.integers(0, 3))):
        *path, last = draw(st.sampled_from(_places(document)))
        inside = document
        for part in path:
            inside = inside[part]
        how = draw(st.sampled_from(["change", "change", "drop", "add"]))
        if how == "change":
            inside[last] = draw(ODD)
        elif how == "drop":
            del inside[last]
        elif isinstance(inside, dict):
            inside[draw(st.text(max_size=6) | st.sampled_from(["\ud800", "\x00"]))] = draw(ODD)
    return document


JSON = st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))
BODIES = st.one_of(
    st.binary(max_size=80),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.lists(events() | JSON, max_size=4).map(lambda value: json.dumps(value).encode()),
    events().map(lambda value: json.dumps(value)[:-3].encode()),
)
