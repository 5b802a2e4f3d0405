"""What a host's own pages show: markers, the progress of a request, a client's Xero contact."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema

from events.people import Person
from events.scopes import Scope
from events.snapshot import HostId, Text
from store import client_contacts, companies, invoice_badges
from store.progress import Progress
from store.unit_of_work import Work
from web import answers, keys
from web.problems import RefusedRequest
from worker.contacts import contact_words
from worker.delivery import progress
from worker.tools import Tools

MOST_INVOICES = 200
_IDS_IN_ONE = {"type": "string", "minLength": 1, "maxLength": MOST_INVOICES * 256}
_MOST_REPEATED = 2 * MOST_INVOICES  # more than can be meant, so that too many are told with their number
_IDS = TypeAdapter(tuple[HostId, ...])
_READING: dict[str, Any] = {
    "dependencies": [Depends(keys.entering(Scope.READS))],
    "openapi_extra": keys.needs(Scope.READS),
}
router = APIRouter(prefix="/v1/companies/{company}")


class Which(BaseModel):
    """Which invoices: their ids, separated by commas; or `ids` once for each, whatever the id holds.

    Where it is given more than once, a comma is a part of the id.
    """

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MOST_INVOICES * 256)]],
        Field(
            min_length=1,
            max_length=_MOST_REPEATED,
            description="Ids of invoices: all in one, separated by commas; or given once for each, and then a comma "
            "is a part of the id. For a single id with a comma give it twice.",
        ),
        WithJsonSchema({"anyOf": [_IDS_IN_ONE, {"type": "array", "items": _IDS_IN_ONE, "minItems": 1}]}),
    ]


class Looking(BaseModel):
    """Who looks: the person's role in CrewCard, where the answer should say what this person may do."""

    model_config = ConfigDict(extra="forbid")

    role: Annotated[Text, Field(max_length=50)] | None = None


@router.get("/invoices", **_READING)
def invoices(request: Request, company: str, which: Annotated[Which, Query()]) -> answers.Invoices:
    """Marker, Last Exported, failure and deep link of at most 200 invoices."""
    ids = _ids(which.ids)
    tools: Tools = request.app.state.tools
    with tools.store.read() as work:
        _must_exist(work, company)
        return answers.Invoices(invoices=tuple(invoice_badges.beside_invoices(work, company, ids)))


@router.get("/requests/{request_id:path}", **_READING)
def request_progress(request: Request, company: str, request_id: str) -> Progress:
    """How far a request is."""
    keys.must_be_id(request_id, "request")
    found = progress.progress_of(request.app.state.tools, company, request_id)
    if found is None:
        raise RefusedRequest(404, "Unknown request", [f"request: {company} has no request “{request_id}”"])
    return found


@router.get("/clients/{client:path}/xero-contact", **_READING)
def contact(request: Request, company: str, client: str, looking: Annotated[Looking, Query()]) -> answers.Contact:
    """The client's Xero contact, and whether it may be changed."""
    keys.must_be_id(client, "client")
    tools: Tools = request.app.state.tools
    person = Person(id="host", role=looking.role) if looking.role is not None else None
    with tools.store.read() as work:
        _must_exist(work, company)
        found = client_contacts.contact_of(work, company, client, person)
        shown = contact_words.shown(work, tools, company, found.value, found.name) if found.value else None
        warnings = contact_words.warnings(work, company, client, found.value) if found.value else ()
    return answers.Contact(**asdict(found), link=shown.link if shown else None, warnings=warnings)


def _ids(said: Sequence[str]) -> list[str]:
    """The ids, each once, in order; only what is said once is a list with commas. Raises RefusedRequest (422)."""
    named = said if len(said) > 1 else said[0].split(",")
    try:
        ids = list(dict.fromkeys(_IDS.validate_python([one.strip() for one in named])))
    except ValidationError as broken:
        place = broken.errors()[0]["loc"][0]
        raise RefusedRequest(422, "Invoices not readable", [f"ids.{place}: is not the id of an invoice"]) from None
    if len(ids) > MOST_INVOICES:
        raise RefusedRequest(
            422, "Too many invoices", [f"ids: at most {MOST_INVOICES} at once, these are {len(ids)}"]
        )
    return ids


def _must_exist(work: Work, company: str) -> None:
    if not companies.exists(work, company):
        raise RefusedRequest(404, "Unknown company", [f"company: there is no company “{company}” here"])
