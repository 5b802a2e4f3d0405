"""No state without an exit: what a failure tells people to do exists, as a button, a command or an event."""

import re
from pathlib import Path

import pytest
import typer

from cli.main import app
from events import codec
from events.reasons import Reason

TEMPLATES = Path("web/console/templates")
# What steps tell people to press: the console's word for it, the command, the event that a host sends.
PRESSED = {
    "send again": ("invoice.html", "Send again", "failures", "invoice.export.replay_requested"),
    "raise anew": ("invoice.html", "Raise anew", "raise-anew", "invoice.export.raise_anew_requested"),
}
# Where else a reader is sent: to something in CrewCard or Xero, after which the invoice goes again.
ACTS = (
    "export it again",
    "export the invoice again",
    "by itself",
    "press “",
    "in xero",
    "credit note",
    "crewcard-xero",
)


def commands():
    return set(typer.main.get_command(app).commands)


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_every_failure_names_a_way_out_that_exists(reason):
    said = " ".join(reason.value.steps)
    assert any(act in said.lower() for act in ACTS), said
    for word in re.findall(r"[Pp]ress “([^”]+)”", said):
        template, button, command, event = PRESSED[word]
        assert button in (TEMPLATES / template).read_text()
        assert command in commands()
        assert event in codec.INCOMING
    for word in re.findall(r"crewcard-xero ([a-z-]+)", said):
        assert word in commands()


def test_nothing_is_promised_that_only_we_could_do():
    assert [reason for reason in Reason if "tell CrewCard support" in " ".join(reason.value.steps)] == []
