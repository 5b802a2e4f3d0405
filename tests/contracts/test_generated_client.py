"""Clients off the shelf, generated from our OpenAPI document: each publishes, signed, and reads by a plain token."""

import importlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from events import signing
from tests.builders import COMPANY, a_request, an_invoice
from tests.contracts.test_contracts import DOCS
from worker.users import host_keys

TOOL = shutil.which("openapi-python-client")
GENERATOR = shutil.which("openapi-generator-cli")
PHP = shutil.which("php")
NODE = shutil.which("node")
CLIENTS = Path(__file__).parent / "clients"
_MODULES = Path(__file__).parent / "node" / "node_modules"
_GUZZLE = Path("/usr/share/php/GuzzleHttp/autoload.php")
pytestmark = [pytest.mark.ci, pytest.mark.timeout(300)]
needs_generator = pytest.mark.skipif(
    not (GENERATOR and shutil.which("java")),
    reason="no openapi-generator-cli on the path, or no Java (.ci/run installs both where it may)",
)
needs_typescript = pytest.mark.skipif(
    not (NODE and (_MODULES / "typescript").exists()),
    reason="no Node, or its packages are not installed (npm ci --prefix tests/contracts/node)",
)


@pytest.fixture
def generated(tmp_path, monkeypatch):
    """The generated package, by what its modules are called below it."""
    command = [
        TOOL,
        "generate",
        "--path",
        DOCS / "openapi.json",
        "--output-path",
        tmp_path / "made",
        "--meta",
        "none",
    ]
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    command += ["--config", tmp_path / "config.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "WARNING" in done.stdout) == (0, False), done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda name: importlib.import_module(f"made.{name}")
    for name in [one for one in sys.modules if one.partition(".")[0] == "made"]:
        del sys.modules[name]


@pytest.mark.skipif(TOOL is None, reason="no openapi-python-client on the path (.ci/run installs it where it may)")
def test_a_python_client_publishes_and_reads(generated, small_host, on_sqlite):
    url = str(small_host.http.base_url)

    def sign(request: httpx.Request) -> None:
        request.read()
        id_, at = request.headers["webhook-id"], int(request.headers["webhook-timestamp"])
        content = signing.request_content(request.method, request.url.raw_path.decode(), request.content)
        request.headers["webhook-signature"] = signing.request_signature(small_host.secret, id_, at, content)

    signer = generated("client").AuthenticatedClient(
        base_url=url,
        token=small_host.key_id,
        auth_header_name="x-crewcard-key",
        prefix="",
        httpx_args={"event_hooks": {"request": [sign]}},
    )
    asked = a_request(an_invoice())
    event = generated("models").InvoiceExportRequestedEvent.from_dict(asked)
    now = str(int(time.time()))
    answer = generated("api.events.publish_events").sync_detailed(
        client=signer, body=event, webhook_id="m1", webhook_timestamp=now, webhook_signature="v2,"
    )
    assert (answer.status_code, answer.parsed.request) == (202, "r1"), answer.content
    on_sqlite.run()
    secret = host_keys.make(on_sqlite.tools, "test", "pages", [COMPANY], ["reads"]).secret
    reader = generated("client").AuthenticatedClient(base_url=url, token=f"pages.{secret}")
    found = generated("api.reads.read_request").sync(COMPANY, "r1", client=reader)
    assert (found.total, found.exported, found.failed) == (1, 1, 0)


def run(*command, folder, **environment):
    """Run a command; gives what it printed."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=folder, env=environment or None, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def generate(kind, folder):
    made = folder / "made"
    run(GENERATOR, "generate", "-i", DOCS / "openapi.json", "-g", kind, "-o", made, folder=folder)
    return made


def with_php(folder):
    """How the PHP client is run: the words, and the environment."""
    return [PHP, CLIENTS / "publish.php"], {"MADE": str(generate("php", folder)), "PATH": "/usr/bin:/bin"}


def compiled(folder, script):
    """What TypeScript makes of a script and its client, at its strictest; nothing is to be said against either."""
    for file in (script, "signing.ts"):
        shutil.copy(CLIENTS / file, folder)
    (folder / "node_modules").symlink_to(_MODULES)
    tsc = [NODE, _MODULES / "typescript/bin/tsc", "--strict", "--target", "es2022", "--module", "commonjs"]
    lib = ["--lib", "es2022,dom,dom.iterable", "--outDir", "out"]
    run(*tsc, *lib, script, folder=folder)
    return [NODE, folder / "out" / script.replace(".ts", ".js")], {"PATH": "/usr/bin:/bin"}


def with_typescript_fetch(folder):
    generate("typescript-fetch", folder)
    return compiled(folder, "typescript-fetch.ts")


def with_openapi_fetch(folder):
    made = [NODE, _MODULES / "openapi-typescript/bin/cli.js", DOCS / "openapi.json", "--default-non-nullable=false"]
    run(*made, "-o", folder / "made.d.ts", folder=folder)
    return compiled(folder, "openapi-fetch.ts")


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(
            with_php,
            marks=[
                needs_generator,
                pytest.mark.skipif(
                    not (PHP and _GUZZLE.exists()), reason="no PHP with Guzzle here (apt: php-guzzlehttp-guzzle)"
                ),
            ],
        ),
        pytest.param(with_typescript_fetch, marks=[needs_generator, needs_typescript]),
        pytest.param(with_openapi_fetch, marks=needs_typescript),
    ],
)
def test_a_generated_client_publishes_and_reads(client, small_host, on_sqlite, tmp_path):
    url = str(small_host.http.base_url).rstrip("/")
    command, environment = client(tmp_path)
    request = "r1"
    event = json.dumps(a_request(an_invoice(request), request=request))
    said = event if client is not with_openapi_fetch else request
    sent = run(*command, "publish", url, small_host.key_id, small_host.secret, said, folder=tmp_path, **environment)
    assert json.loads(sent) == {"request": request, "invoices": 1}
    on_sqlite.run()
    secret = host_keys.make(on_sqlite.tools, "test", "pages", [COMPANY], ["reads"]).secret
    token = f"pages.{secret}"
    found = run(*command, "read", url, token, COMPANY, request, folder=tmp_path, **environment)
    assert json.loads(found) == {"total": 1, "exported": 1, "failed": 0}
