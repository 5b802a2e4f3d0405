"""May this actor cause this effect for this company? Asked by every way in; pure.

An event has the rights of all who had a hand in it: of a dead letter the key that brought it, and the person who
mends it.

Who may do what in the console.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal

from events import credentials
from events.contacts import ClientXeroContactCreateRequested, ClientXeroContactUpdateRequested
from events.credentials import Scope
from events.export import InvoiceExportRequested
from events.orders import InvoiceExportCancelRequested, InvoiceExportRaiseAnewRequested, InvoiceExportReplayRequested
from events.preview import InvoiceExportPreviewRequested
from events.settings import CompanySettingsChanged


class Role(StrEnum):
    """A user's role; each may all that those before it may, but `setup` is apart: it sets companies up."""

    READ = "read"
    SETUP = "setup"
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
    EXCLUDE = "Marking invoices “never send”"
    MAP_CONTACTS = "Setting a client's Xero contact"
    DEAD_LETTERS = "Fixing or discarding unreadable messages"
    PAUSE = "Pausing and resuming"
    RESEND = "Sending webhooks again"
    SET_UP = "Setting up a company"
    DEVELOP = "Looking after keys and webhook endpoints"
    MANAGE_USERS = "Managing users"
    ERASE = "Erasing a client or removing a company"


ROLES = tuple(Role)
# Setting up is theirs and the admins', not that of the roles between; clients' contacts are a part of it.
_OF_SETUP = (Action.SET_UP, Action.MAP_CONTACTS)
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
    Action.RESEND: Role.OPS,
    Action.SET_UP: Role.ADMIN,
    Action.DEVELOP: Role.ADMIN,
    Action.MANAGE_USERS: Role.ADMIN,
    Action.ERASE: Role.ADMIN,
}


def may(role: str, action: Action) -> bool:
    """Whether this role is enough; one we do not know is enough for nothing."""
    if role == Role.SETUP and action in _OF_SETUP:
        return True
    return role in ROLES and ROLES.index(Role(role)) >= ROLES.index(LEAST[action])


COMMANDS_KEY = "command-line"  # the key with which the command knocks at the doors
OUR_SOURCES = "crewcard-xero/"  # what sources of our own events begin with


class Effect(Enum):
    """What somebody may cause, in the words of a refusal: “… is not part of your role”."""

    EXPORT = "Exporting invoices"
    CANCEL = "Cancelling"
    REPLAY = "Sending again"
    RAISE_ANEW = "Raising invoices anew"
    EXCLUDE = "Marking invoices “never send”"
    ADOPT = "Taking over invoices of an older integration"
    CONTACT = "Setting a client's Xero contact"
    SETTINGS = "Changing a company's settings"
    PREVIEW = "Asking for a preview"
    READ = "Looking"
    FEED = "Reading the feed"
    LOGIN = "Logging in to Xero"
    DISCONNECT = "Ending a connection to Xero"
    PAUSE = "Pausing and resuming"
    COMPANIES = "Setting up a company"
    DEAD_LETTERS = "Fixing or discarding unreadable messages"
    KEYS = "Making and ending keys"
    ENDPOINTS = "Saying where events go"
    RESEND = "Sending webhooks again"
    USERS = "Managing users"
    ERASE = "Erasing a client or removing a company"


@dataclass(frozen=True)
class HostKey:
    """A host behind its key. `companies` and `scopes` are None where it has all."""

    id: str
    companies: frozenset[str] | None = None
    scopes: frozenset[str] | None = None


@dataclass(frozen=True)
class ConsoleUser:
    """A user of the console with a role."""

    id: str
    role: str


@dataclass(frozen=True)
class Operator:
    """Who gives commands on the machine itself, where database and secrets are: may all that can be done."""

    id: str


@dataclass(frozen=True)
class StreamHost:
    """The one trusted host that writes to our Redis: it sends events, of every company."""


@dataclass(frozen=True)
class Ourselves:
    """Our own clock, for whoever ordered it: they were asked when they did. `id` is who that was, if anybody."""

    id: str = ""


@dataclass(frozen=True)
class Nobody:
    """Who brought this is not known; `why` is a sentence."""

    why: str


