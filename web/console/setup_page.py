"""The page on which a company is set up: its Xero app, its connection, its settings."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from events.accounting_lists import ListedChoice
from events.accounting_target import Lane
from store import apps, companies, connections, offers
from store.tables import CompanyApp, CompanyConnection, XeroApp
from store.unit_of_work import Work
from web.console import rendering, settings_form
from web.console.settings_form import Typed
from web.console.visitor import Missing, Must, MustProve, Visitor
from web.console.wording import part
from worker.connections import health
from worker.connections.apps import SCOPES
from worker.decisions.roles import Action
from worker.tools import Tools
from worker.waiting.login_tokens import Link

APP_FIELDS = ("client_id", "kind", "scopes", "callback")
SettingUp = Annotated[Visitor, Depends(Must(Action.SET_UP))]
SettingUpProven = Annotated[Visitor, Depends(MustProve(Action.SET_UP))]  # secrets, connections


@dataclass(frozen=True)
class Shown:
    """What a form brought about: problems by the part of the page they belong to, and what was typed there."""

    problem: str = ""
    part: str = ""
    problems: tuple[str, ...] = ()
    typed: Typed | None = None
    seen: Typed | None = None
    link: Link | None = field(default=None, repr=False)
    fields: dict[str, str] = field(default_factory=lambda: dict.fromkeys(APP_FIELDS, ""))


def show(request: Request, visitor: Visitor, company: str, shown: Shown | None = None, status: int = 200) -> Response:
    """The page. Raises Missing."""
    tools = visitor.tools
    how = health.of_company(tools, company)
    if how is None:
        raise Missing(f"There is no company “{company}” here.")
    shown = shown or Shown()
    with tools.store.read() as work:
        found = apps.of_company(work, company)
        kept = settings_form.of_settings(companies.settings_of(work, company))
        at = connections.of_company(work, company)
        choices = _choices(work, at)
        facts = {
            "company": company,
            "how": how,
            "connection": at,
            "shown": shown,
            "app": _app(tools, found),
            "typed": shown.typed or kept,
            "seen": shown.seen or kept,
            "due_rules": settings_form.DUE_RULES,
            "choices": choices,
            "tracked": settings_form.tracked(shown.typed or kept, choices.get("tracking")),
            "callback": f"{tools.settings.public_url.rstrip('/')}/connect/xero/callback",
        }
        return rendering.page(request, visitor, "setup", status, **facts)


def address(company: str) -> str:
    """Where the page is."""
    return f"/console/companies/{part(company)}/setup"


def _app(tools: Tools, found: tuple[CompanyApp, XeroApp] | None) -> dict[str, Any] | None:
    """The app without its secrets."""
    if found is None:
        return None
    used, app = found
    named = next((name for name, scopes in SCOPES.items() if set(scopes.split()) == set(used.scopes.split())), "")
    return {
        "client_id": app.client_id,
        "kind": app.kind,
        "callback": app.callback,
        "scopes": used.scopes,
        "named": named,
        "enabled": used.state == "enabled",
        "secret_changed_at": app.secret_changed_at,
        "two_secrets": app.former_secret is not None,
        "opens": tools.vault.opens(app.secret),
    }


def _choices(work: Work, at: CompanyConnection | None) -> dict[str, Any]:
    """What the organisation offered when it was last asked: usable ones, those offered first in front."""
    known = offers.of_lane(work, Lane(at.company, at.tenant)) if at else {}
    asked = [one.fetched_at for one in known.values()]
    return {"asked_at": min(asked, default=None), **{kind: _usable(one.choices) for kind, one in known.items()}}


def _usable(choices: Any) -> list[ListedChoice]:
    return sorted((one for one in choices if one.usable), key=lambda one: (not one.first, one.code))
