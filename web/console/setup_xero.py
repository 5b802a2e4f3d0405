"""A company's Xero app and its connection: entered, rotated, switched; linked, parted, decided."""

from collections.abc import Callable
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from events.accounting_target import Trouble
from events.credentials import APP_WAYS, AppKeys, AppKind
from store import audit
from store.connections import AnotherKind, AnotherSecret
from web.console import rendering, setup
from web.console.forms import Form, Posted
from web.console.setup import SettingUpProven, Shown
from web.console.visitor import Visitor, must_exist
from worker.connections import apps, connecting, logging_in, login_links
from worker.connections.apps import NoApp
from worker.decisions import addresses
from worker.decisions.refusals import LoginRefused
from worker.tools import Tools

HERE = "/companies/{company}/setup"
_LONGEST = 300
_NO_APP = "This company has no Xero app here yet."
_SHARED = "Another company uses this app, with another secret. Replace the secret there first."
_KEPT = "Xero knows this app, and it is saved. Next, somebody logs in to Xero."
_NOT_CHECKED = "The app is saved, and not checked: Xero's login service cannot be asked just now."
_NOTHING = "There is nothing of that kind to do any more; somebody else may have been quicker."
router = APIRouter()


@router.post(f"{HERE}/app")
def set_app(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Keep the company's own Xero app; its secret is never shown again."""
    must_exist(visitor, company)
    tools = visitor.tools
    keys, problem, checked = _keys(form), _objection(tools, form), True
    if not problem:
        said = apps.objection_of_xero(tools, company, keys)
        checked, problem = said is not None, said or ""
    if not problem:
        try:
            apps.set_app(tools, company, keys, _scopes(form), form.text("callback"), visitor.user)
        except AnotherSecret:
            problem = _SHARED
        except AnotherKind as shared:
            problem = str(shared)
    if problem:
        kept = {name: form.text(name) for name in setup.APP_FIELDS}
        return setup.show(request, visitor, company, Shown(problem, "app", fields=kept), 422)
    if not keys.way.has_login:
        return _connected(request, visitor, company)
    return rendering.redirect(setup.setup_address(company, "login"), _KEPT if checked else _NOT_CHECKED)


@router.post(f"{HERE}/secret")
def replace_secret(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """A new Client Secret; the former one stays good until it is forgotten."""
    secret = form.text("secret")
    if not _printable(secret):
        return setup.show(request, visitor, company, Shown("Paste the new Client Secret.", "app"), 422)
    must_exist(visitor, company)
    try:
        problem = apps.objection_to_secret(visitor.tools, company, secret)
    except NoApp:
        problem = _NO_APP
    if problem:
        return setup.show(request, visitor, company, Shown(problem, "app"), 422)

    def replace(tools: Tools) -> str:
        apps.rotate_secret(tools, company, secret, visitor.user)
        told = apps.NOT_ASKED if problem is None else "Xero knows the new Client Secret, and it counts."
        return f"{told} The former one stays good until you forget it."

    return _moved(request, visitor, company, "app", replace)


@router.post(f"{HERE}/forget-secret")
def forget_secret(request: Request, visitor: SettingUpProven, company: str) -> Response:
    """End a rotation."""

    def forget(tools: Tools) -> str:
        had = apps.forget_former_secret(tools, company, visitor.user)
        return "The former Client Secret is forgotten." if had else "There was only one Client Secret."

    return _moved(request, visitor, company, "app", forget)


@router.post(f"{HERE}/webhook-key")
def set_webhook_key(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Keep the webhook key of the company's app; the former one stays good until it is forgotten."""
    key = form.text("key")
    if not _printable(key):
        return setup.show(request, visitor, company, Shown("Paste the webhook key.", "app"), 422)

    def replace_key(tools: Tools) -> str:
        apps.set_webhook_key(tools, company, key, visitor.user)
        return "The webhook key is kept. Now have Xero send its “Intent to receive”."

    return _moved(request, visitor, company, "app", replace_key)


@router.post(f"{HERE}/forget-webhook-key")
def forget_webhook_key(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """End a rotation, or take no webhooks any more."""
    former_only = form.text("which") != "all"

    def forget(tools: Tools) -> str:
        had = apps.forget_webhook_key(tools, company, visitor.user, former_only=former_only)
        return "The webhook key is forgotten." if had else "There was no such webhook key."

    return _moved(request, visitor, company, "app", forget)


@router.post(f"{HERE}/scopes")
def change_scopes(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Ask Xero for other permissions."""

    def change(tools: Tools) -> str:
        changed = apps.change_scopes(tools, company, _scopes(form), visitor.user)
        return "Changed. That takes a new login: make a connect link." if changed else "These are asked for already."

    return _moved(request, visitor, company, "app", change)


@router.post(f"{HERE}/exports")
def switch(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Switch the company's exports off or on."""
    on = form.text("do") == "on"

    def move(tools: Tools) -> str:
        (apps.enable if on else apps.disable)(tools, company, visitor.user, form.text("why"))
        return "Exports are on again." if on else "Exports are off. What is asked for waits; nothing is lost."

    return _moved(request, visitor, company, "app", move)


@router.post(f"{HERE}/connect")
def connect(request: Request, visitor: SettingUpProven, company: str) -> Response:
    """Connect a custom connection, to which nobody logs in."""
    must_exist(visitor, company)
    return _connected(request, visitor, company)


def _connected(request: Request, visitor: Visitor, company: str) -> Response:
    try:
        done = logging_in.connect_by_app(visitor.tools, company, visitor.user)
    except LoginRefused as refused:
        told = f"{refused} {refused.refusal.value.how}"
        return setup.show(request, visitor, company, Shown(told, "login"), 422)
    return rendering.redirect(
        setup.setup_address(company, "login"), f"Connected to {done.connected}. Nobody logs in."
    )


@router.post(f"{HERE}/link")
def make_link(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """A fresh connect link, shown once on this page; or followed at once, by whoever logs in to Xero here."""
    must_exist(visitor, company)
    tools, here = visitor.tools, form.text("do") == "here"
    back = f"{tools.settings.public_url.rstrip('/')}{setup.setup_address(company, 'login')}" if here else ""
    try:
        made = login_links.link(tools, company, back)
    except LoginRefused as refused:
        told = f"{refused} {refused.refusal.value.how}"
        return setup.show(request, visitor, company, Shown(told, "login"), 422)
    with tools.store.write() as work:
        audit.note(work, visitor.user, "connect link made", company, {}, 0, "")
    if here:
        return rendering.redirect(made.url)
    return setup.show(request, visitor, company, Shown(part="login", link=made))


@router.post(f"{HERE}/disconnect")
def disconnect(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """End the connection, at Xero too."""

    def move(tools: Tools) -> str:
        connecting.disconnect(tools, company, visitor.user, form.text("why"))
        return "Disconnected, at Xero too. What is asked for waits until the company is connected again."

    return _moved(request, visitor, company, "login", move)


@router.post(f"{HERE}/decide")
def decide(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """What becomes of invoices meant for another organisation than the present one."""
    send = form.text("do") == "send"

    def move(tools: Tools) -> str:
        count = connecting.decide(tools, company, send=send, by=visitor.user)
        told = rendering.count(count, "invoice")
        return f"{told} sent on to the present organisation." if send else f"{told} cancelled."

    return _moved(request, visitor, company, "login", move)


def _moved(
    request: Request, visitor: SettingUpProven, company: str, part: str, move: Callable[[Tools], str]
) -> Response:
    """Do it and say so, or say why not. Raises Missing."""
    must_exist(visitor, company)
    try:
        return rendering.redirect(setup.setup_address(company, part), move(visitor.tools))
    except NoApp:
        problem = _NO_APP
    except LookupError:
        problem = _NOTHING
    except Trouble as trouble:
        problem = rendering.away(trouble)
    return setup.show(request, visitor, company, Shown(problem, part), 422)


def _keys(form: Form) -> AppKeys:
    kind = cast("AppKind", form.text("kind") if form.text("kind") in APP_WAYS else "web")
    return AppKeys(form.text("client_id"), (form.text("secret"),) if APP_WAYS[kind].has_secret else (), kind)


def _objection(tools: Tools, form: Form) -> str:
    """What is wrong with an app's form; empty when nothing is."""
    if not _printable(form.text("client_id")) or " " in form.text("client_id"):
        return "Paste the app's Client ID, as Xero's developer portal shows it."
    if _keys(form).way.has_secret and not _printable(form.text("secret")):
        return "Paste the app's Client Secret; Xero's developer portal shows it once."
    callback = form.text("callback")
    if callback and not addresses.return_allowed(callback, tools.settings.return_addresses):
        return f"{callback} is not on the list RETURN_ADDRESSES, so Xero's answer must not go there."
    return ""


def _scopes(form: Form) -> str:
    return form.text("other_scopes") or ("broad" if form.text("scopes") == "broad" else "granular")


def _printable(text: str) -> bool:
    return bool(text) and len(text) <= _LONGEST and text.isprintable()
