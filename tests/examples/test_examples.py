"""The examples, each as it stands in `examples/`, against a live installation."""

import json
import sys

import httpx
import pytest

from tests.builders import a_request, an_invoice
from tests.examples.hosts import EXAMPLES, Host, needs_php
from tests.hosts import callback
from tests.machines import a_free_port, wait_for
from worker.intake.stream_consumer import STREAM

pytestmark = [pytest.mark.ci, pytest.mark.xdist_group("examples")]
COMPANY = "harbour-crew"
FILE = EXAMPLES / "invoices.json"


@needs_php
def test_a_php_host_publishes_is_told_and_draws_its_markers(php_host):
    before = httpx.get(f"{php_host.url}/jobs.php", params={"company": COMPANY}).text
    assert before.count('class="not_exported"') == 3
    assert php_host.php("publish.php", COMPANY, "php-bulk", FILE) == "3 on their way\n"
    expected = {"ex-1001": "exported", "ex-1002": "exported", "ex-1003": "failed"}
    wait_for(lambda: php_host.markers() == expected)
    wait_for(lambda: php_host.rows("SELECT 1 FROM requests WHERE complete = 1"))
    page = httpx.get(f"{php_host.url}/jobs.php", params={"company": COMPANY}).text
    assert (page.count("✔"), page.count("✘"), page.count("Last Exported:")) == (2, 1, 2)
    assert "<b>Invoice Failed to Export</b>" in page
    assert "EUR" in page
    assert 'role="status">2 exported to Xero, ' in page


@needs_php
def test_a_php_host_exports_one_invoice_from_its_page_and_a_second_click_is_harmless(php_host):
    for _ in range(2):
        assert php_host.php("publish.php", COMPANY, "php-single", FILE, "ex-1001") == "1 on their way\n"
    done = "SELECT message FROM requests WHERE request = 'php-single' AND complete = 1"
    ((said,),) = wait_for(lambda: php_host.rows(done))
    assert said == "Invoices exported to Xero."
    wait_for(lambda: php_host.markers()["ex-1001"] == "exported")


@needs_php
def test_a_php_host_whose_answer_gets_lost_says_the_same_again(live, key, tmp_path):
    """The door commits, the line goes dead; PHP waits its two seconds and sends the same bytes under the same id."""
    told = []

    def lose_the_first(handler):
        headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
        reply = httpx.post(
            f"{live.settings.public_url}{handler.path}", content=handler.body.encode(), headers=headers
        )
        told.append((reply.status_code, handler.body, reply.headers.get("x-crewcard-repeated")))
        if len(told) > 1:
            handler.send_response(reply.status_code)
            handler.end_headers()
            handler.wfile.write(reply.content)

    with callback.an_endpoint() as line:
        line.answer = lose_the_first
        host = Host(tmp_path, line.url.removesuffix("/xero_webhook.php"), key)
        assert host.php("publish.php", COMPANY, "php-lost", FILE, "ex-1002") == "1 on their way\n"
    assert [(status, repeated) for status, _, repeated in told] == [(202, None), (202, "true")]
    assert told[0][1] == told[1][1]


@needs_php
def test_a_php_host_gets_a_login_link_for_who_clicks_and_for_its_companies_alone(php_host):
    login = f"{php_host.url}/login.php"
    links = [httpx.post(login, data={"company": COMPANY}) for _ in range(2)]
    assert [one.status_code for one in links] == [303, 303]
    assert len({one.headers["location"] for one in links}) == 2
    assert COMPANY in httpx.get(links[0].headers["location"]).text
    assert httpx.post(login, data={"company": "nobody"}).status_code == 403
    assert httpx.get(login, params={"company": COMPANY}).status_code == 403


@needs_php
def test_a_php_host_shows_why_nothing_was_sent(php_host):
    told = php_host.php("publish.php", "nobody", "php-wrong", FILE, code=1)
    assert "data.company: there is no company" in told
    ((title, message),) = set(php_host.rows("SELECT title, message FROM markers WHERE company = 'nobody'"))
    assert (title, "there is no company" in message) == ("Invoice Failed to Export", True)


@needs_php
@pytest.mark.parametrize(
    "headers", [{}, {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,eA=="}]
)
def test_the_php_callback_believes_nobody_else(php_host, headers):
    before = php_host.rows("SELECT count(*) FROM inbox")
    assert httpx.post(f"{php_host.url}/xero_webhook.php", content=b"{}", headers=headers).status_code == 401
    assert php_host.rows("SELECT count(*) FROM inbox") == before


def test_a_python_host_publishes_and_receives(live, key, tmp_path):
    port = a_free_port()
    url = f"http://127.0.0.1:{port}/"
    made = json.loads(live.command("webhooks", "add", COMPANY, url, "--json").stdout)
    host = Host(tmp_path, live.settings.public_url, key, made["secret"])
    said = tmp_path / "said"
    with said.open("w") as output, host.serving([sys.executable, EXAMPLES / "python/receive.py", port], port, output):
        assert host.python("publish.py", COMPANY, "py-1", FILE, "ex-1002") == "1 on their way\n"
        wait_for(lambda: "invoice.export.succeeded ex-1002 exported" in said.read_text())
        assert httpx.post(url, content=b"{}").status_code == 401
    assert "there is no company" in host.python("publish.py", "nobody", "py-2", FILE, code=1)
    live.command("webhooks", "remove", made["id"])


def test_curl_and_openssl_publish_an_event(live, key, tmp_path):
    host = Host(tmp_path, live.settings.public_url, key)
    invoice = an_invoice("curl", client={"id": "C01", "name": "Harbour Master Ltd"}, reference="Übergrößenträger “1”")
    event = tmp_path / "event.json"
    event.write_text(json.dumps(a_request(invoice, company=COMPANY, request="curl"), ensure_ascii=False) + "\n")
    first = json.loads(host.run(EXAMPLES / "curl/publish.sh", event))
    assert (first["request"], first["invoices"]) == ("curl", 1)
    assert json.loads(host.run(EXAMPLES / "curl/publish.sh", event)) == first
    wait_for(lambda: live.read("why", "curl")[0]["attempts"])


def test_a_host_that_shares_the_redis_writes_to_the_stream(live):
    invoice = an_invoice("streamed", client={"id": "C01", "name": "Harbour Master Ltd"})
    live.tools.redis.xadd(STREAM, {"event": json.dumps(a_request(invoice, company=COMPANY, request="streamed"))})
    wait_for(lambda: any(book["InvoiceNumber"] == "N-streamed" for book in live.books()))
    wait_for(lambda: live.tools.redis.xlen(STREAM) == 0)