Actor = HostKey | ConsoleUser | Operator | StreamHost | Ourselves | Nobody
OURSELVES = Ourselves()
OF_EVENT: Mapping[str, Effect] = {
    InvoiceExportRequested.TYPE: Effect.EXPORT,
    InvoiceExportCancelRequested.TYPE: Effect.CANCEL,
    InvoiceExportReplayRequested.TYPE: Effect.REPLAY,
    InvoiceExportRaiseAnewRequested.TYPE: Effect.RAISE_ANEW,
    ClientXeroContactUpdateRequested.TYPE: Effect.CONTACT,
    ClientXeroContactCreateRequested.TYPE: Effect.CONTACT,
    CompanySettingsChanged.TYPE: Effect.SETTINGS,
    InvoiceExportPreviewRequested.TYPE: Effect.PREVIEW,
}
# What keys can be used for at all; what is not here is no host's.
SCOPES: Mapping[Effect, Scope] = {
    **{effect: credentials.OF_EVENT[type_] for type_, effect in OF_EVENT.items()},
    Effect.READ: Scope.READS,
    Effect.FEED: Scope.FEED,
    Effect.LOGIN: Scope.LOGINS,
    Effect.DISCONNECT: Scope.LOGINS,
}
# What pages of the console cause, by the action that a role must be enough for; the rest is done by command only.
ACTIONS: Mapping[Effect, Action] = {
    Effect.EXPORT: Action.REPLAY,
    Effect.CANCEL: Action.CANCEL,
    Effect.REPLAY: Action.REPLAY,
    Effect.RAISE_ANEW: Action.RAISE_ANEW,
    Effect.EXCLUDE: Action.EXCLUDE,
    Effect.CONTACT: Action.MAP_CONTACTS,
    Effect.SETTINGS: Action.SET_UP,
    Effect.PREVIEW: Action.REPLAY,
    Effect.READ: Action.LOOK,
    Effect.LOGIN: Action.SET_UP,
    Effect.DISCONNECT: Action.SET_UP,
    Effect.PAUSE: Action.PAUSE,
    Effect.COMPANIES: Action.SET_UP,
    Effect.DEAD_LETTERS: Action.DEAD_LETTERS,
    Effect.KEYS: Action.DEVELOP,
    Effect.ENDPOINTS: Action.DEVELOP,
    Effect.RESEND: Action.RESEND,
    Effect.USERS: Action.MANAGE_USERS,
    Effect.ERASE: Action.ERASE,
}


@dataclass(frozen=True)
class Objection:
    """Why not: what is lacking, and a sentence for whoever asked."""

    lacks: Literal["company", "scope", "role", "way"]
    sentence: str


class NotAllowed(Exception):
    """An actor may not cause what its event asks for."""

    def __init__(self, objection: Objection) -> None:
        super().__init__(objection.sentence)
        self.objection = objection


def objection(actors: Sequence[Actor], effect: Effect, company: str | None = None) -> Objection | None:
    """What speaks against it for the first of these who may not; None where all of them may.

    `company` is whose books, data or login it is about; None where the effect is about none.
    """
    if not actors:
        return Objection("way", f"{effect.value}: nobody answers for it.")
    return next((found for one in actors if (found := _of_one(one, effect, company))), None)


def needs_admin_of_host(source: str) -> bool:
    """Whether the person of such an event must be an admin, as the host says; of our own the actor was asked."""
    return not source.startswith(OUR_SOURCES)


def of_scopes(key: HostKey, any_of: Sequence[Scope]) -> Objection | None:
    """What speaks against a key's use for each of these scopes; None where it has one of them."""
    if key.scopes is None or not credentials.whole_scopes(key.scopes).isdisjoint(any_of):
        return None
    return Objection("scope", f"this key lacks the scope {' or '.join(f'“{scope}”' for scope in any_of)}")


def of_company(key: HostKey, company: str | None) -> Objection | None:
    """What speaks against a key's use for this company, if it is about one."""
    if company is not None and key.companies is not None and company not in key.companies:
        return Objection("company", f"this key does not speak for “{company[:100]}”")
    return None


def narrowed(now: HostKey, then: HostKey) -> HostKey:
    """A key with what it may now, as far as it might then as well."""
    return HostKey(now.id, _both(now.companies, then.companies), _both(_whole(now), _whole(then)))


def _of_one(actor: Actor, effect: Effect, company: str | None) -> Objection | None:
    if isinstance(actor, Nobody):
        return Objection("way", actor.why)
    if isinstance(actor, HostKey):
        scope = SCOPES.get(effect)
        if scope is None:
            return Objection("way", f"{effect.value} is for no host's key")
        return of_scopes(actor, [scope]) or of_company(actor, company)
    if isinstance(actor, ConsoleUser):
        return _of_role(actor, effect)
    if isinstance(actor, StreamHost) and effect not in OF_EVENT.values():
        return Objection("way", f"{effect.value} cannot be asked for by the stream")
    return None


def _of_role(user: ConsoleUser, effect: Effect) -> Objection | None:
    action = ACTIONS.get(effect)
    if action is None:
        return Objection("way", f"{effect.value} is done by command only.")
    if not may(user.role, action):
        return Objection("role", f"{effect.value} is not part of your role “{user.role}”.")
    return None


def _whole(key: HostKey) -> frozenset[str] | None:
    return None if key.scopes is None else frozenset(credentials.whole_scopes(key.scopes))


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
