"""The people of a run: they wait for answers, void and delete in Xero by hand, and ask for what follows."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import httpx

from benchmarks.chaos import evidence, world
from benchmarks.chaos.evidence import Book
from benchmarks.chaos.host import Listener, Publisher
from benchmarks.chaos.plan import READS_LAG_SECONDS
from benchmarks.chaos.rounds import Round
from cli.publish import Door

_AT_ONCE = 8
_LAST_BEGINS = 0.6  # of the run
_PAUSE_SECONDS = 0.1


class Bookkeeper:
    """Plays the rounds of each company one after the other. `ledgers` is Xero's books as each round left them."""

    def __init__(
        self, doors: Sequence[Door], xero: httpx.Client, listener: Listener, share: Callable[[], float]
    ) -> None:
        self._doors = doors
        self._xero = xero
        self._listener = listener
        self._share = share
        self._giving_up = threading.Event()
        self.ledgers: dict[tuple[str, str], Sequence[Book]] = {}

    def run(self, rounds: Sequence[Round]) -> None:
        """Play all rounds, or as many as there is patience for."""
        companies = [list(mine) for _, mine in groupby(rounds, key=lambda one: one.company)]
        with ThreadPoolExecutor(_AT_ONCE) as people:
            list(
                people.map(lambda place: self._play(companies[place], place / len(companies)), range(len(companies)))
            )

    def lose_patience(self, seconds: float) -> None:
        """The blows are over: what is not answered so long from now is not waited for."""
        alarm = threading.Timer(seconds, self._giving_up.set)
        alarm.daemon = True
        alarm.start()

    def stop(self) -> None:
        """Give up."""
        self._giving_up.set()

    def _play(self, rounds: Sequence[Round], place: float) -> None:
        self._wait(lambda: self._share() >= place * _LAST_BEGINS)
        for one in rounds:
            if one.by_hand:
                self._giving_up.wait(READS_LAG_SECONDS)  # before that nobody sees in Xero what they void
            tenant = world.tenant_of(one.company)
            for number, status in one.by_hand.items():
                said = {"invoice": number, "status": status}
                self._xero.patch(f"/organisations/{tenant}/invoices", json=said).raise_for_status()
            Publisher(self._doors, one.events, lambda: 1.0).run()
            awaited = {(one.company, what) for what in (*one.requests, one.contact) if what}
            if not self._wait(lambda awaited=awaited: awaited <= self._listener.heard):
                return
            held = evidence.books(self._xero, [one.company])
            self.ledgers |= {(one.company, request): held for request in one.requests}

    def _wait(self, condition: Callable[[], bool]) -> bool:
        """Whether it came true before everybody gives up."""
        while not condition():
            if self._giving_up.wait(_PAUSE_SECONDS):
                return False
        return True
