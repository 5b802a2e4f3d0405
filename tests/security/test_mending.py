"""Whoever mends a text that is no JSON changes no value in it: no amount, number, id or word, and no blank in one."""

import json
import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.builders import an_invoice
from tests.security.at_the_doors import an_event
from tests.security.at_the_doors import ground as ground  # noqa: PLC0414  # the fixture
from worker.decisions import mending

EVENT = an_event("invoice.export.requested", "e12", invoices=[an_invoice("i12", number="INV-12")])
TEXT = json.dumps(EVENT)


def objections(came, mended):
    return mending.objections(came.encode(), mended.encode(), ["body: not JSON"], "olga")


CHANGED = [
    ('"i12"', '"i 12"'),
    ('"i12"', '"i12 "'),
    ('"i12"', '" i12"'),
    ('"INV-12"', '"INV-1 2"'),
    ('"INV-12"', '"INV -12"'),
    ('"e12"', '"e 12"'),
    ('"i1,2"', '"i12"'),
    ('"i1:2"', '"i12"'),
    ('"i1[2]"', '"i12"'),
    ('"i1, 2"', '"i1,2"'),
    ('"i1 , 2"', '"i1, 2"'),
    ('"i1  2"', '"i1 2"'),
    ('"i1\\t2"', '"i12"'),
    ('"i1\\n2"', '"i1 2"'),
    ('"i1\\u00202"', '"i12"'),
    ('"i1\\u002c2"', '"i12"'),
    ('"i1\\u00222"', '"i12"'),
    ('"i1\\\\2"', '"i12"'),
    ('"i1\\"2"', '"i12"'),
    ('"i1\u00a02"', '"i12"'),
    ('"i1\u200b2"', '"i12"'),
    ('"i1, i2"', '"i1", "i2"'),
    ('"i1", "i2"', '"i1, i2"'),
    ("100, 50", "10050"),
    ("100 , 50", "10050"),
    ("100 50", "10050"),
    ("100\n50", "10050"),
    ("100:50", "10050"),
    ("100: 50", "10050"),
    ("100,50", "100.50"),
    ("1 00", "100"),
    ("100", "1 00"),
    ("100", "100.0"),
    ("-100", "100"),
    ("100", '"100"'),
    ('"100"', "100"),
    ("true", "false"),
]


@pytest.mark.parametrize("loss", ["the last bracket", "a bracket", "a comma", "a quote", "a comma too many"])
@pytest.mark.parametrize(("was", "made"), [*CHANGED, *((made, was) for was, made in CHANGED)])
def test_no_value_is_changed_by_the_way(was, made, loss):
    text = '{"specversion": "1.0", "data": {"company": "harbour", "lines": [%s, 7], "mode": "bulk"}}'
    broken = {
        "the last bracket": text[:-1],
        "a bracket": text.replace("[", ""),
        "a comma": text.replace('"harbour",', '"harbour"'),
        "a quote": text.replace('harbour"', "harbour"),
        "a comma too many": text.replace('"bulk"', '"bulk",'),
    }[loss]
    assert objections(broken % was, text % made)


@pytest.mark.parametrize("wanted", ["i 12", "INV-1 2", "e 12"])
def test_no_value_is_changed_at_the_door_of_people(ground, wanted):
    assert ground.key("host").post(TEXT[:-1]).status_code == 422
    before = ground.what_happened()
    status, page = ground.mend("admin", TEXT.replace(wanted.replace(" ", ""), wanted))
    assert (status, "every value stays as it came" in page) == (422, True)
    assert ground.what_happened() == before
    assert ground.mend("admin", TEXT)[0] == 303


