"""What to do about an alert is read in the console itself, where no network leads out."""

import re

from web.console import runbooks


def test_every_runbook_is_a_page_of_the_console_for_whoever_sees_the_row(person):
    somebody = person("read")
    pages = sorted(page.stem for page in runbooks.FOLDER.glob("*.md"))
    assert "EndpointTakesNothing" in pages
    for name in pages:
        page = somebody.see(f"/runbooks/{name}")
        assert f"<h1>{name}</h1>" in page
        assert "<h2>What to do</h2>" in page
        assert not re.findall(r'href="[^"]*\.md', page), "no link leads to what is not here"


def test_a_runbook_that_leads_to_another_one_leads_to_its_page(person, tmp_path, monkeypatch):
    monkeypatch.setattr(runbooks, "FOLDER", tmp_path)
    (tmp_path / "PartAway.md").write_text(
        "# PartAway\n\nSee [it](NobodyAtWork.md), [upgrade](../upgrade.md). <b>x</b>"
    )
    (tmp_path / "NobodyAtWork.md").write_text("# NobodyAtWork\n")
    page = person("read").see("/runbooks/PartAway")
    assert '<a href="/console/runbooks/NobodyAtWork">it</a>, upgrade (docs: upgrade). &lt;b&gt;x' in page


def test_what_is_no_runbook_is_not_found(person):
    for name in ("Nothing", "..%2F..%2F..%2FREADME", "%2Fetc%2Fpasswd"):
        assert person("read").browser.get(f"/console/runbooks/{name}").status_code == 404
