"""What the doors answer, as models: their published shape."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from events.snapshot import DEPRECATED
from store.invoice_badges import Beside


class Answer(BaseModel):
    """An answer of a door."""

    model_config = ConfigDict(frozen=True)


class Accepted(Answer):
    """An event that is ours now: it was committed.

    `invoices` is how many it moved; for an order `left_out` counts those it named and did not move, by why.
    `connection` is there while the company's exports wait for somebody, `login_due` while that is a login to Xero.
    `login_url`, a field of older days, is never there: a link is made by `POST …/login-links`.
    """

    event: str
    company: str
    request: str
    invoices: int
    left_out: Mapping[str, int] | None = None
    connection: str | None = None
    login_due: bool | None = None
    login_url: str | None = Field(default=None, json_schema_extra=DEPRECATED)


class Problem(Answer):
    """A refusal (RFC 9457). Each of `problems` is `field: what is wrong with it`; `retry_after` is in seconds."""

    type: str = "about:blank"
    title: str
    status: int
    problems: tuple[str, ...]
    retry_after: int | None = None


class AcceptedInArray(Accepted):
    """The result of an event of an array that was accepted."""

    status: Literal[202]


class Results(Answer):
    """A result for each event of an array, in its order."""

    results: tuple[AcceptedInArray | Problem, ...]


class Invoices(Answer):
    """What stands beside the invoices that were named, in their order."""

    invoices: tuple[Beside, ...]


class Contact(Answer):
    """The field “Xero Client ID” of one client. `why_not` says why it is greyed out, null where it is editable.

    `value` is empty where there is none, `status` where Xero has not been asked yet; `being_checked` is what an admin
    pasted and Xero is still to be asked about; `whose` keeps the value: host, person, command or import.
    """

    company: str
    client: str
    client_name: str
    value: str
    name: str
    status: str
    merged_into: str
    link: str | None
    warnings: tuple[str, ...]
    checked_at: datetime | None
    changed_by: str
    changed_at: datetime | None
    whose: str
    editable: bool
    why_not: str | None
    being_checked: str | None


class Connection(Answer):
    """How a company's connection to Xero is. `wrong` is null while all is well, else what, with who and how.

    `target` is its accounting system, `access_token_age` is in seconds, `waiting` counts invoices without an answer.
    `day_calls` are Xero's calls of a day: as Xero's headers told (`day_calls_learned`), else the most that are set;
    `day_ends_at` is when the day of the used ones ends at the latest.
    """

    company: str
    name: str
    state: str
    well: bool
    wrong: str | None
    who: str | None
    how: str | None
    notes: tuple[str, ...]
    target: str
    organisation: str | None
    tenant: str | None
    short_code: str | None
    base_currency: str | None
    client_id: str | None
    scopes: str | None
    last_good_call: datetime | None
    day_calls: int | None
    day_calls_learned: bool
    day_calls_used: int | None
    day_calls_left: int | None
    day_calls_left_for_bulk: int | None
    day_ends_at: datetime | None
    waiting: int
    access_token_age: float | None
    login_ends_at: datetime | None


class LoginLink(Answer):
    """A link for one login to Xero, good until `ends_at`."""

    url: str
    ends_at: datetime


class Choice(Answer):
    """An organisation to choose from; `taken` by another company, `current` is the company's own so far."""

    tenant: str
    name: str
    taken: bool
    current: bool


class LoggedIn(Answer):
    """How a login ended: `connected` to this organisation, or to be chosen from `organisations`.

    `waiting_for_decision` counts invoices that were meant for another organisation.
    """

    login: str
    company: str
    connected: str | None
    waiting_for_decision: int
    organisations: tuple[Choice, ...]


class Disconnected(Answer):
    """The connection has ended."""

    company: str
    connection: Literal["disconnected"]
