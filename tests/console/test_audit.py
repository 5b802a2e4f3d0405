"""The audit page: who ordered what, on which company, why; filters live in the address, and nobody edits a line."""

import re

from store import audit
from tests.builders import an_invoice
from web.console.audit import router
from web.console.forms import PER_PAGE as MOST
from worker.commands import excluding

SCRIPT = "<script>alert(1)</script>"


def rows(page):
    return [re.sub(r"(<[^>]+>|\s)+", " ", one).strip() for one in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)][1:]


def note(installation, count=1, who="anna", what="replay", company="harbour"):
    with installation.store.write() as work:
        for number in range(count):
            audit.note(work, who, what, company, {"reason": "contact_archived"}, number, f"because {number}")


def test_an_order_is_a_line_with_who_what_and_why(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1"))
    excluding.exclude(on_sqlite.tools, "harbour", ["i1"], "olga", f"a test {SCRIPT}")
    page = person("read").see("/audit")
    assert SCRIPT not in page
    (line,) = [row for row in rows(page) if "exclude" in row]
    assert "olga" in line
    assert "Harbour" in line
    assert "invoices i1" in line
    assert "a test &lt;script&gt;" in line


def test_lines_are_found_by_who_what_and_company(person, on_sqlite):
    note(on_sqlite)
    note(on_sqlite, who="ben", what="cancel")
    note(on_sqlite, who="ben", what="pause", company="*")
    reader = person("read")
    assert len(rows(reader.see("/audit?who=ben"))) == 2
    assert len(rows(reader.see("/audit?who=ben&what=cancel"))) == 1
    (line,) = rows(reader.see("/audit?company=*"))
    assert "every company" in line
    assert "No line fits" in reader.see("/audit?who=nobody")


def test_a_long_audit_is_leafed_through(person, on_sqlite):
    note(on_sqlite, MOST + 7, who="ben")
    reader = person("read")
    first = reader.see("/audit?who=ben")
    more = re.search(r'<a href="(\?[^"]+)" rel="next">', first)[1].replace("&amp;", "&")
    second = reader.see(f"/audit{more}")
    assert (len(rows(first)), len(rows(second))) == (MOST, 7)
    assert not set(rows(first)) & set(rows(second))
    assert 'rel="next"' not in second


def test_an_odd_place_in_the_audit_is_its_beginning(person, on_sqlite):
    note(on_sqlite, who="ben")
    reader = person("read")
    for after in ("x", "-1", "9" * 40, "²"):
        assert len(rows(reader.see(f"/audit?who=ben&after={after}"))) == 1, after


def test_the_audit_can_only_be_looked_at():
    assert {method for route in router.routes for method in route.methods} == {"GET"}
