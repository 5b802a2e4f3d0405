"""docs/doors.md tells the truth: every snippet is run, every example computed."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from cli.main import app
from events import signing
from store import api_keys
from tests.builders import an_invoice
from tests.installation import KEY as ENCRYPTION_KEY

PAGE = (Path(__file__).parents[2] / "docs/doors.md").read_text()
COMMAND = Path(sys.executable).parent


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def environment(on_sqlite, small_doors):
    chosen = on_sqlite.settings
    with on_sqlite.store.write() as work:
        key = api_keys.make(work, on_sqlite.tools.vault, "host")
    return {
        "PATH": f"{COMMAND}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "DATABASE_URL": chosen.database_url,
        "REDIS_URL": chosen.redis_url,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "CREWCARD_XERO_URL": small_doors,
        "CREWCARD_XERO_KEY": key.id,
        "CREWCARD_XERO_SECRET": key.secret,
    }


def run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is not here")
def test_the_snippets_for_a_shell_do_what_the_page_says(on_sqlite, environment):
    commands = [block for block in blocks("sh") if block.startswith("crewcard-xero")]
    assert len(commands) == 3
    snippets = [block for block in blocks("sh") if block not in commands]
    on_sqlite.ask(an_invoice("inv-1008"), request="before")
    said = [run(["bash", "-euc", snippets[0] + block], environment) for block in snippets[1:]]
    assert json.loads(said[0]) == json.loads(blocks("json")[0])
    assert [one["invoice"] for one in json.loads(said[1])["invoices"]] == ["inv-1007", "inv-1008"]
    for field in ("estimated_finish", "editable", "last_good_call"):
        assert field in said[2]
    assert "about:blank" not in "".join(said)
    on_sqlite.run()
    again = run(["bash", "-euc", snippets[0] + snippets[2]], environment)
    assert [one["marker"] for one in json.loads(again)["invoices"]] == ["exported", "exported"]


@pytest.mark.skipif(not shutil.which("php"), reason="php is not here")
def test_the_snippets_for_php_do_what_the_page_says(on_sqlite, environment):
    on_sqlite.ask(an_invoice("inv-1007", number="INV-1007"), an_invoice("inv-1008", currency="EUR"))
    on_sqlite.run()
    said = run(["php", "-r", "\n".join(blocks("php"))], environment).splitlines()
    assert said[0].strip() == "INV-1007: exported"
    assert said[1].startswith("N-inv-1008: failed ")
    assert "EUR" in said[1]


def test_the_commands_about_keys_do_what_the_page_says(environment):
    made = ""
    for block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines() if block.startswith("crewcard-xero") else ():
            _, *words = shlex.split(line, comments=True)
            done = CliRunner().invoke(app, words, env=environment)
            assert done.exit_code == 0, done.output
            made += done.stdout
    assert len(set(re.findall(r"whsec_\S+", made))) == 3
    assert "harbour-pages opens nothing from now on." in made


def test_the_snippets_for_python_do_what_the_page_says(on_sqlite, environment):
    on_sqlite.ask(an_invoice("inv-1007"))
    on_sqlite.run()
    on_sqlite.relay()
    said = run([sys.executable, "-c", "\n".join(blocks("python"))], environment)
    assert "invoice.export.succeeded inv-1007" in said


def test_the_examples_of_signatures_are_right_by_the_librarys_word_too():
    secret = re.search(r"the secret\s+`(whsec_\w+)`", PAGE)[1]
    rows = re.findall(r"\| `(msg-\d)`, `(\d+)` \| `(\w+) (.+?)` \| (?:`(.+?)`|none) \| `(v2,.+?)` \|", PAGE)
    assert len(rows) == 3
    for id_, at, method, target, body, signed in rows:
        content = signing.request_content(method, target, body.encode())
        assert signing.request_signature(secret, id_, int(at), content) == signed
        theirs = Webhook(secret).sign(id_, datetime.fromtimestamp(int(at), UTC), content.decode())
        assert theirs.replace("v1,", "v2,") == signed


def test_the_example_of_a_refusal_is_one(small_host):
    from tests.builders import a_request

    event = a_request()
    del event["data"]["mode"]
    assert small_host.post(event).json() == json.loads(blocks("json")[1])
