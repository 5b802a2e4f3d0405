"""Setting a company up: it is named, gets its Xero app, is connected, chooses its settings."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from events.accounting_target import Trouble
from events.codec import Unreadable
from events.companies import CompanySettingsChanged
from store import companies
from web.console import rendering, settings_form, setup_page, wording
from web.console.forms import Posted
from web.console.setup_page import SettingUp, Shown
from web.console.visitor import must_exist
from worker.connections import apps
from worker.contacts import changes, offers
from worker.submission import change_submission
from worker.submission.change_submission import GivenBy
from worker.tools import Tools

SOURCE = "crewcard-xero/console"
_PATIENCE_SECONDS = 20.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_BAD_ID = "A company's id is its id in CrewCard: 1 to 100 letters, digits or . _ : -, and not “new”."
_STALE = "This form is too old to be read. Look at the settings as they are now, and change them again."
_UNCONNECTED = "Connect the company to Xero first: its own accounts, tax rates and categories can then be chosen."
_ACCEPTED = "Accepted. Xero cannot be asked just now; it is checked, and counts, as soon as it can."
_CHANGED = "The settings are changed. What was sent before stays as it was sent."
router = APIRouter()


@router.get("/companies/new")
def ask(request: Request, visitor: SettingUp) -> Response:
    """A new company."""
    return _asked(request, visitor)


@router.post("/companies/new")
def add(request: Request, visitor: SettingUp, form: Posted) -> Response:
    """Set a company up, for its app and connection to follow."""
    company, name = form.text("company"), form.text("name")[:255]
    problem = _objection(visitor.tools, company)
    if problem:
        return _asked(request, visitor, company, name, problem)
    apps.add_company(visitor.tools, company, name or company, visitor.user)
    return rendering.redirect(setup_page.address(company), f"{name or company} is set up. Its Xero app comes next.")


@router.get("/companies/{company}/setup")
def company_setup(request: Request, visitor: SettingUp, company: str) -> Response:
    """The company's app, connection and settings."""
    return setup_page.show(request, visitor, company)


@router.post("/companies/{company}/setup/name")
def rename(visitor: SettingUp, form: Posted, company: str) -> Response:
    """Give the company another name."""
    name = form.text("name")[:255]
    must_exist(visitor, company)
    if name:
        apps.add_company(visitor.tools, company, name, visitor.user)
    return rendering.redirect(setup_page.address(company), f"It is called {name} now." if name else "")


@router.post("/companies/{company}/setup/choices")
def fetch(request: Request, visitor: SettingUp, company: str) -> Response:
    """Ask Xero what there is to choose from."""
    with visitor.tools.store.read() as work:
        organisation = changes.organisation_of(work, company)
    if organisation is None:
        return setup_page.show(request, visitor, company, Shown(_UNCONNECTED, "settings"), 422)
    try:
        for kind in offers.KINDS:
            offers.fetch(visitor.tools, organisation, kind)
    except Trouble as trouble:
        return setup_page.show(request, visitor, company, Shown(wording.away(trouble), "settings"), 422)
    return rendering.redirect(
        f"{setup_page.address(company)}#settings", f"The choices are now as in {organisation.name}."
    )


@router.post("/companies/{company}/setup/settings")
def choose(request: Request, visitor: SettingUp, form: Posted, company: str) -> Response:
    """Change settings, checked with Xero as a host's own changes are."""
    try:
        seen = settings_form.seen_in(form)
    except (ValueError, TypeError):
        return setup_page.show(request, visitor, company, Shown(_STALE, "settings"), 422)
    typed = settings_form.of_form(form)
    patch = settings_form.patch(seen, typed)
    if not patch:
        return rendering.redirect(setup_page.address(company), "No setting was changed.")
    said, by = {"company": company, "settings": patch}, GivenBy(visitor.actor, SOURCE)
    try:
        told = change_submission.file_change(visitor.tools, CompanySettingsChanged, said, by, _PATIENCE_SECONDS)
    except Unreadable as refused:
        told = {"state": "rejected", "problems": refused.problems}
    if told["state"] == "rejected":
        shown = Shown(part="settings", problems=tuple(told["problems"]), typed=typed, seen=seen)
        return setup_page.show(request, visitor, company, shown, 422)
    return rendering.redirect(setup_page.address(company), _ACCEPTED if told["state"] == "waiting" else _CHANGED)


def _asked(request: Request, visitor: SettingUp, company: str = "", name: str = "", problem: str = "") -> Response:
    facts = {"company": company, "name": name, "problem": problem}
    return rendering.page(request, visitor, "company_new", 422 if problem else 200, **facts)


def _objection(tools: Tools, company: str) -> str:
    """Why no company can be added under this id; empty when one can."""
    if not _ID.fullmatch(company) or company == "new":
        return _BAD_ID
    with tools.store.read() as work:
        known = companies.name_of(work, company) if companies.exists(work, company) else ""
    return f"There is a company “{company}” already: {known}." if known else ""
