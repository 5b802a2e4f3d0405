"""The breaker: when Xero stops answering properly nothing new is sent, what is owed is looked up; pure."""

from typing import Protocol

UNKNOWN_IN_A_ROW = 3
UNSETTLED_BATCHES = 4
BROKEN_LANES = 3


class LaneTrouble(Protocol):
    """What the breaker looks at."""

    @property
    def unsettled(self) -> int:
        """Uncertain batches of the lane."""
        ...

    @property
    def unknown_in_a_row(self) -> int:
        """Calls of the lane whose outcome stayed unknown, since the last answer."""
        ...

    @property
    def broken_lanes(self) -> int:
        """Lanes of anybody in fresh trouble, 0 while Xero answers anyone."""
        ...


def holds_back(lane: LaneTrouble) -> bool:
    """Whether nothing new may be sent in this lane now; look-ups that are owed go on, they are the probe."""
    if lane.unsettled >= UNSETTLED_BATCHES:
        return True
    if lane.unknown_in_a_row >= UNKNOWN_IN_A_ROW:
        return lane.unsettled > 0
    return lane.broken_lanes >= BROKEN_LANES
