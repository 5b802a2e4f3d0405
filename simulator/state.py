"""One simulated Xero as a whole: its world, its logins, its limits, its faults, how its switches stand."""

import random
from dataclasses import dataclass, field
from datetime import datetime

from simulator.faults import Faults
from simulator.idempotency import Keys
from simulator.identity import Identity
from simulator.limits import Limits
from simulator.switches import Switches
from simulator.webhooks import Webhooks
from simulator.world import World


@dataclass
class State:
    """Everything a reset forgets."""

    world: World = field(default_factory=World)
    identity: Identity = field(default_factory=Identity)
    limits: Limits = field(default_factory=Limits)
    keys: Keys = field(default_factory=Keys)
    switches: Switches = field(default_factory=Switches)
    faults: Faults = field(default_factory=Faults)
    webhooks: Webhooks = field(default_factory=Webhooks)
    dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.faults.clock = self._now

    def _now(self) -> datetime:
        """The simulator's time, of the world there is now: a loaded state brings another."""
        return self.world.now()

    def reset(self) -> None:
        """Begin anew. Calls under way end in the books they began in, and nobody is told any more."""
        self.webhooks.subscriptions.clear()
        self.__init__()  # type: ignore[misc]  # every field anew, this object the same
