"""Pages speak as bookkeepers and agents do: no command lines, and none of the words that made them stumble."""

import html
import re

from events.connections import ConnectionProblem
from events.reasons import Reason
from store import connections
from tests.console import world
from tests.console.visiting import Person
from tests.console.world import address, routes
from worker.connections import apps

# What pages said before, and people asked about; on the right of docs/console.md's buttons is what they say now.
OLD = (
    "Needs a person|Nothing needs a person|Doorbells|Events to be told|Behind: |Half of them|95 of 100|Time to "
    "an answer|Going on|Nothing waits|What was said|Asked for by|To be mended by|Mend it"
    "|Open where it is mended|look first"
    "|What is promised|Moved|Do not send it this time|Mark “do not send”|Take the mark off|Proof of match"
    "|its lines of the log|Others that failed for the same|in a row|Hold invoices back|Linked, but cannot be billed"
    "|No Xero app is kept|Keep the app|Ask Xero for its choices|Check with Xero and change|Where a line names none"
    "|Due, where an invoice|Put before invoice numbers|Arrive in Xero as|By kind of line|Unused, the login ends"
    "|[Dd]ead letter|Letter \\d|the door “|Read it as it stands|Read it again as it came|[Ss]hut out|Let in"
    "|Further rows|[Mm]ended|Nobody has ordered|company.s own\\b|amounts exclusive|since \\d+ \\w+ ago"
)


def words_of(page):
    """What a reader sees or hears of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_no_page_has_a_command_line_or_a_word_that_nobody_uses(on_sqlite, console):
    world.fill(on_sqlite)
    apps.add_company(on_sqlite.tools, "brandnew", "Brand New Ltd", "test")
    with on_sqlite.store.write() as work:
        connections.app_of_company(work, world.COMPANY)[1].secret = b"sealed with a key that is gone"
    admin = Person(on_sqlite, console, "admin")
    admin.sign_in()
    found = {}
    pages = [*map(address, routes()), "/console/companies/brandnew", "/console/companies/brandnew/setup"]
    runbooks = [page for page in pages if page.startswith("/console/runbooks/")]  # for who sits at the machine
    for page in (page for page in pages if page not in {*world.OPEN, *runbooks}):
        said = words_of(admin.browser.get(page, follow_redirects=True).text)
        found[page] = [*re.findall("crewcard-xero [a-z]+", said), *re.findall(OLD, said)]
    assert {page: words for page, words in found.items() if words} == {}


def test_what_to_do_about_a_failure_or_a_connection_is_no_command_line():
    for problem in [*Reason, *ConnectionProblem]:
        assert "crewcard-xero" not in f"{problem.value.message} {problem.value.how}", problem
