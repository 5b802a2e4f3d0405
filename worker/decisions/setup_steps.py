"""Where setting a company up stands: its steps in order, each done, still to do, or in need of attention; pure.

Nothing of it is kept: every state follows from what is stored of the company anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

KEYS = ("company", "app", "login", "accounts", "contacts", "preview", "test")
StepState = Literal["done", "to_do", "wrong"]


@dataclass(frozen=True)
class SetupFacts:
    """What is stored of a company that is being set up; empty, or 0: nothing of that kind yet.

    What ends in `wrong` is a short text. `previewed` and `tested` count only for the present organisation: the number
    of the invoice that was looked at, and how the test invoice stands (`draft`, `deleted` …).
    """

    name: str
    client_id: str = ""
    app_wrong: str = ""
    organisation: str = ""
    login_wrong: str = ""
    account: str = ""
    account_wrong: str = ""
    linked: int = 0
    amiss: int = 0
    unlinked: int = 0
    previewed: str = ""
    preview_wrong: str = ""
    tested: str = ""
    test_wrong: str = ""


@dataclass(frozen=True)
class SetupStep:
    """One step: the name its address has, what people call it, how it stands, and a few words about that."""

    key: str
    heading: str
    state: StepState
    note: str


def steps_of(facts: SetupFacts) -> Sequence[SetupStep]:
    """The steps in their order."""
    app = "saved" if facts.client_id else "not entered yet"
    login = facts.organisation or "nobody has logged in yet"
    account = f"default account {facts.account}" if facts.account else "no default account yet"
    preview = f"looked at {facts.previewed}" if facts.previewed else "no invoice looked at yet"
    test = _TESTED.get(facts.tested, "not sent yet")
    return [
        SetupStep("company", "Company", "done", facts.name),
        _step("app", "Xero app", facts.app_wrong, app, done=bool(facts.client_id)),
        _step("login", "Login to Xero", facts.login_wrong, login, done=bool(facts.organisation)),
        _step("accounts", "Accounts and tax", facts.account_wrong, account, done=bool(facts.account)),
        _of_contacts(facts),
        _step("preview", "Preview", facts.preview_wrong, preview, done=bool(facts.previewed)),
        _step("test", "Test invoice", facts.test_wrong, test, done=facts.tested == "deleted"),
    ]


def at_work(steps: Sequence[SetupStep]) -> str:
    """The first step that is not done; `ready` where all are."""
    return next((one.key for one in steps if one.state != "done"), "ready")


_TESTED = {
    "deleted": "sent to Xero and deleted again",
    "draft": "in Xero as a draft: delete it",
    "sending": "on its way",
    "uncertain": "checking with Xero whether it arrived",
    "deleting": "checking with Xero whether it is deleted",
}


def _step(key: str, heading: str, wrong: str, note: str, *, done: bool) -> SetupStep:
    if wrong:
        return SetupStep(key, heading, "wrong", wrong)
    return SetupStep(key, heading, "done" if done else "to_do", note)


def _of_contacts(facts: SetupFacts) -> SetupStep:
    wrong = f"Xero no longer accepts {facts.amiss:,} of them" if facts.amiss else ""
    note = f"{facts.linked:,} linked" if facts.linked else "no client is linked yet"
    note += f", {facts.unlinked:,} without a contact" if facts.unlinked else ""
    return _step("contacts", "Clients' contacts", wrong, note, done=bool(facts.linked) and not facts.unlinked)