REPAIRS = {
    "a bracket lost": TEXT[:-1],
    "two brackets lost": TEXT[:-2],
    "a bracket lost within": TEXT.replace("]", "", 1),
    "a bracket too many": TEXT + "}",
    "a comma too many": TEXT.replace('"single"', '"single",'),
    "a comma behind the last": TEXT[:-1] + ",}",
    "a comma lost": TEXT.replace('"single",', '"single"'),
    "a colon lost": TEXT.replace('"mode":', '"mode"'),
    "an opening quote lost": TEXT.replace('"INV-12"', 'INV-12"'),
    "a closing quote lost": TEXT.replace('"INV-12"', '"INV-12'),
    "the closing quote of a name lost": TEXT.replace('"mode"', '"mode'),
    "a quote too many before": TEXT.replace('"INV-12"', '""INV-12"'),
    "a quote too many behind": TEXT.replace('"INV-12"', '"INV-12""'),
    "a bare word": TEXT.replace('"INV-12"', "INV-12"),
    "a bare name": TEXT.replace('"mode"', "mode"),
    "warnings before it": f"PHP Warning: x in y.php on line 3\n{TEXT}",
    "words behind it": f"{TEXT}\nDone in 3 ms.",
    "a line break in a text": TEXT.replace("Crew, one day", "Crew,\none day"),
    "a backslash alone": TEXT.replace("Crew, one day", "C:\\day"),
    "JSON in JSON": json.dumps(TEXT),
}
MEANT = {
    "a line break in a text": TEXT.replace("Crew, one day", "Crew,\\none day"),
    "a backslash alone": TEXT.replace("Crew, one day", "C:\\\\day"),
}


@pytest.mark.parametrize("what", sorted(REPAIRS))
def test_what_made_it_unreadable_may_be_mended(what):
    meant = MEANT.get(what, TEXT)
    assert REPAIRS[what] != meant
    assert objections(REPAIRS[what], meant) == []
    assert objections(REPAIRS[what], json.dumps(json.loads(meant), indent=2, ensure_ascii=False)) == []


def test_no_value_is_lost_behind_another_of_its_name():
    came = '{"lines": [{"price": 1}, {"price": 2}]'
    assert objections(came, came + "}") == []
    assert objections(came, '{"lines": [{"price": 1, "price": 2}]}')


def test_a_text_that_was_cut_off_is_not_brought_to_an_end():
    for length in (1, 3, 5):
        cut = '{"data": {"number": "INV-12'[: -length or None]
        assert objections(cut, cut + '"}}')


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('ab12 ,:[]{}"\\\n\u00a0é'), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


def leaves(value):
    """Every word and text of it, in order, names too."""
    if isinstance(value, dict):
        return [leaf for name, one in value.items() for leaf in (name, *leaves(one))]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [(type(value), value)]


@given(st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1), st.data())
def test_whatever_is_let_through_says_what_came(document, data):
    """One sign of a text is lost; then what is typed in its place has one or two characters more, less or others."""
    text = json.dumps(document, ensure_ascii=data.draw(st.booleans()))
    signs = [found.start() for found in re.finditer(r'"(?:[^"\\]|\\.)*"|([{}\[\],:])', text) if found[1]]
    lost = data.draw(st.sampled_from(signs))
    came = text[:lost] + text[lost + 1 :]
    mended = text
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(mended)))
        typed = data.draw(st.sampled_from(["", "1", " ", ",", '"', "a", "\\n", ":"]))
        mended = mended[:at] + typed + mended[at + data.draw(st.integers(0, 1)) :]
    try:
        json.loads(came)
    except ValueError:
        pass
    else:
        assume(False)
    if mended == text:
        assert objections(came, mended) == []
    try:
        read = json.loads(mended)
    except ValueError:
        return
    if not objections(came, mended):
        assert leaves(read) == leaves(document)


@pytest.mark.parametrize("fill", ['"', '\\"', "\\", "{", "[,", 'a"', " ", '"a" ', "a "])
def test_to_compare_takes_no_longer_than_to_read(fill):
    came = "{" + fill * (900_000 // len(fill))
    begun = time.process_time()
    assert objections(came, TEXT)
    assert objections(came + "}", json.dumps({"a": fill * 100_000}))
    assert time.process_time() - begun < 5
