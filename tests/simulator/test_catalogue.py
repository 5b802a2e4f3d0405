"""The catalogue is complete and true: every row can be brought about, and no row of the facts is missing."""

import re
from pathlib import Path

import pytest

from simulator.faults import KINDS, TOKEN_KINDS
from simulator.line_messages import SayOfLine
from simulator.messages import Say
from simulator.refusals import No
from tests.simulator import triggers, triggers_of_calls

FACTS = Path(__file__).parents[2] / "docs/xero/facts.md"
TRIGGERS = {**triggers.OF_INVOICES, **triggers_of_calls.OF_CALLS}
ROWS = [*Say, *SayOfLine, *No]
# Rows of §6.2 that no server says, and where they come from here.
NOT_SAID = {46: "a network timeout or reset is no message: the faults drop, commit_then_drop, slow"}
# Points of §11 that are behaviour, not words: where each is shown.
BEHAVIOUR = {
    1: "test_writing.py::test_a_mixed_batch",
    2: "test_writing.py::test_results_come_in_another_order",
    3: "test_updating.py",
    4: "test_idempotency.py",
    5: "test_faults.py",
    6: "test_limits.py",
    7: "test_identity.py",
    8: "test_catalogue.py::test_every_row_is_said_word_for_word",
    9: "test_writing.py::test_an_american_contact",
    10: "test_money.py",
    11: "test_others_clients.py",
}


def pattern(text):
    """A row's text with anything in its places."""
    return re.compile(".+".join(re.escape(part) for part in re.split(r"\{\w+\}", text)))


@pytest.mark.parametrize("row", TRIGGERS, ids=lambda row: row.name)
def test_every_row_is_said_word_for_word(desk, row):
    act = TRIGGERS[row]
    told = act(desk)
    assert pattern(row.value.text).search(told), told


def test_every_row_has_a_trigger_a_source_and_a_text():
    assert set(ROWS) == set(TRIGGERS)
    for row in ROWS:
        assert row.value.source.startswith("facts §")
        assert row.value.trigger
        assert row.value.text


def numbered(section):
    """The numbers that rows name of a section of the facts."""
    found = re.compile(rf"§{re.escape(section)}[ .]#?(\d+)((?:, §11\.\d+)*)")
    return {int(match[1]) for row in ROWS for match in found.finditer(row.value.source)}


def test_every_row_of_the_error_catalogue_is_here():
    wanted = set(map(int, re.findall(r"^\| (\d+) \|", section_of("### 6.2"), re.MULTILINE)))
    assert len(wanted) == 53
    assert numbered("6.2") | set(NOT_SAID) == wanted


def test_every_point_a_simulator_should_copy_is_shown():
    wanted = set(map(int, re.findall(r"^(\d+)\. ", section_of("## 11."), re.MULTILINE)))
    assert len(wanted) == 11
    assert set(BEHAVIOUR) == wanted
    for place in BEHAVIOUR.values():
        name, _, test = place.partition("::")
        assert test in (Path(__file__).parent / name).read_text()


def test_every_text_the_facts_quote_is_said_as_they_quote_it():
    """Each back-quoted text of §6.2 is matched by the text of a row, place for place."""
    for line in section_of("### 6.2").splitlines():
        cells = line.split("|")
        if len(cells) < 3 or not cells[1].strip().isdigit() or int(cells[1]) in NOT_SAID:
            continue
        number = int(cells[1])
        mine = [row.value.text for row in ROWS if re.search(rf"§6\.2 #{number}\b", row.value.source)]
        for quoted in re.findall(r"`([^`]+)`", cells[2]):
            if " " in quoted and "…" not in quoted:
                assert any(alike(quoted, text) for text in mine), (number, quoted, mine)


def alike(quoted, text):
    return bool(pattern(text).search(quoted)) or text.startswith(quoted) or quoted in text


def test_every_fault_the_facts_ask_for_is_there():
    asked = {"commit_then_500", "commit_then_drop", "slow", "html_503", "offline", "slow_then_drop", "malformed_json"}
    asked |= {"truncated", "expire_tokens", "limit_minute", "limit_day", "limit_concurrent", "limit_appminute"}
    assert asked <= set(KINDS)
    assert TOKEN_KINDS


def section_of(heading):
    text = FACTS.read_text()
    start = text.index(f"\n{heading}")
    level = heading.split()[0]
    end = re.compile(rf"^#{{1,{len(level)}}} ", re.MULTILINE).search(text, start + len(heading) + 1)
    return text[start : end.start() if end else None]
