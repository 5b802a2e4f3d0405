"""Which marker stands beside an invoice number; pure."""

from events.export import Marker

_BY_STATE: dict[str, Marker] = {
    "pending": "queued",
    "exporting": "exporting",
    "uncertain": "uncertain",
    "exported": "exported",
    "failed": "failed",
}


def marker(
    state: str | None, *, excluded: bool = False, lane_waits: bool = False, shown: Marker | None = None
) -> Marker:
    """The marker for an export in this state.

    `shown` is what its last event said; `lane_waits` is true while its lane is blocked.
    """
    if excluded:
        return "excluded"
    if state == "pending" and lane_waits:
        return "waiting"
    if state in _BY_STATE:
        return _BY_STATE[state]
    return shown or "not_exported"


def beside(state: str | None, *, shown: Marker | None, excluded: bool, lane_waits: bool) -> Marker:
    """The marker beside an invoice: a refusal newer than the export itself (a double number, say) is what counts."""
    held = excluded and state in (None, "new", "pending", "failed")
    if shown == "not_exported" and state == "exported":
        return "not_exported"  # voided or deleted in Xero since
    if shown == "failed" and state in ("new", "exported", None) and not held:
        return "failed"
    return marker(state, excluded=held, lane_waits=lane_waits, shown=shown)
