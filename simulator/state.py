"""One simulated Xero as a whole: its world, its logins, its faults."""

from dataclasses import dataclass, field

from simulator.authorize import Desk
from simulator.faults import Faults
from simulator.identity import Identity
from simulator.world import World


@dataclass
class State:
    """Everything a reset forgets."""

    world: World = field(default_factory=World)
    identity: Identity = field(default_factory=Identity)
    faults: Faults = field(default_factory=Faults)
    desk: Desk = field(default_factory=Desk)

    def reset(self) -> None:
        """Begin anew."""
        self.world, self.identity, self.faults, self.desk = World(), Identity(), Faults(), Desk()
