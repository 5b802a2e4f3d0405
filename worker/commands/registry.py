"""The registry of commands: one row for each thing that may be ordered, from which all of its faces come.

The event's handler at intake, the command, the console's page and bulk orders take from the row what it does, who
may, what is asked before and said afterwards. `tests/house/test_registry.py` holds each face to its row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.contacts import ClientXeroContactCreateRequested, ClientXeroContactUpdateRequested
from events.orders import (
    InvoiceExportCancelRequested,
    InvoiceExportRaiseAnewRequested,
    InvoiceExportReplayRequested,
    Order,
)
from events.preview import InvoiceExportPreviewRequested
from events.settings import CompanySettingsChanged
from events.snapshot import Incoming
from store import bulk_orders
from store.unit_of_work import Work
from worker.commands import adopt, cancel, excluding, quieting
from worker.contacts import changes, contact_answers, new_contacts
from worker.decisions.merge_rules import Receipt
from worker.decisions.rights import Effect
from worker.erasing import erase_client, remove_company
from worker.preview import preview
from worker.tools import Tools
from worker.waiting import pausing

Handler = Callable[..., Receipt]
_BY_PEOPLE = "ordered by people only: there is no event that a host could publish"
_TOLD_BY_ANSWER = "what came of it is the answer of Xero, in its own words"


@dataclass(frozen=True)
class Said:
    """What a page says afterwards: when it was done, when there was nothing to do ("": that is no news), and by what
    was left out `instead` of the latter, or `also`.
    """

    done: str
    nothing: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, receipt: Receipt) -> str:
        """The sentence for a person who ordered it about one invoice."""
        left = receipt.left_out or {}
        nothing = next((told for why, told in self.instead.items() if left.get(why)), self.nothing)
        first = self.done if receipt.invoices else nothing or self.done
        return " ".join([first, *(told for why, told in self.also.items() if left.get(why))])

    def about(self, whom: str, *, news: bool) -> str:
        """The sentence about a company, or all of them; `news` is false where it was so before."""
        return (self.done if news else self.nothing).format(whom=whom)


@dataclass(frozen=True, eq=False)
class Command:
    """Something that may be ordered.

    `effect` is the right that it takes, `audit` its line there, `bulk` that of an order about very many ("": it goes
    one by one). `event` is what a host publishes for it; `carry_out` files that event in the transaction of intake
    (None: intake has its own way), and where there is no event it is called with the tools. `words` are its commands,
    `pages` the console's addresses. `counted` and `confirmation` ask a person before, `printed` and `shown` say
    what came of it, by command and on a page. `lacks` says why a part is not there, by its name.
    """

    name: str
    effect: Effect
    audit: str
    carry_out: Callable[..., Any] | None = None
    event: type[Incoming] | None = None
    words: Sequence[str] = ()
    pages: Sequence[str] = ()
    bulk: str = ""
    counted: Callable[[Work, Any], Sequence[int]] | None = None
    confirmation: str = ""
    printed: str = ""
    shown: Said = Said("")
    lacks: Mapping[str, str] = field(default_factory=dict)

    def run(self, tools: Tools, *said: Any, **more: Any) -> Any:
        """Carry out a command that has no event. Raises TypeError for one that goes through intake."""
        if self.event is not None or self.carry_out is None:
            raise TypeError(self.name)
        return self.carry_out(tools, *said, **more)

    @property
    def order(self) -> type[Order]:
        """The model of an order about exports. Raises TypeError for a command that is none."""
        if self.event is None or not issubclass(self.event, Order):
            raise TypeError(self.name)
        return self.event


CANCEL = Command(
    "cancel",
    Effect.CANCEL,
    "cancel",
    cancel.obey,
    InvoiceExportCancelRequested,
    ("cancel",),
    ("/invoices/{company}/{invoice}/cancel", "/requests/{company}/{sent}/cancel"),
    counted=bulk_orders.to_cancel,
    confirmation="Cancel {invoices} of {company}?",
    printed="cancelled",
    shown=Said(
        "It is cancelled.",
        "Nothing was done: it has its answer already.",
        {"in_flight": "It is on its way: cancelled if it comes back, else answered by what Xero says."},
    ),
)
REPLAY = Command(
    "replay",
    Effect.REPLAY,
    "replay",
    None,
    InvoiceExportReplayRequested,
    ("replay", "failures retry"),
    ("/invoices/{company}/{invoice}/replay", "/replay"),
    bulk="replay many",
    counted=bulk_orders.to_replay,
    confirmation="Try {invoices} of {company} again?",
    printed="asked for again (request {request})",
    shown=Said("It is on its way again.", "Nothing was done: it has not failed, or is on its way again already."),
)
RAISE_ANEW = Command(
    "raise-anew",
    Effect.RAISE_ANEW,
    "raise anew",
    None,
    InvoiceExportRaiseAnewRequested,
    ("raise-anew",),
    ("/invoices/{company}/{invoice}/raise_anew",),
    counted=bulk_orders.to_raise,
    confirmation="Raise {invoices} of {company} again?",
    printed="asked for anew (request {request})",
    shown=Said(
        "Xero is looked at, and it is raised again if it has ended there.",
        "Nothing was done: it was never sent to Xero, or is on its way right now.",
    ),
)
EXCLUDE = Command(
    "exclude",
    Effect.EXCLUDE,
    "exclude",
    excluding.exclude,
    words=("exclude",),
    pages=("/invoices/{company}/{invoice}/exclude", "/replay"),
    bulk="exclude many",
    printed="marked “never send”",
    shown=Said(
        "It is marked “never send”.",
        instead={"unknown": "Nothing was done: CrewCard never asked for this invoice."},
        also={"in_xero": "It is in Xero already: only later changes are kept from it."},
    ),
    lacks={"event": _BY_PEOPLE},
)
INCLUDE = Command(
    "include",
    Effect.EXCLUDE,
    "include",
    excluding.include,
    words=("include",),
    pages=("/invoices/{company}/{invoice}/include", "/replay"),
    bulk="include many",
    printed="no longer marked",
    shown=Said("The mark is off. Nothing is sent by that: send it again, or export it from CrewCard."),
    lacks={"event": _BY_PEOPLE},
)
PAUSE = Command(
    "pause",
    Effect.PAUSE,
    "pause",
    pausing.pause,
    words=("pause",),
    pages=("/pause", "/companies/{company}/pause"),
    shown=Said("{whom} is paused.", "{whom} was paused before."),
    lacks={"event": _BY_PEOPLE},
)
RESUME = Command(
    "resume",
    Effect.PAUSE,
    "resume",
    pausing.resume,
    words=("resume",),
    pages=("/resume", "/companies/{company}/resume"),
    shown=Said("{whom} goes on.", "{whom} was not paused."),
    lacks={"event": _BY_PEOPLE},
)
_BY_PAGE = "ordered where one sees what each worker does; on its machine one stops the process"
QUIET = Command(
    "quiet",
    Effect.PAUSE,
    "quiet",
    quieting.quiet,
    pages=("/workers/{worker}/quiet", "/machines/{machine}/drain"),
    shown=Said(
        "{whom} takes no new work within ten seconds; what it has in hand ends by itself.",
        "Nothing was done: {whom} was quiet before, or is gone.",
    ),
    lacks={"event": _BY_PEOPLE, "words": _BY_PAGE},
)
WAKE = Command(
    "wake",
    Effect.PAUSE,
    "wake",
    quieting.wake,
    pages=("/workers/{worker}/wake", "/machines/{machine}/undrain"),
    shown=Said("{whom} takes work again.", "Nothing was done: {whom} was not quiet, or is gone."),
    lacks={"event": _BY_PEOPLE, "words": _BY_PAGE},
)
ADOPT = Command(
    "adopt",
    Effect.ADOPT,
    "adopt",
    adopt.adopt,
    words=("adopt",),
    printed="taken over",
    lacks={"event": _BY_PEOPLE, "pages": "a file of an older integration is taken over by command only"},
)
LINK_CONTACT = Command(
    "contact",
    Effect.CONTACT,
    "contact",
    contact_answers.file_contact,
    ClientXeroContactUpdateRequested,
    ("contacts set", "contacts import", "contacts match"),
    ("/contacts/{company}/{client}", "/contacts/import", "/contacts/matches/link"),
    lacks={"sentence": _TOLD_BY_ANSWER},
)
CREATE_CONTACT = Command(
    "new contact",
    Effect.CONTACT,
    "contact created",
    new_contacts.file_new_contact,
    ClientXeroContactCreateRequested,
    ("contacts create",),
    ("/contacts/{company}/{client}/create", "/contacts/create"),
    lacks={"sentence": _TOLD_BY_ANSWER},
)
CHANGE_SETTINGS = Command(
    "settings",
    Effect.SETTINGS,
    "settings",
    changes.file_settings,
    CompanySettingsChanged,
    ("companies settings",),
    ("/companies/{company}/setup/settings",),
    lacks={"sentence": _TOLD_BY_ANSWER},
)
ERASE_CLIENT = Command(
    "erase",
    Effect.ERASE,
    "erase",
    erase_client.erase,
    words=("clients erase",),
    pages=("/erasures/{company}/{client}",),
    printed="being erased (order {number})",
    shown=Said("The client is being erased."),
    lacks={"event": _BY_PEOPLE},
)
REMOVE_COMPANY = Command(
    "remove",
    Effect.ERASE,
    "remove",
    remove_company.remove,
    words=("companies remove",),
    pages=("/erasures/{company}",),
    printed="being removed (order {number})",
    shown=Said("The company is being removed."),
    lacks={"event": _BY_PEOPLE},
)
PREVIEW = Command(
    "preview",
    Effect.PREVIEW,
    "",
    preview.file_preview,
    InvoiceExportPreviewRequested,
    ("preview",),
    lacks={
        "audit": "it changes nothing",
        "pages": "hosts show it before a send; in the console it is a step of a company's setup",
        "sentence": _TOLD_BY_ANSWER,
    },
)
COMMANDS = (
    CANCEL,
    REPLAY,
    RAISE_ANEW,
    EXCLUDE,
    INCLUDE,
    PAUSE,
    RESUME,
    QUIET,
    WAKE,
    ADOPT,
    LINK_CONTACT,
    CREATE_CONTACT,
    CHANGE_SETTINGS,
    ERASE_CLIENT,
    REMOVE_COMPANY,
    PREVIEW,
)
# Answered after Xero has been asked: what files one wakes who asks.
CHANGES = frozenset(
    command.event.TYPE for command in (LINK_CONTACT, CREATE_CONTACT, CHANGE_SETTINGS) if command.event
)


def handlers(own: Mapping[Command, Handler]) -> Mapping[str, Handler]:
    """Who files the events of each command, by wire name; `own` are those of intake. Raises KeyError for a gap."""
    return {one.event.TYPE: one.carry_out or own[one] for one in COMMANDS if one.event is not None}
