"""The people of a run: they wait for answers, void, delete and pay in Xero by hand, and ask for what follows."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import httpx

from benchmarks.chaos import books, world
from benchmarks.chaos.books import Book
from benchmarks.chaos.host import FileDoor, Listener, Publisher
from benchmarks.chaos.plan import READS_LAG_SECONDS
from benchmarks.chaos.rounds import Round
from cli.publish import Door

_AT_ONCE = 16
_LAST_BEGINS = 0.6  # of the run
_PAUSE_SECONDS = 0.1


class Bookkeeper:
    """Plays the rounds of each story one after the other. `ledgers` is Xero's books as each round left them."""

    def __init__(
        self,
        doors: Sequence[Door],
        files: FileDoor,
        xero: httpx.Client,
        listener: Listener,
        share: Callable[[], float],
    ) -> None:
        self._doors = doors
        self._files = files
        self._xero = xero
        self._listener = listener
        self._share = share
        self._giving_up = threading.Event()
        self._credit_notes: Sequence[world.Invoice] = ()
        self.ledgers: dict[tuple[str, str], Sequence[Book]] = {}

    def run(self, rounds: Sequence[Round]) -> None:
        """Play all rounds, or as many as there is patience for."""
        wanted = [(one.company, id_, content) for one in rounds for (_, id_), content in one.wanted.items()]
        self._credit_notes = [(company, id_) for company, id_, one in wanted if one.document == "credit_note"]
        stories = [list(mine) for _, mine in groupby(rounds, key=lambda one: (one.story, one.company))]
        places = sorted(range(len(stories)), key=lambda place: stories[place][0].company)  # a company's together
        with ThreadPoolExecutor(_AT_ONCE) as people:
            shares = (place / len(stories) for place in range(len(stories)))
            list(people.map(self._play, [stories[place] for place in places], shares))

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
            for number, amount in one.payments.items():
                paid = {"invoice": number, "amount": str(amount)}
                self._xero.post(f"/organisations/{tenant}/payments", json=paid).raise_for_status()
            if not all(self._wait(lambda file=file: self._files.takes(file)) for file in one.files):
                return
            Publisher(self._doors, one.events, lambda: 1.0).run()
            awaited = {(one.company, what) for what in (*one.requests, *one.awaited)}
            if not self._wait(lambda awaited=awaited: awaited <= self._listener.heard):
                return
            held = books.documents(self._xero, [one.company], self._credit_notes)
            self.ledgers |= {(one.company, request): held for request in one.requests}

    def _wait(self, condition: Callable[[], bool]) -> bool:
        """Whether it came true before everybody gives up."""
        while not condition():
            if self._giving_up.wait(_PAUSE_SECONDS):
                return False
        return True
