"""The mark on an invoice in Xero: whatever ids a host has, company and invoice are read back as they were written."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xero_adapter import links

BASE = "https://app.crewcard.example/invoices"
IDS = st.text(min_size=1, max_size=60) | st.text("xXeErRoO%78/+&=?#ü ._:-25", min_size=1, max_size=40)
IDS = IDS.filter(lambda text: text.isprintable())


@given(IDS, IDS)
@example("xero", "Xero/7")
@example("a/b", "c/d")
@example("a%2Fb", "%2Fc")
@example("a%b", "%78ero")
@example("%25", "2026/114")
@example("company", "/")
@example("harbour", "a+b c&crewcard=x/y")
@example("harbour", "Größe #7?")
def test_any_two_ids_come_back_as_they_were(company, invoice):
    for base in (BASE, f"{BASE}?id=7", f"{BASE}?crewcard=other/i1", f"{BASE}?a=%58ero"):
        url = links.mark(base, company, invoice)
        assert links.marked(url) == (company, invoice)
        assert "xero" not in url.lower()
        assert url.isascii()
        assert " " not in url


def test_marks_of_plain_ids_stay_as_they_are_in_xero_already():
    assert links.mark(BASE, "harbour", "i1") == f"{BASE}?crewcard=harbour%2Fi1"
    assert links.marked(f"{BASE}?crewcard=harbour%2Fa%3Ab.c-d_e") == ("harbour", "a:b.c-d_e")


def test_a_link_of_the_hosts_cannot_pose_as_a_mark():
    forged = f"{BASE}?crewcard=quay%2Fi9"
    assert links.marked(links.mark(forged, "harbour", "i1")) == ("harbour", "i1")


LINKS = st.builds(
    "https://crew.example/{}?{}".format,
    st.text("ab/%25xXeEro", max_size=12),
    st.lists(
        st.sampled_from(["id=7", "crewcard=", "crewcard=quay%2Fi9", "crewcard-raised=", "%78ero=1", "?", "&", ""])
        | st.text("crewcard-ised=0123456789&?%/+xeo", max_size=40),
        max_size=6,
    ).map("&".join),
)


@given(LINKS, IDS, IDS, st.integers(1, 10**9 - 1))
@example("https://crew.example/i?id=7&crewcard-raised=5", "harbour", "i1", 1)
@example("https://crew.example/i?crewcard=harbour%2Fi1&crewcard-raised=5", "harbour", "i1", 1)
@example("https://crew.example/i?crewcard-raised=5", "harbour", "i1", 2)
@example("https://crew.example/i?id=7&crewcard-raised=" + "9" * 5000, "harbour", "i1", 1)
def test_whatever_the_hosts_own_link_says_all_of_a_mark_comes_back(link, company, invoice, generation):
    url = links.mark(links.usable_base(link, BASE), company, invoice, generation)
    assert (links.marked(url), links.generation(url)) == ((company, invoice), generation)


@pytest.mark.parametrize("said", ["9" * 5000, "²", "٣", "-2", "0", "", "2.0", "1e3"])
def test_a_generation_that_is_no_number_of_ours_is_the_first(said):
    assert links.generation(f"{BASE}?crewcard=harbour%2Fi1&crewcard-raised={said}") == 1
