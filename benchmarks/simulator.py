"""How many invoices a second one simulator takes on one core: `python -m benchmarks.simulator [seconds]`."""

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Event
from typing import Any

TENANT = "11111111-2222-4333-8444-555555555555"
CONTACT = "22222222-2222-4333-8444-555555555555"
PORT = 8791
_AIM = 3000


def main() -> None:
    """Print the figures for batches of 50 and for single invoices."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    process = subprocess.Popen([sys.executable, "-m", "simulator", "--port", str(PORT)])
    try:
        bearer = _set_up()
        for batch, lines in ((50, 1), (50, 10), (1, 1)):
            before = _cpu_seconds(process.pid)
            sent, spent = _sent(bearer, batch, lines, seconds)
            busy = _cpu_seconds(process.pid) - before
            core = f"{sent / busy:,.0f} per second of one core" if busy else "no /proc here"
            print(f"{sent / spent:,.0f} invoices/s, {core}; {batch} to a call, {lines} lines each (aim: {_AIM:,})")
    finally:
        process.terminate()
        process.wait()


def _set_up() -> str:
    for _ in range(200):
        try:
            _control("GET", "health")
            break
        except OSError:
            Event().wait(0.05)
    organisation = {
        "tenant": TENANT,
        "name": "Benchmark Ltd",
        "contacts": [{"id": CONTACT, "name": "ACME Ltd"}],
        "accounts": [{"code": "200", "tax_type": "OUTPUT"}],
        "tax_rates": [{"code": "OUTPUT", "rate": "15"}],
    }
    _control("POST", "organisations", organisation)
    _control("POST", "apps", {"client_id": "bench", "client_secret": "bench"})
    _control("PUT", "limits", {"on": False})
    pair = _control("POST", "grants", {"client_id": "bench", "user": "anna", "tenants": [TENANT]})
    return str(pair["access_token"])


def _control(method: str, path: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/_simulator/{path}", data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _cpu_seconds(pid: int) -> float:
    """What the simulator has used of a core so far; 0 where the system does not tell."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sent(bearer: str, batch: int, lines: int, seconds: float) -> tuple[int, float]:
    """How many invoices one client sent, one call after the other, and in how many seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    headers = {"Authorization": f"Bearer {bearer}", "Xero-Tenant-Id": TENANT, "Content-Type": "application/json"}
    started, sent = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < seconds:
        body = _body(f"{batch}-{lines}-{sent}", batch, lines)
        connection.request("PUT", "/api.xro/2.0/Invoices?summarizeErrors=false&unitdp=4", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        sent += batch
    return sent, spent


def _body(prefix: str, batch: int, lines: int) -> bytes:
    line = {"Description": "Crew", "Quantity": 1.5, "UnitAmount": 99.9, "AccountCode": "200", "TaxType": "OUTPUT"}
    invoices = [
        {
            "Type": "ACCREC",
            "InvoiceNumber": f"B-{prefix}-{number}",
            "Contact": {"ContactID": CONTACT},
            "Date": "2026-11-20",
            "DueDate": "2026-12-20",
            "Status": "AUTHORISED",
            "LineItems": [line] * lines,
        }
        for number in range(batch)
    ]
    return json.dumps({"Invoices": invoices}).encode()


if __name__ == "__main__":
    main()
