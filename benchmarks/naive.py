"""The naive control's rate: one Dramatiq message and one call per invoice, tenacity around the call."""

import sys
import time
from pathlib import Path

from benchmarks.chaos import naive, world
from benchmarks.installation import Bench
from demo.world import invoice
from tests.machines import wait_for

_ROOT = Path(__file__).parents[1]
_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}


def naive_rate(made: Bench, count: int) -> float:
    """Invoices a second, with as many processes and threads as ours have."""
    machines = made.machines
    (company,) = made.companies(1, "naive")
    bearer = machines.login(company)["access_token"]
    queue = naive.actor(machines.settings.redis_url)
    for number in range(count):
        document = invoice(f"naive-{number:05d}", client=_CLIENT)
        queue.send(world.tenant_of(company), bearer, naive.in_xeros_words(company, document))
    machines.supervisor.environment = {**machines.environment, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-m", "dramatiq", "benchmarks.chaos.naive:start", "--processes", "1"]
    command += ["--worker-shutdown-timeout", "2000"]  # it would wait ten minutes for a Redis that is gone
    begun = time.monotonic()
    for number in range(machines.settings.worker_processes):
        threads = str(machines.settings.worker_threads)
        machines.supervisor.start(f"naive-{number}", [*command, "--threads", threads, "--queues", naive.QUEUE])
    tenant = world.tenant_of(company)
    wait_for(lambda: made.calls(tenant), 60)
    begun = time.monotonic()
    wait_for(lambda: len(made.calls(tenant)) >= count, 900, every=0.2)
    return count / (time.monotonic() - begun)
