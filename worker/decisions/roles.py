"""Who may do what in the console."""

from collections.abc import Mapping
from enum import Enum, StrEnum


class Role(StrEnum):
    """A user's role; each may all that those before it may."""

    READ = "read"
    SUPPORT = "support"
    OPS = "ops"
    ADMIN = "admin"


class Action(Enum):
    """What a page shows or does, in the words of a refusal: “… is for support”."""

    LOOK = "Looking"
    OWN_PASSWORD = "Setting your password"  # noqa: S105
    OWN_FACTOR = "Setting up your second factor"
    OWN_SESSIONS = "Looking after your sessions"
    REPLAY = "Sending again"
    RAISE_ANEW = "Raising invoices anew"
    CANCEL = "Cancelling"
    EXCLUDE = "Marking invoices “do not send”"
    MAP_CONTACTS = "Setting a client's Xero contact"
    DEAD_LETTERS = "Mending or discarding dead letters"
    PAUSE = "Pausing and resuming"
    SET_UP = "Setting up a company"
    MANAGE_USERS = "Managing users"


ROLES = tuple(Role)
LEAST: Mapping[Action, Role] = {
    Action.LOOK: Role.READ,
    Action.OWN_PASSWORD: Role.READ,
    Action.OWN_FACTOR: Role.READ,
    Action.OWN_SESSIONS: Role.READ,
    Action.REPLAY: Role.SUPPORT,
    Action.RAISE_ANEW: Role.SUPPORT,
    Action.CANCEL: Role.SUPPORT,
    Action.EXCLUDE: Role.SUPPORT,
    Action.MAP_CONTACTS: Role.SUPPORT,
    Action.DEAD_LETTERS: Role.SUPPORT,
    Action.PAUSE: Role.OPS,
    Action.SET_UP: Role.ADMIN,
    Action.MANAGE_USERS: Role.ADMIN,
}


def may(role: str, action: Action) -> bool:
    """Whether this role is enough; one we do not know is enough for nothing."""
    return role in ROLES and ROLES.index(Role(role)) >= ROLES.index(LEAST[action])
