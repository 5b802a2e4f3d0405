"""Xero's official document, and where Xero is known to differ from it: each deviation once, with its source."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ACCOUNTING = Path("../shared/xero/xero_accounting.yaml")
IDENTITY = Path("../shared/xero/xero-identity.yaml")
at_hand = pytest.mark.skipif(
    not (ACCOUNTING.exists() and IDENTITY.exists()),
    reason="Xero's official documents ../shared/xero/*.yaml are not here",
)

# What Xero sends although the document's schema does not name it: name → source.
UNNAMED = {
    "Id": "the envelope of every example in the document (SPEC:10961)",
    "Status": "the same",
    "ProviderName": "the same",
    "DateTimeUTC": "the same",
    "DateString": "examples of invoices in the document (SPEC:8363)",
    "DueDateString": "the same",
    "ValidationErrors": "on lines: examples in the document (SPEC:8377); on tracking and contacts the same",
    "HasErrors": "echoed elements of a 400 are whole invoices (facts §6.1 A)",
    "StatusAttributeString": "the same",
    "HasValidationErrors": "echoed contacts (SPEC:3961)",
}
# Elements of a 400 are whole invoices, where the document's Element names ids only (facts §6.1 A).
ECHOED = "Elements"
# Values that break the document's schema although Xero sends them: (place, value) → source.
VALUES = {
    (r"Contacts?(\[\])?\.TaxNumberType$", r"TAXNUMBERTYPE/\w+"): "facts §9.3 #7: an enum value the document lacks"
}
# A refused element echoes what was sent, so these may hold anything (facts §2.3).
ECHOES = (
    "Status",
    "Type",
    "CurrencyCode",
    "LineAmountTypes",
    "Reference",
    "InvoiceNumber",
    "CreditNoteNumber",
    "Name",
    "Option",
    "Description",
)
# Of formats only uuid is held against: the document's own example of a connection has dates without a zone (SPEC-ID).
# Statuses that the document does not list for an operation although Xero answers them: status → source.
STATUSES = {
    400: "facts §6.1 C: reads answer QueryParseException too",
    401: "facts §6.1 D",
    403: "facts §6.1 D",
    404: "facts §6.1 G",
    412: "facts §6.2 #40",
    413: "facts §1.1",
    429: "facts §1.2",
    500: "facts §6.1 E",
    501: "facts §6.2 #43",
    503: "facts §6.1 F",
}


@functools.cache
def accounting() -> dict[str, Any]:
    return yaml.load(ACCOUNTING.read_text(), Loader=yaml.CSafeLoader)


@functools.cache
def identity() -> dict[str, Any]:
    return yaml.load(IDENTITY.read_text(), Loader=yaml.CSafeLoader)


class Judge:
    """Validates values against a schema of a document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource("urn:xero", resource)

    def complaints(self, schema: dict[str, Any], value: Any) -> list[str]:
        """Everything the document would object to, less its known deviations."""
        validator = jsonschema.Draft202012Validator(
            _absolute(schema), registry=self._registry, format_checker=jsonschema.FormatChecker(["uuid"])
        )
        broken = [
            f"{_place(error)}: {error.message}" for error in validator.iter_errors(value) if not _known(error, value)
        ]
        return broken + list(self._unnamed(schema, value, "$"))

    def _unnamed(self, schema: dict[str, Any], value: Any, place: str) -> Iterator[str]:
        """Properties that the document does not name, wherever they sit."""
        schema = self._resolved(schema)
        if isinstance(value, list):
            for one in value:
                yield from self._unnamed(schema.get("items", {}), one, f"{place}[]")
        elif isinstance(value, dict) and "properties" in schema:
            for name, inner in value.items():
                if name in schema["properties"]:
                    if name != ECHOED:
                        yield from self._unnamed(schema["properties"][name], inner, f"{place}.{name}")
                elif name not in UNNAMED:
                    yield f"{place}.{name}: the document does not name it"

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in schema:
            return schema
        found = self._document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return found


def _absolute(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "$ref": f"urn:xero{schema['$ref']}"} if "$ref" in schema else _deep(schema)


def _deep(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            name: f"urn:xero{v}" if name == "$ref" else _deep(v) for name, v in schema.items() if name != "example"
        }
    return schema


def _place(error: jsonschema.ValidationError) -> str:
    return "".join(f".{step}" if isinstance(step, str) else "[]" for step in error.absolute_path)


def _known(error: jsonschema.ValidationError, value: Any) -> bool:
    place, broken = _place(error), str(error.instance)
    if place.endswith(ECHOES) and _refused(error, value):
        return True
    return any(re.search(where, place) and re.fullmatch(what, broken) for where, what in VALUES)


def _refused(error: jsonschema.ValidationError, value: Any) -> bool:
    """Whether the error sits in an element that Xero refused."""
    name, index, *_ = [*error.absolute_path, None, None]
    listed = name in ("Invoices", "CreditNotes", ECHOED) and isinstance(index, int)
    return bool(listed and value[name][index].get("HasErrors"))
