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
