"""What is left of an event whose client was erased: ids, numbers, states, moments and amounts; no text; pure."""

from collections.abc import Mapping
from typing import Any

ERASED = "Erased: what this said was about a client whose data was removed."
# Texts that stay, by the name of their field: ids, codes and states that hosts and “exactly once” rest on, moments,
# and who asked at the host. Any other text goes, so that a field that is new goes until it is named here.
_STAYS = frozenset(
    [
        "allocated",
        "at",
        "by",
        "cause",
        "changed",
        "changed_at",
        "changed_by",
        "client",
        "company",
        "compared",
        "compared_at",
        "completed_at",
        "created_at",
        "credited",
        "credits",
        "currency",
        "day",
        "deep_link",
        "document",
        "drift",
        "due",
        "estimated_finish",
        "exported_at",
        "found_at",
        "invoice",
        "kind",
        "limit",
        "marker",
        "number",
        "outcome",
        "paid",
        "paid_on",
        "previewed_at",
        "readers",
        "reason",
        "request",
        "requested_by",
        "seen_at",
        "sha256",
        "since",
        "state",
        "status",
        "subtotal",
        "tax",
        "time_zone",
        "total",
        "until",
        "updated_at",
        "verdict",
        "who",
        "xero_credit_note_id",
        "xero_invoice_id",
    ]
)
_WHOLE = frozenset({"requested_by", "totals", "forecast", "counts", "reasons"})


def without_texts(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an event of ours, as valid as before: its texts say that they were erased, its lists are empty."""
    return {name: _left(name, value) for name, value in data.items()}


def _left(name: str, value: Any) -> Any:
    if name in _WHOLE or name in _STAYS or value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return ERASED
    if isinstance(value, list):
        # Of rows with a state of their own (files, invoices of a preview) the states stay
        return [without_texts(one) for one in value if isinstance(one, dict) and {"state", "verdict"} & one.keys()]
    return without_texts(value)
