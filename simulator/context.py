"""Whose books are written in, by which app and user, and how the switches stand."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from simulator.switches import Switches
from simulator.wire import Json
from simulator.world import Contact, Organisation


@dataclass
class Context:
    """One call's view of the books. `now` is aware UTC; `unitdp` is 2 or 4."""

    organisation: Organisation
    now: datetime
    switches: Switches = field(default_factory=Switches)
    client_id: str = ""
    unitdp: int = 2
    dice: random.Random = field(default_factory=random.Random)

    @property
    def unseen_until(self) -> datetime | None:
        """When lists show what is written now; None: at once."""
        lag = self.switches.reads_lag_seconds
        return self.now + timedelta(seconds=lag) if lag else None

    @cached_property
    def today(self) -> date:
        """The day it is in the organisation (facts §8)."""
        return self.now.astimezone(ZoneInfo(self.organisation.timezone)).date()

    @cached_property
    def seen(self) -> dict[str, Json]:
        """The invoices as lists show them, which may lag behind what was written."""
        return self.organisation.seen(self.now)

    def contact(self, contact_id: str) -> Contact | None:
        """The contact with an id."""
        return self.organisation.contacts.get(contact_id)

    def with_number(self, number: str) -> list[Json]:
        """The invoices that carry a number."""
        return self.organisation.with_number(number, ignoring_case=self.switches.numbers_ignore_case)
